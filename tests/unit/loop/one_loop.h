/* One loop for each test, and what callbacks of its do. */
#ifndef UNIT_LOOP_ONE_LOOP_H
#define UNIT_LOOP_ONE_LOOP_H

#include <ferry/loop.h>

#include "support.h"
#include "watchdog.h"

/* The state of a test is its loop. */
static inline int one_loop_setup(void **state)
{
    *state = ferry_loop_new();
    assert_non_null(*state);
    return watchdog_start(state);
}

static inline int one_loop_teardown(void **state)
{
    ferry_loop_free(*state);
    return watchdog_stop(state);
}

static inline void stop(void *loop)
{
    ferry_loop_stop(loop);
}

static inline void count(void *number)
{
    ++*(unsigned *)number;
}

#endif
