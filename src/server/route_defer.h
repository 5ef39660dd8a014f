/* Requests that become jobs: 202 once they are on disk, or held until they have ended. Loop thread.
 */
#ifndef SERVER_ROUTE_DEFER_H
#define SERVER_ROUTE_DEFER_H

#include "exchange.h"
#include "job_request.h"
#include "prefer.h"
#include "route.h"

/* What a request's headers say of how it is to be handled; their strings are the request's. */
struct wishes {
    struct prefer prefer;
    struct job_headers job;
};

/* Make a job of a request, and answer it. Its exchange is copied. */
void route_defer(struct route_context *context, const struct exchange *exchange,
                 const struct wishes *wishes);

#endif
