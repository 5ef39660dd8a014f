/*
 * A job over HTTP, as its owner sees it: /jobs/ID, its result, its events. The operator's listener
 * (jobs_admin.h) shows a single job by the same functions. Loop thread.
 */
#ifndef SERVER_JOBS_API_H
#define SERVER_JOBS_API_H

#include <ferry/http.h>

#include "config.h"
#include "job_events.h"
#include "queue.h"

struct jobs_api {
    struct queue *queue;
    struct job_events *events;
    const struct config_cors *cors; /* of the public paths; NULL: none */
};

/* Answer a request for the job of its path parameter `id`. */
void jobs_api_get(ferry_request *request, const struct jobs_api *api);
void jobs_api_result(ferry_request *request, const struct jobs_api *api);
void jobs_api_events(ferry_request *request, const struct jobs_api *api);
void jobs_api_change(ferry_request *request, const struct jobs_api *api, enum job_action action);

/* Bind the public paths. `api` stays the caller's and outlives the server's requests. Returns 0 or
 * a code. */
int jobs_api_bind(ferry_http_server *http, struct jobs_api *api, ferry_error *error);

#endif
