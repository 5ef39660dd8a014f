/*
 * A certificate that signs itself, and its key, in a folder of the test's own; contexts of both
 * ends that use it. The first two functions are for a group of tests.
 */
#ifndef UNIT_CERTIFICATE_H
#define UNIT_CERTIFICATE_H

#include "support.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <ferry/tls.h>

static char certificate_folder[] = "/tmp/ferry-certificate-XXXXXX";
static char certificate_path[64], key_path[64];

static inline void certificate_save(X509 *certificate, EVP_PKEY *key)
{
    FILE *out = fopen(certificate_path, "we");
    PEM_write_X509(out, certificate);
    fclose(out);
    out = fopen(key_path, "we");
    PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
}

static inline int certificate_make(void **state)
{
    (void)state;
    if (!mkdtemp(certificate_folder))
        return -1;
    snprintf(certificate_path, sizeof certificate_path, "%s/c.pem", certificate_folder);
    snprintf(key_path, sizeof key_path, "%s/k.pem", certificate_folder);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"here", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_sign(certificate, key, EVP_sha256());
    certificate_save(certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return 0;
}

static inline int certificate_remove(void **state)
{
    (void)state;
    unlink(certificate_path);
    unlink(key_path);
    return rmdir(certificate_folder);
}

/* The one certificate is the clients' CA as well, where they are asked for one. */
static inline ferry_tls *certificate_tls(bool asks_clients)
{
    ferry_error error;
    ferry_tls *tls = ferry_tls_new_server(
        &(ferry_tls_options){
            .certificate = certificate_path,
            .key = key_path,
            .ca = asks_clients ? certificate_path : NULL,
            .ca_optional = asks_clients,
        },
        &error);
    if (!tls)
        fail_msg("%s", error.message);
    return tls;
}

/* A client that checks nothing, and shows the certificate or none. */
static inline SSL_CTX *certificate_client(bool shows)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (shows) {
        SSL_CTX_use_certificate_file(context, certificate_path, SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM);
    }
    return context;
}

#endif
