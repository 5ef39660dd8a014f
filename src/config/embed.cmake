# Makes a C source of a text file: cmake -D TEXT=FILE -D SOURCE=FILE.c -P embed.cmake
file(READ "${TEXT}" bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1, " bytes "${bytes}")
string(REPLACE "0x0a, " "0x0a,\n" bytes "${bytes}")
file(WRITE "${SOURCE}" "/* Made from ferry.yaml. */\n#include \"config.h\"\n\nconst char config_default_text[] = {\n${bytes}0x00};\n")
