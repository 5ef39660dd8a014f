/* Random numbers that a seed repeats (splitmix64). */
#ifndef TESTS_FAULT_CHANCE_H
#define TESTS_FAULT_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

static inline uint64_t chance_next(struct chance *chance)
{
    uint64_t z = chance->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Return a number from 0 to `below` - 1. */
static inline unsigned chance_below(struct chance *chance, unsigned below)
{
    return (unsigned)(chance_next(chance) % below);
}

static inline bool chance_of(struct chance *chance, unsigned percent)
{
    return chance_below(chance, 100) < percent;
}

#endif
