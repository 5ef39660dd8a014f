/*
 * Routes whose handler runs as a coroutine.
 *
 * A coroutine takes with it what it needs of its route, as it may outlive the server; a request
 * stays valid until it is replied to anyway.
 */
#include "coroutine_route.h"

#include <stdlib.h>

#include <ferry/coroutine.h>

struct coroutine_route {
    struct coroutine_route *next;
    ferry_loop *loop;
    ferry_http_handler *handler;
    void *ctx;
};

struct handling {
    ferry_http_handler *handler;
    void *ctx;
    ferry_request *request;
};

static void *handling_run(void *arg, ferry_error *error)
{
    (void)error;
    struct handling handling = *(struct handling *)arg;
    free(arg);
    handling.handler(handling.request, handling.ctx);
    return NULL;
}

void coroutine_route_handle(ferry_request *request, void *arg)
{
    const struct coroutine_route *route = arg;
    struct handling *handling = malloc(sizeof *handling);
    ferry_future *future = NULL;
    if (handling) {
        *handling = (struct handling){route->handler, route->ctx, request};
        future = ferry_spawn(route->loop, handling_run, handling, NULL);
    }
    if (!future || ferry_future_is_done(future)) { /* it will not run */
        free(handling);
        ferry_error error;
        ferry_error_set(&error, FERRY_REJECTED, "too many requests at once");
        ferry_request_reply_error(request, future ? ferry_future_error(future) : &error);
    }
    ferry_future_free(future);
}

struct coroutine_route *coroutine_route_add(struct coroutine_route **list, ferry_loop *loop,
                                            ferry_http_handler *handler, void *ctx)
{
    struct coroutine_route *route = malloc(sizeof *route);
    if (!route)
        return NULL;
    *route = (struct coroutine_route){*list, loop, handler, ctx};
    return *list = route;
}

void coroutine_routes_free(struct coroutine_route *list)
{
    while (list) {
        struct coroutine_route *next = list->next;
        free(list);
        list = next;
    }
}
