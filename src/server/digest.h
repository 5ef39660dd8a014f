/* SHA-256, and comparing what is secret. Any thread; no state. */
#ifndef SERVER_DIGEST_H
#define SERVER_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { DIGEST_BYTES = 32 };

/* Load what digests need, which takes some milliseconds: away from the loop, if they are to be made
 * there. Returns false when it cannot be loaded, which is logged. */
bool digest_prepare(void);

/* Make the digest of some bytes, and the one under a key (HMAC). Each returns whether there was
 * memory. */
bool digest_make(const void *data, size_t length, unsigned char out[DIGEST_BYTES]);
bool digest_make_keyed(const unsigned char key[DIGEST_BYTES], const void *data, size_t length,
                       unsigned char out[DIGEST_BYTES]);

/* Compare in a time that does not tell where they differ. */
bool digest_is_same(const void *a, const void *b, size_t length);

#endif
