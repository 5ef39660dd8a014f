# Compiler and linker flags, the same for every target of ours, as one interface library.

option(FERRY_WERROR "Treat warnings as errors (CI does)" OFF)
set(FERRY_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")
option(FERRY_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
option(FERRY_COVERAGE "Measure coverage" OFF)

add_library(ferry_flags INTERFACE)
target_compile_features(ferry_flags INTERFACE c_std_17)
target_compile_definitions(ferry_flags INTERFACE _GNU_SOURCE)
target_compile_options(ferry_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wformat=2 -Wundef -Wwrite-strings -Wconversion
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>
  -fstack-protector-strong -fno-omit-frame-pointer)
target_link_options(ferry_flags INTERFACE -Wl,-z,relro,-z,now)

if(FERRY_WERROR)
  target_compile_options(ferry_flags INTERFACE -Werror)
endif()
if(FERRY_SANITIZE)
  # Global, so that no object escapes: half a sanitized program reports what is not there.
  add_compile_options(-fsanitize=${FERRY_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FERRY_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(ferry_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(FERRY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(FERRY_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
