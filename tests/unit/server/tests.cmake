ferry_unit_test(server route_metrics)
ferry_unit_test(server schedule_slots)
