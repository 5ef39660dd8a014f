ferry_unit_test(loop event_log)
ferry_unit_test(loop fd_handlers)
target_link_options(test_loop_fd_handlers PRIVATE
  LINKER:--wrap=calloc,--wrap=malloc,--wrap=realloc,--wrap=strdup)
ferry_unit_test(loop life)
ferry_unit_test(loop loop)
ferry_unit_test(loop mailbox)
ferry_unit_test(loop posted)
target_link_options(test_loop_posted PRIVATE LINKER:--wrap=aligned_alloc)
if(NOT FERRY_SANITIZE STREQUAL "thread") # the race detector calls it itself, before it can be called
  target_link_options(test_loop_posted PRIVATE LINKER:--wrap=pthread_setspecific)
  target_compile_definitions(test_loop_posted PRIVATE WRAPS_SETSPECIFIC)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug") # only a debug build aborts
  ferry_unit_test(loop thread_check)
endif()
ferry_unit_test(loop timer)
ferry_unit_test(loop turn)
