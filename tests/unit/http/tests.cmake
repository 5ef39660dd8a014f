foreach(noun IN ITEMS address connection curl_loop header_scan http_client http_server listener
    reply request router transfer transfer_setup)
  ferry_unit_test(http ${noun})
  target_link_libraries(test_http_${noun} PRIVATE Threads::Threads)
endforeach()
