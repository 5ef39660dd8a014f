/*
 * From a connected socket to a bufferevent that can be used: at once, or after a TLS handshake.
 * Loop thread.
 */
#ifndef NET_HANDSHAKE_H
#define NET_HANDSHAKE_H

#include "loop_base.h"
#include "tls.h"

struct bufferevent;
struct handshake;

/* The bufferevent of a socket without TLS. Owns: the socket, in any case. NULL without memory. */
struct bufferevent *handshake_plain(ferry_loop *loop, int fd);

/* Called once, from the top of a turn: with the bufferevent, which is the callee's; or with NULL
 * and the error: FERRY_UNAUTHORIZED, FERRY_TRANSIENT, FERRY_DEADLINE. The handshake is gone. */
typedef void handshake_done(void *arg, struct bufferevent *bev, const ferry_error *error);

/* What to do, and for whom. */
struct handshake_plan {
    ferry_loop *loop;
    ferry_tls *tls;
    const char *name;   /* of the server, for a client; NULL: a server */
    int64_t timeout_ms; /* negative: for ever */
    handshake_done *done;
    void *arg;
};

/* Begin. Owns: the socket, in any case; the handshake is its own until done, or handshake_cancel.
 * NULL without memory: then the socket is closed, and nothing went over it. */
struct handshake *handshake_start(int fd, const struct handshake_plan *plan);

/* Break it off; done is not called. */
void handshake_cancel(struct handshake *handshake);

#endif
