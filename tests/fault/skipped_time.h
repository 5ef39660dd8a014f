/* Time that nobody waits for: the writer opens a lost database once a second. Linked with
 * --wrap=clock_monotonic_us and clock_monotonic_us_after; for the one file of a program that has
 * its main. */
#ifndef TESTS_FAULT_SKIPPED_TIME_H
#define TESTS_FAULT_SKIPPED_TIME_H

#include "clock.h"

enum { PAUSE_US = 2000000 };

static int64_t skipped_us;

int64_t __real_clock_monotonic_us(void);
int64_t __wrap_clock_monotonic_us(void);
int64_t __real_clock_monotonic_us_after(int64_t ms);
int64_t __wrap_clock_monotonic_us_after(int64_t ms);

int64_t __wrap_clock_monotonic_us(void)
{
    return __real_clock_monotonic_us() + __atomic_load_n(&skipped_us, __ATOMIC_RELAXED);
}

/* Each of the clock's functions is to tell the same time. */
int64_t __wrap_clock_monotonic_us_after(int64_t ms)
{
    return __real_clock_monotonic_us_after(ms) + __atomic_load_n(&skipped_us, __ATOMIC_RELAXED);
}

static void let_time_pass(void)
{
    __atomic_fetch_add(&skipped_us, PAUSE_US, __ATOMIC_RELAXED);
}

#endif
