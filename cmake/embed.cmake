# Files inside the program, as they lie in the repository:
#
#   ferry_embed(FLOOR NAME FILE)
#
# adds to a floor a C source with `const char NAME[]`, the file's bytes and a NUL, and `const char
# NAME_etag[]`, what HTTP knows them by. It is made anew whenever the file changes, by this file as a
# script: cmake -D NAME=... -D FILE=... -D SOURCE=... -P embed.cmake

if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${FILE}" bytes HEX)
  file(SHA256 "${FILE}" digest)
  string(SUBSTRING "${digest}" 0 32 digest)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1', " bytes "${bytes}")
  string(REPLACE "'\\x0a', " "'\\x0a',\n" bytes "${bytes}")
  cmake_path(GET FILE FILENAME file_name)
  file(WRITE "${SOURCE}" "/* Made from ${file_name}. */\n"
    "extern const char ${NAME}[], ${NAME}_etag[];\n"
    "const char ${NAME}_etag[] = \"\\\"${digest}\\\"\";\n"
    "const char ${NAME}[] = {\n${bytes}0};\n")
  return()
endif()

set(embed_script "${CMAKE_CURRENT_LIST_FILE}")

function(ferry_embed floor name file)
  set(source "${PROJECT_BINARY_DIR}/embedded/${name}.c")
  add_custom_command(
    OUTPUT "${source}"
    COMMAND "${CMAKE_COMMAND}" -D "NAME=${name}" -D "FILE=${PROJECT_SOURCE_DIR}/${file}"
            -D "SOURCE=${source}" -P "${embed_script}"
    DEPENDS "${file}" "${embed_script}"
    VERBATIM)
  target_sources(ferry_${floor} PRIVATE "${source}")
endfunction()
