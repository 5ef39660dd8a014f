ferry_unit_test(async promise)
ferry_unit_test(async coroutine)
