/*
 * A listener of an HTTP server: where it is bound, and whether TLS is spoken there, with which
 * certificate. Loop thread.
 */
#ifndef HTTP_BOUND_LISTENER_H
#define HTTP_BOUND_LISTENER_H

#include "connection.h"
#include "listener.h"

struct bound_listener;

struct bound_plan {
    ferry_loop *loop;
    struct connections *connections; /* of the server */
    ferry_tls *tls;                  /* NULL: none */
};

/* Listen. `*list` is where it is kept. Errors: NULL and `error`, those of listener_new. */
struct bound_listener *bound_listener_new(struct bound_listener **list,
                                          const struct bound_plan *plan,
                                          const struct address *address, ferry_error *error);

/* Accept nothing more; the connections stay. */
void bound_listeners_close(struct bound_listener *list);

/* Close, and free them. */
void bound_listeners_free(struct bound_listener *list);

/* There are as many connections as there may be, or not any more. */
void bound_listeners_pause(struct bound_listener *list, bool is_at_limit);

/* Return the one at an address as it is bound, NULL if there is none. */
struct bound_listener *bound_listener_find(struct bound_listener *list, const char *bound);

/* Use another context from now on. Returns whether TLS is spoken here. */
bool bound_listener_set_tls(struct bound_listener *bound, ferry_tls *tls);

/* Write the address as it is bound. */
void bound_listener_format(const struct bound_listener *bound, char *text, size_t size);

#endif
