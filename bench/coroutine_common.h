/* What the two halves of bench/coroutine share: the clock, and the counts. */
#ifndef COROUTINE_COMMON_H
#define COROUTINE_COMMON_H

#include <stdint.h>
#include <time.h>

enum { TIMERS = 100000 };

static inline double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Scattered over a minute, the same for both. */
static inline int64_t timer_delay_ms(int i)
{
    return (int64_t)((uint32_t)i * UINT32_C(2654435761) % 60000);
}

#endif
