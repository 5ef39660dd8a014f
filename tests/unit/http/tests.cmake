# ferry_unit_test looks for the sources relative to the folder that calls it, and so finds none.
foreach(noun IN ITEMS address connection header_scan http_server listener reply request router)
  add_executable(test_http_${noun} http/test_${noun}.c)
  target_link_libraries(test_http_${noun} PRIVATE ferry_http ferry_flags PkgConfig::CMOCKA Threads::Threads)
  target_include_directories(test_http_${noun} PRIVATE "${PROJECT_SOURCE_DIR}/tests/unit")
  add_test(NAME http/${noun} COMMAND test_http_${noun})
  set_tests_properties(http/${noun} PROPERTIES TIMEOUT 120)
endforeach()
