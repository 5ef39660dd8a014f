/* Random ids and numbers. Any thread; not in a child of fork(2), which would draw what its parent
 * draws. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

enum { RANDOM_ID_BYTES = 16, RANDOM_ID_TEXT_SIZE = 2 * RANDOM_ID_BYTES + 1 };

/* Fill from the system's generator: for ids that are permissions, and for tokens. */
void random_bytes(void *data, size_t length);

/* Write 128 random bits as 32 hexadecimal digits; returns `text`. */
char *random_id(char text[RANDOM_ID_TEXT_SIZE]);

/* Return a number from 0 to `below` - 1; 0 when `below` is 0. For jitter, too. */
uint64_t random_below(uint64_t below);

#endif
