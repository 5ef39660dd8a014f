/*
 * A watchdog for tests that run a loop: they wait for a condition, and this is its deadline.
 * SIGALRM ends the whole program, wherever it hangs.
 */
#ifndef UNIT_LOOP_WATCHDOG_H
#define UNIT_LOOP_WATCHDOG_H

#include <unistd.h>

enum { WATCHDOG_SECONDS = 60 };

static inline int watchdog_start(void **state)
{
    (void)state;
    alarm(WATCHDOG_SECONDS);
    return 0;
}

static inline int watchdog_stop(void **state)
{
    (void)state;
    alarm(0);
    return 0;
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, watchdog_start, watchdog_stop)

#endif
