/*
 * A listener of an HTTP server, with an evhttp of its own: that is how a new connection shows where
 * it came in, and so whether it speaks TLS, and with which certificate. Loop thread.
 */
#ifndef HTTP_BOUND_LISTENER_H
#define HTTP_BOUND_LISTENER_H

#include "connection.h"
#include "listener.h"

struct evhttp_request;
struct bound_listener;

struct bound_plan {
    ferry_loop *loop;
    struct connections *connections; /* of the server */
    ferry_tls *tls;                  /* NULL: none */
    void (*on_request)(struct evhttp_request *ev, void *arg);
    void *arg;
};

/* Listen. `*list` is where it is kept. Errors: NULL and `error`, those of listener_new. */
struct bound_listener *bound_listener_new(struct bound_listener **list,
                                          const struct bound_plan *plan,
                                          const struct address *address, ferry_error *error);

/* Accept nothing more; the connections stay. */
void bound_listeners_close(struct bound_listener *list);

/* Close, and free all connections. */
void bound_listeners_free(struct bound_listener *list);

/* There are as many connections as there may be, or not any more. */
void bound_listeners_pause(struct bound_listener *list, bool is_at_limit);

/* The limits of the connections have changed. */
void bound_listeners_take_limits(struct bound_listener *list);

/* Return the one at an address as it is bound, NULL if there is none. */
struct bound_listener *bound_listener_find(struct bound_listener *list, const char *bound);

/* Use another context from now on. Returns whether TLS is spoken here. */
bool bound_listener_set_tls(struct bound_listener *bound, ferry_tls *tls);

/* Write the address as it is bound. */
void bound_listener_format(const struct bound_listener *bound, char *text, size_t size);

#endif
