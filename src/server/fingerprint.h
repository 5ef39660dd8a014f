/*
 * The fingerprint of a request: what must be the same for two requests with one Idempotency-Key to
 * be taken for one. Any thread, one at a time.
 */
#ifndef SERVER_FINGERPRINT_H
#define SERVER_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "job.h"

struct fingerprint;

/* Begin one; NULL without memory. */
struct fingerprint *fingerprint_new(void);

/* Add a part. Its length counts, so that "a", "bc" and "ab", "c" differ. */
void fingerprint_add(struct fingerprint *fingerprint, const void *data, size_t length);
void fingerprint_add_text(struct fingerprint *fingerprint, const char *text);

/* Finish and free it. Returns whether there was memory for all of it. NULL is allowed. */
bool fingerprint_end(struct fingerprint *fingerprint, unsigned char out[JOB_FINGERPRINT_BYTES]);

#endif
