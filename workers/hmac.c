/* HMAC by OpenSSL, Base64 by hand. Pure functions. */
#include "hmac.h"

#include <limits.h>
#include <string.h>

#include "libcrypto.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t hmac_sign(enum hmac_hash hash, const void *key, size_t key_length, const void *data,
                 size_t length, unsigned char signature[HMAC_SIZE_MAX])
{
    unsigned size = 0;
    if (!libcrypto_load())
        return 0;
    const EVP_MD *digest = hash == HMAC_HASH_SHA1 ? EVP_sha1() : EVP_sha256();
    if (key_length > INT_MAX || !HMAC(digest, key, (int)key_length, data, length, signature, &size))
        return 0;
    return size;
}

void bytes_append_base64(struct bytes *out, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < length; i += 3) {
        size_t n = length - i < 3 ? length - i : 3;
        unsigned group = (unsigned)bytes[i] << 16;
        group |= n > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        group |= n > 2 ? bytes[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            bytes_append_char(out, k <= n ? alphabet[group >> (18 - 6 * k) & 63] : '=');
    }
}

bool bytes_append_unbase64(struct bytes *out, const char *text, size_t length)
{
    unsigned group = 0, bits = 0;
    while (length > 0 && text[length - 1] == '=')
        length--;
    if (length % 4 == 1)
        return false;
    for (size_t i = 0; i < length; i++) {
        const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!at)
            return false;
        group = group << 6 | (unsigned)(at - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes_append_char(out, (char)(group >> bits & 0xFF));
        }
    }
    return true;
}
