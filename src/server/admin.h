/* What is for the operator only: the token, and /metrics. Loop thread. */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include <ferry/http.h>

#include "metrics.h"

struct admin {
    struct metrics *metrics;
    const char *token; /* NULL: none is asked for, which the config allows on loopback only */
};

/* Tell whether a request carries the token, or where none is asked for, does not come from a web
 * page; one that may not enter has been answered. */
bool admin_allows(const struct admin *admin, ferry_request *request);

/* Bind /metrics. `admin` stays the caller's. */
int admin_bind(ferry_http_server *http, struct admin *admin, ferry_error *error);

#endif
