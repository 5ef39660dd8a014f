/*
 * TLS contexts, from the inside. Any thread.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "libssl.h"

#include <ferry/tls.h>

ferry_tls *tls_ref(ferry_tls *tls); /* NULL is allowed */

/* Make the TLS of one connection; `name` is the host that a client asked for, a name or an
 * address. NULL: it must not go on, least of all without TLS. */
SSL *tls_connection_new(ferry_tls *tls, const char *name);

#endif
