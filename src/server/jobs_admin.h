/*
 * All jobs, for the operator: listing them, changing one or many, the routes' gates, and the
 * schedules. On the admin listener, with its token. Loop thread.
 */
#ifndef SERVER_JOBS_ADMIN_H
#define SERVER_JOBS_ADMIN_H

#include "admin.h"
#include "generations.h"
#include "jobs_api.h"

struct jobs_admin {
    const struct admin *admin;
    const struct jobs_api *api;
    const struct generations *generations;
};

/* Bind the paths. `jobs` stays the caller's. Returns 0 or a code. */
int jobs_admin_bind(ferry_http_server *http, struct jobs_admin *jobs, ferry_error *error);

#endif
