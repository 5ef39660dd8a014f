/*
 * Routes whose handler runs as a coroutine.
 *
 * A coroutine takes with it what it needs of its route, as it may outlive the server; a request
 * stays valid until it is replied to anyway.
 */
#include "coroutine_route.h"

#include <stdlib.h>

#include <ferry/coroutine.h>

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

void coroutine_route_handle(ferry_request *request, ferry_loop *loop, ferry_http_handler *handler,
                            void *ctx)
{
    struct handling *handling = malloc(sizeof *handling);
    ferry_future *future = NULL;
    if (handling) {
        *handling = (struct handling){handler, ctx, request};
        future = ferry_spawn(loop, handling_run, handling, NULL);
    }
    if (!future || ferry_future_is_done(future)) { /* it will not run */
        free(handling);
        ferry_error error;
        ferry_error_set(&error, FERRY_REJECTED, "too many requests at once");
        ferry_request_reply_error(request, future ? ferry_future_error(future) : &error);
    }
    ferry_future_free(future);
}
