/*
 * The jobs' HTTP API. Loop thread; the look-up itself runs on the store's reading thread. The id
 * is the permission, so there is nothing to list here, and an unknown id is as silent as a wrong
 * one.
 */
#include "jobs_api.h"

#include <stdlib.h>

#include "job_json.h"
#include "own_path.h"

struct lookup {
    ferry_request *request;
    struct queue *queue;
};

static void on_found(void *arg, const struct job_record *job, const ferry_error *error)
{
    struct lookup lookup = *(struct lookup *)arg;
    free(arg);
    if (!job) {
        ferry_request_reply_error(lookup.request, error);
        return;
    }
    struct job_progress progress;
    bool has_progress = queue_get_progress(lookup.queue, job->id, &progress.fraction,
                                           progress.message, sizeof progress.message);
    struct bytes body = {0};
    job_json(&body, job, has_progress ? &progress : NULL);
    ferry_request_set_header(lookup.request, "Cache-Control", "no-store");
    ferry_request_reply_json(lookup.request, 200, bytes_text(&body));
    bytes_fini(&body);
}

static void on_get(ferry_request *request, void *ctx)
{
    struct queue *queue = ctx;
    struct lookup *lookup = malloc(sizeof *lookup);
    if (!lookup) {
        ferry_error error;
        ferry_error_set(&error, FERRY_INTERNAL, "no memory");
        ferry_request_reply_error(request, &error);
        return;
    }
    *lookup = (struct lookup){.request = request, .queue = queue};
    queue_get(queue, ferry_request_param(request, "id"), on_found, lookup);
}

static void on_list(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_error error;
    ferry_error_set(&error, FERRY_NOT_FOUND, "jobs are not listed here; ask for one at /jobs/ID");
    ferry_request_reply_error(request, &error);
}

int jobs_api_bind(ferry_http_server *http, struct queue *queue, ferry_error *error)
{
    int rc = own_path_bind(http, "/jobs", on_list, NULL, error);
    return rc < 0 ? rc : own_path_bind(http, "/jobs/{id}", on_get, queue, error);
}
