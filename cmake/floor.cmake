# The house: one folder under src/ is one floor, one target, one include path.
#
#   ferry_floor(NAME [BELOW floors...] [HEADERS public headers...] SOURCES files... [LINKS libs...])
#
# A floor sees its own headers, those of the floors it names under BELOW, and theirs: an #include
# of a floor above does not compile. The public headers of a floor are reached through a folder of
# links that holds just those, so that the rule covers <ferry/...> as well.

function(ferry_floor name)
  cmake_parse_arguments(F "" "" "BELOW;HEADERS;SOURCES;LINKS" ${ARGN})
  list(TRANSFORM F_SOURCES PREPEND "${PROJECT_SOURCE_DIR}/src/${name}/")
  add_library(ferry_${name} STATIC ${F_SOURCES})
  target_include_directories(ferry_${name} PUBLIC "${PROJECT_SOURCE_DIR}/src/${name}")
  if(F_HEADERS)
    set(view "${PROJECT_BINARY_DIR}/floors/${name}")
    file(MAKE_DIRECTORY "${view}/ferry")
    foreach(header IN LISTS F_HEADERS)
      file(CREATE_LINK "${PROJECT_SOURCE_DIR}/include/ferry/${header}" "${view}/ferry/${header}" SYMBOLIC)
    endforeach()
    target_include_directories(ferry_${name} PUBLIC "${view}")
  endif()
  list(TRANSFORM F_BELOW PREPEND "ferry_")
  target_link_libraries(ferry_${name} PUBLIC ${F_BELOW} PRIVATE ferry_flags ${F_LINKS})
endfunction()
