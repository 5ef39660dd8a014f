ferry_unit_test(loop loop)
ferry_unit_test(loop mailbox)
ferry_unit_test(loop thread_check)
ferry_unit_test(loop timer)
