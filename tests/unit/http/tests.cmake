foreach(noun IN ITEMS bound_listener connection connection_input connection_peer connection_refuse
    connection_sweep connection_turn
    coroutine_route curl_loop event_stream
    forwarded guard head http_client http_client_end http_json http_server limits listener reply reply_head reply_stream request router transfer
    transfer_setup without_a_function)
  ferry_unit_test(http ${noun})
  target_link_libraries(test_http_${noun} PRIVATE Threads::Threads)
endforeach()
target_link_libraries(test_http_http_json PRIVATE PkgConfig::JANSSON)
target_link_options(test_http_connection_input PRIVATE -Wl,--wrap=realloc -Wl,--wrap=recv)
target_link_options(test_http_connection_sweep PRIVATE -Wl,--wrap=realloc)
target_link_libraries(test_http_bound_listener PRIVATE PkgConfig::OPENSSL)
