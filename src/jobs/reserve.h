/*
 * The reserve: a file beside the database that takes up room on the disk, to be given up, bit by
 * bit, when that is full. Whoever deletes jobs then has some to do it in, and so has a start;
 * nobody else is given any. It is made whole again when the disk has room for it, and for what is
 * kept free besides.
 *
 * One thread, the writer's. Functions block. Nothing depends on it: it may be missing.
 */
#ifndef JOBS_RESERVE_H
#define JOBS_RESERVE_H

#include <stdbool.h>

struct reserve;

/* Returns NULL without memory. */
struct reserve *reserve_new(const char *database);
void reserve_free(struct reserve *reserve);

/* Make it whole, if it is not and the disk has room; looks now and then only. */
void reserve_keep(struct reserve *reserve);

/* If next to nothing is free on the disk, give up some, but keep so much. */
enum { RESERVE_FOR_DELETES = 4 << 20 }; /* what others keep */
void reserve_give(struct reserve *reserve, int kept_bytes);

#endif
