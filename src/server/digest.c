/* Digests, by OpenSSL. No state. */
#include "digest.h"

#include "libcrypto.h"

bool digest_make(const void *data, size_t length, unsigned char out[DIGEST_BYTES])
{
    unsigned made = 0;
    return libcrypto_load() && EVP_Digest(data, length, out, &made, EVP_sha256(), NULL) == 1 &&
           made == DIGEST_BYTES;
}

/* OpenSSL loads more for the first one. */
bool digest_prepare(void)
{
    unsigned char digest[DIGEST_BYTES];
    return digest_make("", 0, digest);
}

bool digest_make_keyed(const unsigned char key[DIGEST_BYTES], const void *data, size_t length,
                       unsigned char out[DIGEST_BYTES])
{
    unsigned made = 0;
    return libcrypto_load() && HMAC(EVP_sha256(), key, DIGEST_BYTES, data, length, out, &made) &&
           made == DIGEST_BYTES;
}

bool digest_is_same(const void *a, const void *b, size_t length)
{
    return libcrypto_load() && CRYPTO_memcmp(a, b, length) == 0;
}
