ferry_unit_test(server job_json)
ferry_unit_test(server route_metrics)
