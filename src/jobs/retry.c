/* Exponential backoff with jitter above a floor. No state; any thread. */
#include "retry.h"

#include "random.h"

static int64_t ceiling_ms(int64_t min_ms, int64_t max_ms, unsigned attempt)
{
    int64_t ceiling = min_ms;
    for (unsigned n = 1; n < attempt && ceiling < max_ms; n++)
        ceiling = ceiling > max_ms / 2 ? max_ms : ceiling * 2;
    return ceiling < max_ms ? ceiling : max_ms;
}

int64_t retry_wait_ms(int64_t min_ms, int64_t max_ms, unsigned attempt)
{
    if (min_ms < 1)
        min_ms = 1;
    if (max_ms < min_ms)
        max_ms = min_ms;
    int64_t floor = min_ms / 2;
    int64_t range = ceiling_ms(min_ms, max_ms, attempt) - floor;
    return floor + (int64_t)random_below((uint64_t)range + 1);
}

bool retry_is_last(unsigned attempt, unsigned attempts)
{
    return attempt >= attempts;
}
