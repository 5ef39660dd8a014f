/*
 * Listeners of an HTTP server. Loop thread.
 */
#include "bound_listener.h"

#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>

struct bound_listener {
    struct bound_listener *next;
    struct bound_plan plan;
    struct listener *listener; /* NULL: closed */
};

/* ---- accepting ---- */

static void on_accept(struct evconnlistener *acceptor, evutil_socket_t fd, struct sockaddr *peer,
                      int length, void *arg)
{
    (void)acceptor, (void)length;
    const struct bound_listener *bound = arg;
    listener_took(bound->listener);
    connection_open(bound->plan.connections, fd, peer, bound->plan.tls);
}

void bound_listeners_pause(struct bound_listener *list, bool is_at_limit)
{
    for (struct bound_listener *at = list; at; at = at->next) {
        if (at->listener && is_at_limit)
            listener_pause(at->listener, LISTENER_AT_LIMIT);
        else if (at->listener)
            listener_resume(at->listener, LISTENER_AT_LIMIT);
    }
}

/* ---- settings ---- */

bool bound_listener_set_tls(struct bound_listener *bound, ferry_tls *tls)
{
    if (!bound->plan.tls)
        return false;
    ferry_tls_free(bound->plan.tls);
    bound->plan.tls = tls_ref(tls);
    return true;
}

/* ---- life ---- */

static void bound_listener_close(struct bound_listener *bound)
{
    if (!bound->listener)
        return;
    struct evconnlistener *acceptor = listener_acceptor(bound->listener);
    listener_free(bound->listener);
    evconnlistener_free(acceptor);
    bound->listener = NULL;
}

void bound_listeners_close(struct bound_listener *list)
{
    for (struct bound_listener *at = list; at; at = at->next)
        bound_listener_close(at);
}

static void bound_listener_free(struct bound_listener *bound)
{
    bound_listener_close(bound);
    ferry_tls_free(bound->plan.tls);
    free(bound);
}

void bound_listeners_free(struct bound_listener *list)
{
    bound_listeners_close(list);
    while (list) {
        struct bound_listener *bound = list;
        list = bound->next;
        bound_listener_free(bound);
    }
}

struct bound_listener *bound_listener_new(struct bound_listener **list,
                                          const struct bound_plan *plan,
                                          const struct address *address, ferry_error *error)
{
    struct bound_listener *bound = calloc(1, sizeof *bound);
    if (!bound) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    bound->plan = *plan;
    bound->listener = listener_new(plan->loop, address, &plan->connections->counts.accepted, error);
    if (!bound->listener) {
        free(bound);
        return NULL;
    }
    tls_ref(bound->plan.tls);
    evconnlistener_set_cb(listener_acceptor(bound->listener), on_accept, bound);
    bound->next = *list;
    return *list = bound;
}

void bound_listener_format(const struct bound_listener *bound, char *text, size_t size)
{
    address_format(listener_address(bound->listener), text, size);
}

struct bound_listener *bound_listener_find(struct bound_listener *list, const char *bound)
{
    char text[ADDRESS_TEXT_SIZE];
    for (struct bound_listener *at = list; at; at = at->next) {
        if (!at->listener)
            continue;
        bound_listener_format(at, text, sizeof text);
        if (strcmp(text, bound) == 0)
            return at;
    }
    return NULL;
}
