ferry_unit_test(server route_metrics)
ferry_unit_test(server schedule_slots)
ferry_unit_test(server schedules)
target_link_libraries(test_server_schedules PRIVATE PkgConfig::SQLITE)
