/*
 * OpenSSL's libcrypto, for digests and the dates of certificates, loaded when it is first needed:
 * with libssl it is the most that a start would load, in time and in memory, and few requests need
 * a digest.
 *
 * This header stands in for <openssl/evp.h> and its like: the functions have their names and types,
 * and are called through a table. libcrypto_load comes before any of them. Any thread.
 */
#ifndef BASE_LIBCRYPTO_H
#define BASE_LIBCRYPTO_H

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>

#define LIBCRYPTO_FUNCTIONS(X)                                                                     \
    X(CRYPTO_memcmp)                                                                               \
    X(EVP_Digest)                                                                                  \
    X(EVP_DigestFinal_ex)                                                                          \
    X(EVP_DigestInit_ex)                                                                           \
    X(EVP_DigestUpdate)                                                                            \
    X(EVP_MD_CTX_free)                                                                             \
    X(EVP_MD_CTX_new)                                                                              \
    X(EVP_sha1)                                                                                    \
    X(EVP_sha256)                                                                                  \
    X(HMAC)                                                                                        \
    X(PEM_read_X509)                                                                               \
    X(X509_cmp_current_time)                                                                       \
    X(X509_free)                                                                                   \
    X(X509_get0_notAfter)                                                                          \
    X(X509_get0_notBefore)

#define LIBCRYPTO_MEMBER(name) __typeof__(name) *name##_;
struct libcrypto {
    LIBCRYPTO_FUNCTIONS(LIBCRYPTO_MEMBER)
};
#undef LIBCRYPTO_MEMBER

/* Nothing but NULL before libcrypto_load, and not changed after it. */
extern struct libcrypto libcrypto;

/* Load libcrypto, if it is not. Returns false when that fails, which is logged; the next call tries
 * again. */
bool libcrypto_load(void);

#define CRYPTO_memcmp         libcrypto.CRYPTO_memcmp_
#define EVP_Digest            libcrypto.EVP_Digest_
#define EVP_DigestFinal_ex    libcrypto.EVP_DigestFinal_ex_
#define EVP_DigestInit_ex     libcrypto.EVP_DigestInit_ex_
#define EVP_DigestUpdate      libcrypto.EVP_DigestUpdate_
#define EVP_MD_CTX_free       libcrypto.EVP_MD_CTX_free_
#define EVP_MD_CTX_new        libcrypto.EVP_MD_CTX_new_
#define EVP_sha1              libcrypto.EVP_sha1_
#define EVP_sha256            libcrypto.EVP_sha256_
#define HMAC                  libcrypto.HMAC_
#define PEM_read_X509         libcrypto.PEM_read_X509_
#define X509_cmp_current_time libcrypto.X509_cmp_current_time_
#define X509_free             libcrypto.X509_free_
#define X509_get0_notAfter    libcrypto.X509_get0_notAfter_
#define X509_get0_notBefore   libcrypto.X509_get0_notBefore_

#endif
