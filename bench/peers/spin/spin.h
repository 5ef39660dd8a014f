/* spin: computing and nothing else, some 200 us of it: the CPU-heavy call of the benchmarks. The
 * same steps are in each peer, so that all do the same work. */
#pragma once
#include <stdint.h>

enum { SPIN_STEPS = 100000 };

static inline uint64_t spin(void)
{
    uint64_t x = 88172645463325252U;
    for (int i = 0; i < SPIN_STEPS; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        __asm__ volatile("" : "+r"(x)); /* every step is taken */
    }
    return x;
}
