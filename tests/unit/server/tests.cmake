ferry_unit_test(server route_metrics)
