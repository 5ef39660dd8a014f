/* /livez and /readyz. Loop thread. */
#ifndef SERVER_HEALTH_H
#define SERVER_HEALTH_H

#include <ferry/http.h>

#include "pool.h"

struct health {
    bool draining;
    struct pool *const *pools;
    size_t pool_count;
};

/* Bind both paths. `health` stays the caller's, and is read at each request. */
int health_bind(ferry_http_server *http, struct health *health, ferry_error *error);

#endif
