/*
 * TLS contexts, from the inside. Any thread.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "libssl.h"

#include <ferry/tls.h>

ferry_tls *tls_ref(ferry_tls *tls); /* NULL is allowed */

/* Tell whether a context is of a client, or of a server. NULL is of either. Returns 0 or
 * FERRY_INVALID. */
int tls_check_side(const ferry_tls *tls, bool is_client, ferry_error *error);

/* Make the TLS of one connection; `name` is the host that a client asked for, a name or an
 * address. NULL: it must not go on, least of all without TLS. */
SSL *tls_connection_new(ferry_tls *tls, const char *name);

#endif
