/* When a failed job runs again. Any thread. */
#ifndef JOBS_RETRY_H
#define JOBS_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Return how long to wait after the nth attempt has failed (1 is the first): a random time between
 * half of `min_ms` and min_ms * 2^(n-1), the latter `max_ms` at most. Jitter over the whole range
 * keeps jobs that failed together from coming back together; the floor keeps one from coming back
 * at once.
 */
int64_t retry_wait_ms(int64_t min_ms, int64_t max_ms, unsigned attempt);

/* Tell whether the nth attempt was the last of `attempts`. */
bool retry_is_last(unsigned attempt, unsigned attempts);

#endif
