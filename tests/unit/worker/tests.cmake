ferry_unit_test(worker call)
target_link_options(test_worker_call PRIVATE LINKER:--wrap=malloc)
ferry_unit_test(worker call_input)
ferry_unit_test(worker call_worker)
ferry_unit_test(worker in_flight)
ferry_unit_test(worker lane)
target_link_options(test_worker_lane PRIVATE
  LINKER:--wrap=calloc,--wrap=malloc,--wrap=realloc,--wrap=strdup)
ferry_unit_test(worker lane_messages)
ferry_unit_test(worker message)
ferry_unit_test(worker no_memory)
target_link_options(test_worker_no_memory PRIVATE
  LINKER:--wrap=calloc,--wrap=malloc,--wrap=realloc,--wrap=strdup)
ferry_unit_test(worker registry)
ferry_unit_test(worker settings)
ferry_unit_test(worker thread_state)

# Real plug-ins for the registry to load, good and bad; they find the functions of worker.h in the
# program that loads them.
set_target_properties(test_worker_registry PROPERTIES ENABLE_EXPORTS ON)
foreach(plugin good no_run no_worker other_abi unresolved)
  add_library(test_plugin_${plugin} MODULE
    ${CMAKE_CURRENT_LIST_DIR}/plugins/${plugin}.c)
  target_link_libraries(test_plugin_${plugin} PRIVATE ferry_flags)
  target_include_directories(test_plugin_${plugin} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  set_target_properties(test_plugin_${plugin} PROPERTIES PREFIX "" OUTPUT_NAME ${plugin}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/plugins)
  add_dependencies(test_worker_registry test_plugin_${plugin})
endforeach()
target_compile_definitions(test_worker_registry PRIVATE
  PLUGINS="${CMAKE_CURRENT_BINARY_DIR}/plugins")
