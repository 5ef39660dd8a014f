/*
 * Memory of what comes and goes with each request and job: a piece that is freed is kept for the
 * next of its size.
 *
 * Any thread. Each keeps pieces of its own, SPARE_KEPT_MAX of a size, and none that are large.
 */
#ifndef BASE_SPARE_H
#define BASE_SPARE_H

#include <stddef.h>

enum { SPARE_KEPT_MAX = 256, SPARE_PIECE_MAX_BYTES = 1024 };

/* Return a piece of so many bytes, whatever stands in them; NULL without memory. */
void *spare_new(size_t bytes);

/* Free a piece, by the size that it was asked for with. Harmless for NULL. */
void spare_free(void *memory, size_t bytes);

#endif
