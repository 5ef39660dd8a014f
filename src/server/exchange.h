/*
 * A request on its way through a route, live or deferred: it is counted when it comes, and when it
 * is answered. Loop thread.
 */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include <ferry/http.h>

#include "config.h"
#include "route_metrics.h"

struct exchange {
    ferry_request *request; /* NULL once answered */
    const struct config_route *config;
    struct route_metrics *metrics;
    unsigned *open; /* counts those that are not answered */
    int64_t begin_us;
};

struct exchange exchange_begin(ferry_request *request, const struct config_route *config,
                               struct route_metrics *metrics, unsigned *open);

/* Count the request and let go of it; the caller replies with what this returns. */
ferry_request *exchange_close(struct exchange *exchange, int status);

/* Answer with a problem document, and say so in the log. */
void exchange_answer_error(struct exchange *exchange, const ferry_error *error);

#endif
