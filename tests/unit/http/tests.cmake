foreach(noun IN ITEMS connection coroutine_route curl_loop event_stream forwarded guard http_client
    http_json http_server limits listener reply reply_stream request router transfer
    transfer_setup)
  ferry_unit_test(http ${noun})
  target_link_libraries(test_http_${noun} PRIVATE Threads::Threads)
endforeach()
target_link_libraries(test_http_http_json PRIVATE PkgConfig::JANSSON)
