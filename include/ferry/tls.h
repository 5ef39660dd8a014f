/*
 * TLS for streams and HTTP servers: certificates and what is asked of the peer's, made once and
 * used by many.
 *
 * TLS 1.2 and later. Renegotiation is refused. A peer that ends without a close_notify has ended
 * like any other: protocols that must know where a message ends say so themselves.
 */
#ifndef FERRY_TLS_H
#define FERRY_TLS_H

#include <ferry/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_tls ferry_tls;

/* Zero means the default in every field. Files are PEM, and read when the context is made. */
typedef struct ferry_tls_options {
    const char *certificate; /* its file, with those that lead to its CA; a server needs one */
    const char *key;         /* the certificate's private key; not encrypted */
    const char *ca;          /* whom to trust. A client: the system's CAs; a server that is given
                                one asks every client for a certificate of it */
    bool skip_verify;        /* a client that believes any certificate: for tests only */
    bool ca_optional;        /* a server with a `ca`: clients may come without a certificate, but
                                with no other one */
} ferry_tls_options;

/*
 * Make the context of a server, or of a client. A client checks that a CA it trusts has signed the
 * certificate, and that it is that of the host it asked for.
 * Thread: any. Blocks: it reads files. Owns: the caller, until ferry_tls_free; strings are copied.
 * Errors: NULL and `error`: FERRY_INVALID, a file that cannot be used, with its name.
 */
FERRY_API ferry_tls *ferry_tls_new_server(const ferry_tls_options *options, ferry_error *error);
FERRY_API ferry_tls *ferry_tls_new_client(const ferry_tls_options *options, ferry_error *error);

/* Give up the context; listeners and connections that use it keep it as long as they need it.
 * Thread: any. NULL is allowed. */
FERRY_API void ferry_tls_free(ferry_tls *tls);

#ifdef __cplusplus
}
#endif

#endif
