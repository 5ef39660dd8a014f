/*
 * TLS contexts.
 *
 * A context is an SSL_CTX, which OpenSSL itself counts the users of, and what it does not know: the
 * role. It is not changed once it is made, so that any thread may make connections of it.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct ferry_tls {
    atomic_uint references;
    SSL_CTX *context;
    bool is_client;
    bool verifies; /* a client that checks its server */
};

/* ---- making ---- */

static int file_error(ferry_error *error, const char *what, const char *path)
{
    unsigned long number = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(number);
    ERR_clear_error();
    return ferry_error_set(error, FERRY_INVALID, "%s: cannot be used as the %s: %s", path, what,
                           reason ? reason : "no reason given");
}

/* An encrypted key must not ask a terminal for its password. */
static int no_password(char *buffer, int size, int is_writing, void *arg)
{
    (void)buffer, (void)size, (void)is_writing, (void)arg;
    return -1;
}

static int load_own(SSL_CTX *context, const ferry_tls_options *options, ferry_error *error)
{
    SSL_CTX_set_default_passwd_cb(context, no_password);
    if (!options->certificate && !options->key)
        return 0;
    if (!options->certificate || !options->key)
        return ferry_error_set(error, FERRY_INVALID, "a certificate and its key go together");
    if (SSL_CTX_use_certificate_chain_file(context, options->certificate) != 1)
        return file_error(error, "certificate", options->certificate);
    if (SSL_CTX_use_PrivateKey_file(context, options->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return file_error(error, "certificate's key", options->key);
    return 0;
}

static int load_trust(SSL_CTX *context, const char *ca, ferry_error *error)
{
    if (!ca)
        SSL_CTX_set_default_verify_paths(context);
    else if (SSL_CTX_load_verify_locations(context, ca, NULL) != 1)
        return file_error(error, "CA", ca);
    return 0;
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
    static const unsigned char id[] = "ferry";
    SSL_CTX *context = SSL_CTX_new(method);
    if (!context)
        return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_id_context(context, id, sizeof id - 1);
    return context;
}

static ferry_tls *tls_new(bool is_client, ferry_error *error)
{
    const char *wrong = libssl_load();
    if (wrong) {
        ferry_error_set(error, FERRY_INTERNAL, "there is no TLS: %s", wrong);
        return NULL;
    }
    ferry_tls *tls = calloc(1, sizeof *tls);
    if (tls)
        tls->context = context_new(is_client ? TLS_client_method() : TLS_server_method());
    if (!tls || !tls->context) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        free(tls);
        return NULL;
    }
    atomic_init(&tls->references, 1);
    tls->is_client = is_client;
    return tls;
}

/*
 * Agree on the protocol that the connection was made for. Offers that lack it end the handshake
 * (RFC 7301), so that nobody is answered in a protocol that he did not mean.
 */
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                           const unsigned char *offers, unsigned length, void *arg)
{
    (void)arg;
    const char *wanted = SSL_get_app_data(ssl);
    size_t size = wanted ? strlen(wanted) : 0;
    if (!wanted)
        return SSL_TLSEXT_ERR_NOACK;
    for (unsigned i = 0; i < length; i += offers[i] + 1U) {
        if (offers[i] != size || i + 1 + size > length || memcmp(offers + i + 1, wanted, size) != 0)
            continue;
        *out = offers + i + 1;
        *out_length = (unsigned char)size;
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* TLS 1.3 has none but good ciphers; of those of 1.2 the ones with forward secrecy and AEAD. */
static void context_set_up_server(SSL_CTX *context)
{
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
}

ferry_tls *ferry_tls_new_server(const ferry_tls_options *options, ferry_error *error)
{
    if (!options || !options->certificate) {
        ferry_error_set(error, FERRY_INVALID, "a TLS server needs a certificate");
        return NULL;
    }
    ferry_tls *tls = tls_new(false, error);
    if (!tls)
        return NULL;
    context_set_up_server(tls->context);
    if (load_own(tls->context, options, error) < 0 ||
        (options->ca && load_trust(tls->context, options->ca, error) < 0)) {
        ferry_tls_free(tls);
        return NULL;
    }
    if (options->ca)
        SSL_CTX_set_verify(
            tls->context,
            SSL_VERIFY_PEER | (options->ca_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT), NULL);
    return tls;
}

ferry_tls *ferry_tls_new_client(const ferry_tls_options *options, ferry_error *error)
{
    static const ferry_tls_options defaults;
    options = options ? options : &defaults;
    ferry_tls *tls = tls_new(true, error);
    if (!tls)
        return NULL;
    if (load_own(tls->context, options, error) < 0 ||
        load_trust(tls->context, options->ca, error) < 0) {
        ferry_tls_free(tls);
        return NULL;
    }
    tls->verifies = !options->skip_verify;
    SSL_CTX_set_verify(tls->context, tls->verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    return tls;
}

ferry_tls *tls_ref(ferry_tls *tls)
{
    if (tls)
        atomic_fetch_add_explicit(&tls->references, 1, memory_order_relaxed);
    return tls;
}

void ferry_tls_free(ferry_tls *tls)
{
    if (!tls || atomic_fetch_sub_explicit(&tls->references, 1, memory_order_acq_rel) > 1)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

/* ---- connections ---- */

int tls_check_side(const ferry_tls *tls, bool is_client, ferry_error *error)
{
    if (!tls || tls->is_client == is_client)
        return 0;
    return ferry_error_set(error, FERRY_INVALID, "the TLS context is that of a %s",
                           is_client ? "server" : "client");
}

static bool is_address(const char *name)
{
    struct in6_addr ignored;
    return inet_pton(AF_INET, name, &ignored) == 1 || inet_pton(AF_INET6, name, &ignored) == 1;
}

/* Whom the client asks for, and whom it takes. Returns whether OpenSSL took it. */
static bool expect_name(SSL *ssl, const char *name, bool verifies)
{
    if (is_address(name))
        return !verifies || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) == 1 && (!verifies || SSL_set1_host(ssl, name) == 1);
}

SSL *tls_connection_new(ferry_tls *tls, const char *name)
{
    SSL *ssl = SSL_new(tls->context);
    if (ssl && tls->is_client && !expect_name(ssl, name, tls->verifies)) {
        SSL_free(ssl);
        ssl = NULL;
    }
    ERR_clear_error();
    return ssl;
}
