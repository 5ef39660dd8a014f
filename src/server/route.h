/*
 * A route: a path bound to a worker and a pool. Takes requests in, makes calls or jobs of them, and
 * answers. Loop thread.
 */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H

#include <ferry/http.h>

#include "config.h"
#include "held_wait.h"
#include "metrics.h"
#include "passwords.h"
#include "pool.h"
#include "queue.h"

struct route;

/* What all routes of a generation share. */
struct route_context {
    ferry_loop *loop;
    ferry_http_server *http;
    struct metrics *metrics;
    struct route_metrics **route_metrics; /* the list */
    struct queue *queue;
    struct held_waits *waits;
    struct passwords *passwords;
    char *const *callbacks; /* what a Ferry-Callback must begin with; NULL: there are none */
    unsigned open;          /* requests that are not answered */
    unsigned live_calls;    /* calls of requests that have not ended, answered or not */
    struct live_call *live; /* these */
};

/* Make a route and bind it to context->http. `context`, `config` and `pool` stay the caller's and
 * must outlive the route. Returns NULL and `error`. */
struct route *route_new(struct route_context *context, const struct config_route *config,
                        struct pool *pool, ferry_error *error);

/* Tell what the queue has to know of it. Returns whether it can have jobs. */
bool route_of_queue(const struct route *route, struct queue_route *into);

/* No request or call of it may be under way any more. */
void route_free(struct route *route);

/* Withdraw every live call (call_cancel): nobody will take its answer. */
void routes_cancel_calls(struct route_context *context);

#endif
