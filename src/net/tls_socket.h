/*
 * TLS on bufferevents that have no socket yet: for who is given it later, as evhttp is. A server's
 * side. Loop thread.
 */
#ifndef NET_TLS_SOCKET_H
#define NET_TLS_SOCKET_H

#include "loop_base.h"
#include "tls.h"

struct bufferevent;

/* Make one; the handshake begins when it is given its socket, and what is written before its end
 * waits. `protocol` is what ALPN may agree on, and static. Owns: the caller; it closes its socket
 * when it is freed. NULL: there must be no connection, least of all without TLS. */
struct bufferevent *tls_socket_new(ferry_loop *loop, ferry_tls *tls, const char *protocol);

/* Say that nothing more is sent, if the handshake is over and the kernel takes it. */
void tls_socket_say_end(struct bufferevent *bev);

/* Return the subject of the client's certificate, as RFC 2253 writes it, from malloc; NULL when it
 * has shown none. */
char *tls_socket_peer_subject(struct bufferevent *bev);

#endif
