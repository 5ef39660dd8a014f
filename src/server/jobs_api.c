/*
 * The jobs' HTTP API. Loop thread; the look-up itself runs on the store's reading thread. The id
 * is the permission, so there is nothing to list here, and an unknown id is as silent as a wrong
 * one.
 */
#include "jobs_api.h"

#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "job_answer.h"
#include "job_view.h"
#include "own_path.h"

/* A request about one job, on its way to the queue and back. */
struct visit {
    ferry_request *request;
    struct queue *queue;
    enum job_action action;
    int status; /* of the answer with the job's JSON */
    char id[RANDOM_ID_TEXT_SIZE];
};

static struct visit *visit_new(ferry_request *request, const struct jobs_api *api)
{
    struct visit *visit = calloc(1, sizeof *visit);
    if (!visit) {
        ferry_error error;
        ferry_error_set(&error, FERRY_INTERNAL, "no memory");
        ferry_request_reply_error(request, &error);
        return NULL;
    }
    visit->request = request;
    visit->queue = api->queue;
    visit->status = 200;
    return visit;
}

/* Return the visit's request, and free it. */
static ferry_request *visit_end(struct visit *visit)
{
    ferry_request *request = visit->request;
    free(visit);
    return request;
}

/* ---- looking ---- */

static void reply_job(struct visit *visit, const struct job_record *job)
{
    struct bytes body = {0};
    job_view_json(&body, job, visit->queue);
    bytes_append_char(&body, '\n');
    int status = visit->status;
    size_t length = body.length;
    char *text = bytes_take(&body);
    ferry_request *request = visit_end(visit);
    ferry_request_set_header(request, "Cache-Control", "no-store");
    if (!job_state_is_final(job->state))
        job_set_retry_after(request, job->state, job->run_at_ms);
    ferry_request_reply_owned(request, text ? status : 500, "application/json", text,
                              text ? length : 0);
}

static void on_found(void *arg, const struct job_record *job, const ferry_error *error)
{
    if (job)
        reply_job(arg, job);
    else
        ferry_request_reply_error(visit_end(arg), error);
}

static void on_found_result(void *arg, const struct job_record *job, const ferry_error *error)
{
    struct visit *visit = arg;
    if (!job) {
        ferry_request_reply_error(visit_end(visit), error);
    } else if (job_state_is_final(job->state)) {
        ferry_request *request = visit_end(visit);
        ferry_request_set_header(request, "Cache-Control", "no-store");
        job_answer(request, job);
    } else {
        visit->status = 202;
        reply_job(visit, job);
    }
}

void jobs_api_get(ferry_request *request, const struct jobs_api *api)
{
    struct visit *visit = visit_new(request, api);
    if (visit)
        queue_get(api->queue, ferry_request_param(request, "id"), on_found, visit);
}

void jobs_api_result(ferry_request *request, const struct jobs_api *api)
{
    struct visit *visit = visit_new(request, api);
    if (visit)
        queue_get(api->queue, ferry_request_param(request, "id"), on_found_result, visit);
}

void jobs_api_events(ferry_request *request, const struct jobs_api *api)
{
    job_events_stream(api->events, request, ferry_request_param(request, "id"));
}

/* ---- changing ---- */

static void explain_conflict(const struct visit *visit, enum job_state state, ferry_error *error)
{
    const char *name = job_state_name(state);
    switch (visit->action) {
    case JOB_ACTION_CANCEL:
        ferry_error_set(error, FERRY_CONFLICT, "the job has ended: it is %s", name);
        break;
    case JOB_ACTION_RETRY:
        ferry_error_set(error, FERRY_CONFLICT, "the job is %s: it cannot be tried again", name);
        break;
    case JOB_ACTION_DELETE:
        ferry_error_set(error, FERRY_CONFLICT, "the job is %s: cancel it first", name);
        break;
    }
}

static void on_changed(void *arg, const struct queue_changed *changed, const ferry_error *error)
{
    struct visit *visit = arg;
    ferry_error why = *error;
    if (why.code == FERRY_CONFLICT)
        explain_conflict(visit, changed->was, &why);
    if (why.code) {
        ferry_request_reply_error(visit_end(visit), &why);
    } else if (visit->action == JOB_ACTION_DELETE) {
        ferry_request_reply(visit_end(visit), 204, NULL, NULL, 0);
    } else {
        if (visit->action == JOB_ACTION_CANCEL && changed->now == JOB_RUNNING)
            visit->status = 202; /* it was told to end */
        queue_get(visit->queue, visit->id, on_found, visit);
    }
}

void jobs_api_change(ferry_request *request, const struct jobs_api *api, enum job_action action)
{
    struct visit *visit = visit_new(request, api);
    if (!visit)
        return;
    const char *id = ferry_request_param(request, "id");
    visit->action = action;
    memcpy(visit->id, id, strnlen(id, sizeof visit->id - 1)); /* a longer one is none */
    queue_change(api->queue, action, id, on_changed, visit);
}

/* ---- binding ---- */

/* What browsers are told, before anything else. */
static const struct jobs_api *greet(ferry_request *request, void *ctx)
{
    const struct jobs_api *api = ctx;
    entry_set_cors(request, api->cors);
    return api;
}

static void on_get(ferry_request *request, void *ctx)
{
    jobs_api_get(request, greet(request, ctx));
}

static void on_result(ferry_request *request, void *ctx)
{
    jobs_api_result(request, greet(request, ctx));
}

static void on_events(ferry_request *request, void *ctx)
{
    jobs_api_events(request, greet(request, ctx));
}

static void on_delete(ferry_request *request, void *ctx)
{
    jobs_api_change(request, greet(request, ctx), JOB_ACTION_CANCEL);
}

static void on_list(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_error error;
    ferry_error_set(&error, FERRY_NOT_FOUND, "jobs are not listed here; ask for one at /jobs/ID");
    ferry_request_reply_error(request, &error);
}

static void on_options(ferry_request *request, void *ctx)
{
    const struct jobs_api *api = ctx;
    bool is_job = strcmp(ferry_request_route(request), "/jobs/{id}") == 0;
    entry_answer_options(request, api->cors, is_job ? "GET,DELETE" : "GET");
}

int jobs_api_bind(ferry_http_server *http, struct jobs_api *api, ferry_error *error)
{
    static const struct own_path paths[] = {
        {.path = "/jobs", .get = on_list},
        {.path = "/jobs/{id}", .get = on_get, .delete_ = on_delete, .options = on_options},
        {.path = "/jobs/{id}/result", .get = on_result, .options = on_options},
        {.path = "/jobs/{id}/events", .get = on_events, .options = on_options},
    };
    return own_paths_bind(http, paths, sizeof paths / sizeof *paths, api, error);
}
