foreach(noun IN ITEMS combine context coroutine future periodic promise run_on_executor run_sync
                      stack_pool)
  ferry_unit_test(async ${noun})
endforeach()
target_link_libraries(test_async_context PRIVATE m)
target_link_options(test_async_periodic PRIVATE -Wl,--wrap=realloc)
ferry_unit_test(async no_memory)
target_link_options(test_async_no_memory PRIVATE -Wl,--wrap=calloc,--wrap=malloc,--wrap=realloc,--wrap=strdup)
