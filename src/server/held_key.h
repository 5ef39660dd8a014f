/*
 * The idempotency keys of requests that are held now: whoever comes with one of them would wait for
 * the same job a second time. Loop thread.
 */
#ifndef SERVER_HELD_KEY_H
#define SERVER_HELD_KEY_H

#include <stdbool.h>

#include "job.h"

struct held_key;

struct held_keys {
    struct held_key *first; /* a hash table */
};

/* Hold a key of a route. Errors: NULL and `error`: FERRY_CONFLICT it is held, FERRY_UNPROCESSABLE
 * it is held for a request of another fingerprint, FERRY_INTERNAL no memory. */
struct held_key *held_key_new(struct held_keys *keys, const char *route, const char *key,
                              const unsigned char fingerprint[JOB_FINGERPRINT_BYTES],
                              ferry_error *error);

/* Let go of it. NULL is allowed. */
void held_key_free(struct held_keys *keys, struct held_key *key);

#endif
