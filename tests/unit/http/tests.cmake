foreach(noun IN ITEMS address connection coroutine_route header_scan http_server limits listener reply request
                      router)
  ferry_unit_test(http ${noun})
  target_link_libraries(test_http_${noun} PRIVATE Threads::Threads)
endforeach()
