/* Fingerprints: SHA-256, of which the first half is kept. No state of its own. */
#include "fingerprint.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libcrypto.h"

struct fingerprint {
    EVP_MD_CTX *digest;
    bool failed;
};

struct fingerprint *fingerprint_new(void)
{
    struct fingerprint *fingerprint = libcrypto_load() ? calloc(1, sizeof *fingerprint) : NULL;
    if (!fingerprint)
        return NULL;
    fingerprint->digest = EVP_MD_CTX_new();
    fingerprint->failed =
        !fingerprint->digest || !EVP_DigestInit_ex(fingerprint->digest, EVP_sha256(), NULL);
    return fingerprint;
}

void fingerprint_add(struct fingerprint *fingerprint, const void *data, size_t length)
{
    uint64_t size = length;
    if (!fingerprint->failed)
        fingerprint->failed = !EVP_DigestUpdate(fingerprint->digest, &size, sizeof size) ||
                              !EVP_DigestUpdate(fingerprint->digest, data, length);
}

void fingerprint_add_text(struct fingerprint *fingerprint, const char *text)
{
    fingerprint_add(fingerprint, text, strlen(text));
}

bool fingerprint_end(struct fingerprint *fingerprint, unsigned char out[JOB_FINGERPRINT_BYTES])
{
    if (!fingerprint)
        return false;
    unsigned char whole[EVP_MAX_MD_SIZE];
    bool is_whole =
        !fingerprint->failed && EVP_DigestFinal_ex(fingerprint->digest, whole, NULL) == 1;
    if (is_whole)
        memcpy(out, whole, JOB_FINGERPRINT_BYTES);
    EVP_MD_CTX_free(fingerprint->digest);
    free(fingerprint);
    return is_whole;
}
