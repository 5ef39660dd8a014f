/* The grid of a periodic callback. No state; any thread. */
#ifndef ASYNC_PERIODIC_GRID_H
#define ASYNC_PERIODIC_GRID_H

#include <stdint.h>

/* Return the time of the grid that follows `last_ms` and is later than `now_ms`. */
static inline int64_t periodic_next_ms(int64_t last_ms, int64_t now_ms, int64_t interval_ms)
{
    if (now_ms < last_ms)
        return last_ms + interval_ms;
    return last_ms + ((now_ms - last_ms) / interval_ms + 1) * interval_ms;
}

/* Return an interval that varies by `jitter` of it; `chance` is from 0 to 1. */
static inline int64_t periodic_vary_ms(int64_t interval_ms, double jitter, double chance)
{
    int64_t varied = (int64_t)((double)interval_ms * (1 + jitter * (chance - 0.5)));
    return varied > 0 ? varied : 1;
}

#endif
