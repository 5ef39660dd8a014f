ferry_unit_test(executor executor)
ferry_unit_test(executor shutdown)
ferry_unit_test(executor background)
ferry_unit_test(executor spread)
