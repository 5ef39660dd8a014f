/*
 * Routes whose handler runs as a coroutine: a handler that spawns the user's. Loop thread.
 */
#ifndef HTTP_COROUTINE_ROUTE_H
#define HTTP_COROUTINE_ROUTE_H

#include <ferry/http.h>

struct coroutine_route;

/* Make the ctx of coroutine_route_handle and put it on the server's list. NULL without memory. */
struct coroutine_route *coroutine_route_add(struct coroutine_route **list, ferry_loop *loop,
                                            ferry_http_handler *handler, void *ctx);
void coroutine_routes_free(struct coroutine_route *list);

/* The handler to bind; arg is a coroutine_route. */
void coroutine_route_handle(ferry_request *request, void *arg);

#endif
