ferry_unit_test(async future)
ferry_unit_test(async run_on_executor)
