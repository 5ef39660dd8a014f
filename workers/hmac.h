/*
 * Signatures with a shared secret, and Base64, which they are written in. Any thread.
 */
#ifndef WORKERS_HMAC_H
#define WORKERS_HMAC_H

#include "bytes.h"

enum hmac_hash { HMAC_HASH_SHA1, HMAC_HASH_SHA256 };

enum { HMAC_SIZE_MAX = 32 };

/* Sign; returns the size of the signature, 0 when that failed (no memory). */
size_t hmac_sign(enum hmac_hash hash, const void *key, size_t key_length, const void *data,
                 size_t length, unsigned char signature[HMAC_SIZE_MAX]);

void bytes_append_base64(struct bytes *out, const void *data, size_t length);

/* Append what a Base64 text stands for, padded or not; false if it is none. */
bool bytes_append_unbase64(struct bytes *out, const char *text, size_t length);

#endif
