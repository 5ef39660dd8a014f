/*
 * Routes whose handler runs as a coroutine. Loop thread.
 */
#ifndef HTTP_COROUTINE_ROUTE_H
#define HTTP_COROUTINE_ROUTE_H

#include <ferry/http.h>

/* Give a request to a handler that runs as a coroutine of the loop's, or answer it. */
void coroutine_route_handle(ferry_request *request, ferry_loop *loop, ferry_http_handler *handler,
                            void *ctx);

#endif
