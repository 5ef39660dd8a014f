/*
 * The operator's view of all jobs. Loop thread. A change in bulk goes on to its end when its client
 * leaves: what was asked is done, whole.
 */
#include "jobs_admin.h"

#include <stdlib.h>
#include <string.h>

#include "job_query.h"
#include "job_view.h"
#include "jobs_stats.h"
#include "own_path.h"

struct visit {
    ferry_request *request;
    struct queue *queue;
};

static void reply_code(ferry_request *request, ferry_code code, const char *message)
{
    ferry_error error;
    ferry_error_set(&error, code, "%s", message);
    ferry_request_reply_error(request, &error);
}

/* NULL after an answer. */
static struct visit *visit_new(ferry_request *request, const struct jobs_admin *jobs)
{
    struct visit *visit = malloc(sizeof *visit);
    if (visit)
        *visit = (struct visit){.request = request, .queue = jobs->api->queue};
    else
        reply_code(request, FERRY_INTERNAL, "no memory");
    return visit;
}

static ferry_request *visit_end(struct visit *visit)
{
    ferry_request *request = visit->request;
    free(visit);
    return request;
}

static void reply_bytes(ferry_request *request, struct bytes *body)
{
    size_t length = body->length;
    char *text = bytes_take(body);
    ferry_request_set_header(request, "Cache-Control", "no-store");
    ferry_request_reply_owned(request, text ? 200 : 500, "application/json", text,
                              text ? length : 0);
}

/* ---- which jobs ---- */

struct query_reader {
    struct job_query query;
    bool is_bulk;
    ferry_error error;
};

static bool read_value(void *arg, const char *name, const char *value)
{
    struct query_reader *reader = arg;
    return job_query_add(&reader->query, name, value, reader->is_bulk, &reader->error) == 0;
}

/* Returns false after an answer. */
static bool read_query(ferry_request *request, bool is_bulk, struct job_query *query)
{
    struct query_reader reader = {.query.filter.limit = JOB_QUERY_PAGE, .is_bulk = is_bulk};
    ferry_request_each_query(request, read_value, &reader);
    *query = reader.query;
    bool is_bounded = query->filter.states || query->filter.route || query->is_all;
    if (!reader.error.code && is_bulk && !is_bounded)
        ferry_error_set(&reader.error, FERRY_INVALID,
                        "which jobs? state=, route=, or all=true for every one");
    if (!reader.error.code)
        return true;
    ferry_request_reply_error(request, &reader.error);
    return false;
}

/* ---- listing ---- */

static void on_listed(void *arg, const struct job_record *jobs, size_t count, int64_t next,
                      const ferry_error *error)
{
    struct visit *visit = arg;
    if (error->code) {
        ferry_request_reply_error(visit_end(visit), error);
        return;
    }
    struct bytes body = {0};
    bytes_append_text(&body, "{\"jobs\":[");
    for (size_t i = 0; i < count; i++) {
        bytes_append_text(&body, i ? ",\n" : "\n");
        job_view_json(&body, &jobs[i], visit->queue);
    }
    if (next)
        bytes_printf(&body, "],\n\"next\":\"%lld\"}\n", (long long)next);
    else
        bytes_append_text(&body, "],\n\"next\":null}\n");
    reply_bytes(visit_end(visit), &body);
}

static void on_list(ferry_request *request, void *ctx)
{
    const struct jobs_admin *jobs = ctx;
    struct job_query query;
    if (!admin_allows(jobs->admin, request) || !read_query(request, false, &query))
        return;
    struct visit *visit = visit_new(request, jobs);
    if (visit)
        queue_list(visit->queue, &query.filter, on_listed, visit);
}

/* ---- one job ---- */

static bool refuse_value(void *arg, const char *name, const char *value)
{
    (void)value;
    ferry_error_set(arg, FERRY_INVALID, "%s: unknown; there is nothing to ask for here", name);
    return false;
}

/* Tell whether who asks may, and asks for nothing by a query. Returns false after an answer. */
static bool allows_plain(ferry_request *request, const struct jobs_admin *jobs)
{
    ferry_error error = {0};
    if (!admin_allows(jobs->admin, request))
        return false;
    ferry_request_each_query(request, refuse_value, &error);
    if (error.code)
        ferry_request_reply_error(request, &error);
    return !error.code;
}

static void on_get(ferry_request *request, void *ctx)
{
    const struct jobs_admin *jobs = ctx;
    if (allows_plain(request, jobs))
        jobs_api_get(request, jobs->api);
}

/* What it says is a stranger's, and may be HTML: here, where the dashboard is at home, no script of
 * it runs. */
static void on_result(ferry_request *request, void *ctx)
{
    const struct jobs_admin *jobs = ctx;
    if (!allows_plain(request, jobs))
        return;
    ferry_request_set_header(request, "Content-Security-Policy", "default-src 'none'; sandbox");
    ferry_request_set_header(request, "X-Content-Type-Options", "nosniff");
    jobs_api_result(request, jobs->api);
}

static void on_events(ferry_request *request, void *ctx)
{
    const struct jobs_admin *jobs = ctx;
    if (allows_plain(request, jobs))
        jobs_api_events(request, jobs->api);
}

static void on_retry(ferry_request *request, void *ctx)
{
    const struct jobs_admin *jobs = ctx;
    if (allows_plain(request, jobs))
        jobs_api_change(request, jobs->api, JOB_ACTION_RETRY);
}

static void on_cancel(ferry_request *request, void *ctx)
{
    const struct jobs_admin *jobs = ctx;
    if (allows_plain(request, jobs))
        jobs_api_change(request, jobs->api, JOB_ACTION_CANCEL);
}

static void on_delete(ferry_request *request, void *ctx)
{
    const struct jobs_admin *jobs = ctx;
    if (allows_plain(request, jobs))
        jobs_api_change(request, jobs->api, JOB_ACTION_DELETE);
}

/* ---- many ---- */

static void on_all_changed(void *arg, const struct queue_changed *changed, const ferry_error *error)
{
    ferry_request *request = visit_end(arg);
    if (error->code) {
        ferry_error why;
        ferry_error_set(&why, error->code, "%s; %llu jobs were changed before", error->message,
                        (unsigned long long)changed->count);
        ferry_request_reply_error(request, &why);
        return;
    }
    struct bytes body = {0};
    bytes_printf(&body, "{\"changed\":%llu}\n", (unsigned long long)changed->count);
    reply_bytes(request, &body);
}

static void change_all(ferry_request *request, const struct jobs_admin *jobs,
                       enum job_action action)
{
    struct job_query query;
    if (!admin_allows(jobs->admin, request) || !read_query(request, true, &query))
        return;
    struct visit *visit = visit_new(request, jobs);
    if (visit)
        queue_change_all(visit->queue, action, &query.filter, on_all_changed, visit);
}

static void on_retry_all(ferry_request *request, void *ctx)
{
    change_all(request, ctx, JOB_ACTION_RETRY);
}

static void on_cancel_all(ferry_request *request, void *ctx)
{
    change_all(request, ctx, JOB_ACTION_CANCEL);
}

static void on_delete_all(ferry_request *request, void *ctx)
{
    change_all(request, ctx, JOB_ACTION_DELETE);
}

/* ---- routes ---- */

static void on_stats(ferry_request *request, void *ctx)
{
    const struct jobs_admin *jobs = ctx;
    if (!allows_plain(request, jobs))
        return;
    struct bytes body = {0};
    jobs_stats_json(&body, jobs->api->queue);
    reply_bytes(request, &body);
}

static void on_paused(void *arg, const ferry_error *error)
{
    struct visit *visit = arg;
    if (error->code) {
        ferry_request_reply_error(visit_end(visit), error);
        return;
    }
    const char *route = ferry_request_query(visit->request, "route");
    struct bytes body = {0};
    jobs_stats_gate_json(&body, visit->queue, route);
    reply_bytes(visit_end(visit), &body);
}

struct route_reader {
    const char *route;
    bool is_refused;
};

static bool read_route(void *arg, const char *name, const char *value)
{
    struct route_reader *reader = arg;
    reader->is_refused = reader->route || strcmp(name, "route") != 0;
    reader->route = value;
    return !reader->is_refused;
}

static void pause_route(ferry_request *request, const struct jobs_admin *jobs, bool is_paused)
{
    struct route_reader reader = {0};
    if (!admin_allows(jobs->admin, request))
        return;
    ferry_request_each_query(request, read_route, &reader);
    if (!reader.route || reader.is_refused) {
        reply_code(request, FERRY_INVALID, "which route? ?route=/email, and nothing else");
        return;
    }
    struct visit *visit = visit_new(request, jobs);
    if (visit)
        queue_pause(visit->queue, reader.route, is_paused, on_paused, visit);
}

static void on_pause(ferry_request *request, void *ctx)
{
    pause_route(request, ctx, true);
}

static void on_resume(ferry_request *request, void *ctx)
{
    pause_route(request, ctx, false);
}

/* ---- schedules ---- */

static void on_schedules(ferry_request *request, void *ctx)
{
    const struct jobs_admin *jobs = ctx;
    if (!allows_plain(request, jobs))
        return;
    struct bytes body = {0};
    schedules_json(&body, jobs->generations->current->schedules);
    reply_bytes(request, &body);
}

int jobs_admin_bind(ferry_http_server *http, struct jobs_admin *jobs, ferry_error *error)
{
    static const struct own_path paths[] = {
        {.path = "/jobs", .get = on_list, .delete_ = on_delete_all},
        {.path = "/jobs/retry", .post = on_retry_all},
        {.path = "/jobs/cancel", .post = on_cancel_all},
        {.path = "/jobs/stats", .get = on_stats},
        {.path = "/jobs/{id}", .get = on_get, .delete_ = on_delete},
        {.path = "/jobs/{id}/result", .get = on_result},
        {.path = "/jobs/{id}/events", .get = on_events},
        {.path = "/jobs/{id}/retry", .post = on_retry},
        {.path = "/jobs/{id}/cancel", .post = on_cancel},
        {.path = "/routes/pause", .post = on_pause},
        {.path = "/routes/resume", .post = on_resume},
        {.path = "/schedules", .get = on_schedules},
    };
    return own_paths_bind(http, paths, sizeof paths / sizeof *paths, jobs, error);
}
