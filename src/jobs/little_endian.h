/* Numbers as bytes on disk, the lowest byte first. Any thread. */
#ifndef JOBS_LITTLE_ENDIAN_H
#define JOBS_LITTLE_ENDIAN_H

#include <stddef.h>
#include <stdint.h>

static inline void little_put(unsigned char *at, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static inline uint64_t little_get(const unsigned char *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

#endif
