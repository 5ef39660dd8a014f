ferry_unit_test(loop event_log)
ferry_unit_test(loop fd_handlers)
ferry_unit_test(loop loop)
ferry_unit_test(loop mailbox)
if(CMAKE_BUILD_TYPE STREQUAL "Debug") # only a debug build aborts
  ferry_unit_test(loop thread_check)
endif()
ferry_unit_test(loop timer)
