ferry_unit_test(loop fd_handlers)
ferry_unit_test(loop timer)
