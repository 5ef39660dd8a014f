ferry_unit_test(loop fd_handlers)
