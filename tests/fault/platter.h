/*
 * A file of the disk in memory: what is synced, and what was only written. A cut of the power
 * leaves what is synced, and of the rest whatever chance lets through: each sector of each write by
 * itself, whole, in part or not at all, and each change of the size likewise.
 *
 * One thread at a time: disk_vfs.c has a lock.
 */
#ifndef TESTS_FAULT_PLATTER_H
#define TESTS_FAULT_PLATTER_H

#include <stddef.h>

#include "chance.h"

struct content {
    unsigned char *data;
    size_t size, capacity;
};

struct platter {
    struct content synced, current;
    struct platter_change *changes, **end; /* since the last sync, in their order */
};

void platter_init(struct platter *platter);
void platter_fini(struct platter *platter);

/* Read up to `length` bytes; returns how many are there. */
size_t platter_read(const struct platter *platter, void *data, size_t length, size_t offset);
void platter_write(struct platter *platter, const void *data, size_t length, size_t offset);
void platter_resize(struct platter *platter, size_t size);
void platter_sync(struct platter *platter);

/* Forget to sync what was written so far, for good: it stays readable until the power is cut. */
void platter_lose(struct platter *platter);

/* How much of what is not synced survives: `percent` of the sectors, the others as chance says
 * (dropped, torn, or noise where the file had grown). */
struct survival {
    unsigned percent;
    unsigned sector;
};

void platter_cut_power(struct platter *platter, struct survival survival, struct chance *chance);

#endif
