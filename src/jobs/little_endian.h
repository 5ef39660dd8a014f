/* Numbers as bytes on disk, the lowest byte first. Any thread. */
#ifndef JOBS_LITTLE_ENDIAN_H
#define JOBS_LITTLE_ENDIAN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Of 8 bytes at most, as the next one. */
static inline void little_put(void *at, size_t size, uint64_t value)
{
    uint64_t little = htole64(value);
    memcpy(at, &little, size);
}

static inline uint64_t little_get(const void *at, size_t size)
{
    uint64_t little = 0;
    memcpy(&little, at, size);
    return le64toh(little);
}

#endif
