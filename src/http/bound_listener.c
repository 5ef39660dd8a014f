/*
 * Listeners of an HTTP server. Loop thread.
 *
 * evhttp asks for the bufferevent of each connection that it accepts, and makes a plain one when it
 * gets none. On a TLS port that must never be: there it gets a dead end instead, and the listener
 * rests until another one is ready.
 */
#include "bound_listener.h"

#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "dead_end.h"

enum {
    HEADER_SLACK = 64 << 10, /* so that the registry's limit is met before evhttp's */
    REST_MS = 100,
};

struct bound_listener {
    struct bound_listener *next;
    struct bound_plan plan;
    struct listener *listener; /* NULL: closed */
    struct evhttp *evhttp;
    struct evhttp_bound_socket *socket; /* has the listener's acceptor */
    struct dead_end dead_end;           /* with TLS */
    ferry_timer rest_timer;
};

/* ---- accepting ---- */

static void on_rested(void *arg)
{
    struct bound_listener *bound = arg;
    bound->rest_timer = 0;
    if (!bound->listener)
        return;
    if (dead_end_prepare(&bound->dead_end))
        listener_resume(bound->listener, LISTENER_NO_MEMORY);
    else
        bound->rest_timer = ferry_loop_call_later(bound->plan.loop, REST_MS, on_rested, bound);
}

/* Without memory for the timer it listens no more. */
static struct bufferevent *refuse(struct bound_listener *bound)
{
    ferry_log(FERRY_LOG_ERROR, "a TLS connection is refused: no memory", NULL);
    listener_pause(bound->listener, LISTENER_NO_MEMORY);
    bound->rest_timer = ferry_loop_call_later(bound->plan.loop, REST_MS, on_rested, bound);
    return dead_end_give(&bound->dead_end);
}

static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
    (void)base;
    struct bound_listener *bound = arg;
    listener_took(bound->listener);
    struct bufferevent *bev = connection_new(bound->plan.connections, bound->plan.tls);
    return bev || !bound->plan.tls ? bev : refuse(bound);
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

static void take_limits(struct bound_listener *bound)
{
    const struct connection_limits *limits = &bound->plan.connections->limits;
    evhttp_set_max_headers_size(bound->evhttp, (ev_ssize_t)(limits->header_bytes + HEADER_SLACK));
    evhttp_set_max_body_size(bound->evhttp, (ev_ssize_t)limits->body_bytes);
}

void bound_listeners_take_limits(struct bound_listener *list)
{
    for (struct bound_listener *at = list; at; at = at->next)
        take_limits(at);
}

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
    if (bound->rest_timer)
        ferry_loop_cancel(bound->plan.loop, bound->rest_timer);
    bound->rest_timer = 0;
    if (!bound->listener)
        return;
    listener_free(bound->listener);
    bound->listener = NULL;
    evhttp_del_accept_socket(bound->evhttp, bound->socket);
}

void bound_listeners_close(struct bound_listener *list)
{
    for (struct bound_listener *at = list; at; at = at->next)
        bound_listener_close(at);
}

static void bound_listener_free(struct bound_listener *bound)
{
    bound_listener_close(bound);
    if (bound->evhttp)
        evhttp_free(bound->evhttp);
    if (bound->plan.tls)
        dead_end_fini(&bound->dead_end);
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

static void evhttp_configure(struct bound_listener *bound)
{
    evhttp_set_bevcb(bound->evhttp, on_accept, bound);
    evhttp_set_gencb(bound->evhttp, bound->plan.on_request, bound->plan.arg);
    evhttp_set_allowed_methods(bound->evhttp, UINT16_MAX); /* the guard refuses, with reasons */
    evhttp_set_default_content_type(bound->evhttp, NULL);
    take_limits(bound);
}

/* Returns whether evhttp took the acceptor; it frees nothing otherwise. */
static bool bound_attach(struct bound_listener *bound)
{
    struct evconnlistener *acceptor = listener_acceptor(bound->listener);
    bound->socket = evhttp_bind_listener(bound->evhttp, acceptor);
    if (bound->socket)
        return true;
    listener_free(bound->listener);
    bound->listener = NULL;
    evconnlistener_free(acceptor);
    return false;
}

static int bound_open(struct bound_listener *bound, const struct address *address,
                      ferry_error *error)
{
    const struct bound_plan *plan = &bound->plan;
    bound->evhttp = evhttp_new(loop_event_base(plan->loop));
    if (!bound->evhttp || (plan->tls && !dead_end_init(&bound->dead_end, plan->loop)))
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    evhttp_configure(bound);
    bound->listener = listener_new(plan->loop, address, &plan->connections->counts.accepted, error);
    if (!bound->listener)
        return FERRY_INVALID;
    return bound_attach(bound) ? 0 : ferry_error_set(error, FERRY_INTERNAL, "no memory");
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
    tls_ref(bound->plan.tls);
    if (bound_open(bound, address, error) < 0) {
        bound_listener_free(bound);
        return NULL;
    }
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
