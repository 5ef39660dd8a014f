/*
 * Routes: what becomes of a request. May it enter: entry.c. What becomes a job: route_defer.c.
 *
 * Loop thread. A live request becomes a live call: the exchange on one side, the call on the other.
 * Either may end first. The deadline answers 504 and lets go of the request; a call that runs on is
 * then stuck, and counts against its pool, until its thread comes back and the late result is
 * dropped. A client that leaves cancels the call; the request is then answered into the void when
 * the call ends. A live call ends with its call, which always comes back (call.h).
 */
#include "route.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "call.h"
#include "clock.h"
#include "entry.h"
#include "request_input.h"
#include "route_defer.h"
#include "spare.h"

struct route {
    struct route_context *context;
    const struct config_route *config;
    struct pool *pool;
    struct entry entry;
    struct route_metrics *metrics;
};

struct live_call {
    struct live_call *next, **link; /* of the context, while there is a call */
    struct route *route;
    struct exchange exchange;
    ferry_call *call;
    ferry_timer deadline; /* and then that of on_stuck */
    bool stuck;           /* past its deadline, and it runs */
    bool is_told;         /* in the log */
};

/* ---- answering ---- */

static void set_headers(ferry_request *request, const struct bytes *headers)
{
    for (const char *at = bytes_text(headers), *end = at + headers->length; at < end;) {
        const char *value = at + strlen(at) + 1;
        ferry_request_set_header(request, at, value);
        at = value + strlen(value) + 1;
    }
}

/* What the worker heard of when to come back is for whoever can. */
static void set_retry_after(ferry_request *request, int status, int64_t retry_after_ms)
{
    char seconds[24];
    if (retry_after_ms <= 0 || (status < 500 && status != 429))
        return;
    snprintf(seconds, sizeof seconds, "%" PRId64, (retry_after_ms - 1) / 1000 + 1);
    ferry_request_set_header(request, "Retry-After", seconds);
}

static void answer_output(struct exchange *exchange, struct call_output *output)
{
    if (output->error.code) {
        set_retry_after(exchange->request, ferry_code_status(output->error.code),
                        output->retry_after_ms);
        exchange_answer_error(exchange, &output->error);
        return;
    }
    ferry_request *request = exchange_close(exchange, output->status);
    set_headers(request, &output->headers);
    set_retry_after(request, output->status, output->retry_after_ms);
    size_t length = output->body.length;
    char *body = bytes_take(&output->body);
    ferry_request_reply_owned(request, output->status, output->content_type, body,
                              body ? length : 0);
}

/* ---- live calls ---- */

static void live_call_link(struct live_call *live)
{
    struct route_context *context = live->route->context;
    live->next = context->live;
    live->link = &context->live;
    if (live->next)
        live->next->link = &live->next;
    context->live = live;
    context->live_calls++;
}

static void live_call_unlink(struct live_call *live)
{
    *live->link = live->next;
    if (live->next)
        live->next->link = live->link;
    live->route->context->live_calls--;
}

void routes_cancel_calls(struct route_context *context)
{
    for (struct live_call *each = context->live; each; each = each->next)
        call_cancel(each->call);
}

static void live_call_unstick(struct live_call *live, const ferry_task_report *report)
{
    const struct config_route *config = live->route->config;
    live->route->pool->stuck--;
    if (live->is_told)
        ferry_log(FERRY_LOG_INFO, "stuck call came back", "route=%s worker=%s pool=%s run_ms=%lld",
                  config->path, config->worker->name, config->pool->name,
                  (long long)(report->run_us / 1000));
}

static void on_call_done(ferry_call *call, const ferry_task_report *report, void *arg)
{
    struct live_call *live = arg;
    struct route *route = live->route;
    ferry_loop_cancel(route->context->loop, live->deadline);
    pool_observe(route->pool, report);
    if (live->stuck)
        live_call_unstick(live, report);
    if (live->exchange.request)
        answer_output(&live->exchange, call_output(call));
    live_call_unlink(live);
    call_free(call);
    spare_free(live, sizeof *live);
}

static void on_stuck(void *arg)
{
    struct live_call *live = arg;
    const struct config_route *config = live->route->config;
    live->is_told = true;
    ferry_log(FERRY_LOG_WARN, "call is stuck: past its deadline and still running",
              "route=%s worker=%s pool=%s timeout_ms=%lld stuck=%u threads=%u", config->path,
              config->worker->name, config->pool->name, (long long)config->timeout_ms,
              pool_stuck_count(live->route->pool), config->pool->threads);
}

static void on_deadline(void *arg)
{
    struct live_call *live = arg;
    const struct config_route *config = live->route->config;
    ferry_error error;
    bool started = call_is_started(live->call);
    if (started) {
        live->stuck = true;
        live->route->pool->stuck++;
        live->deadline =
            ferry_loop_call_later(live->route->context->loop, CALL_STUCK_MS, on_stuck, live);
    }
    if (live->exchange.request) {
        ferry_error_set(&error, FERRY_DEADLINE, "%s within %lld ms",
                        started ? "the call did not end" : "no thread was free",
                        (long long)config->timeout_ms);
        exchange_answer_error(&live->exchange, &error);
    }
    call_cancel(live->call);
}

static void on_client_gone(void *arg)
{
    struct live_call *live = arg;
    call_cancel(live->call);
}

/* Make a call of the request and queue it. Returns 0 or a code with `error` set. */
static int live_call_submit(struct live_call *live, ferry_error *error)
{
    struct route *route = live->route;
    const struct config_route *config = route->config;
    if (pool_is_stuck(route->pool)) {
        route->pool->rejected_stuck++;
        return ferry_error_set(error, FERRY_REJECTED,
                               "pool %s: every thread is stuck in a call past its deadline",
                               config->pool->name);
    }
    struct bytes block = {0};
    request_input(live->exchange.request, config, false, &block);
    size_t length = block.length;
    char *input = bytes_take(&block);
    if (!input)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    live->call =
        call_new(config->worker, input, length,
                 &(struct call_options){
                     .attempt = 1, .route = config->path, .timeout_ms = config->timeout_ms},
                 error);
    if (!live->call)
        return error->code;
    int rc = call_submit(live->call, route->context->loop, route->pool->executor, on_call_done,
                         live, error);
    if (rc < 0)
        call_free(live->call);
    return rc;
}

static void live_call_start(struct live_call *live)
{
    struct route_context *context = live->route->context;
    ferry_error error = {0};
    if (live_call_submit(live, &error) < 0) {
        exchange_answer_error(&live->exchange, &error);
        spare_free(live, sizeof *live);
        return;
    }
    live_call_link(live);
    int64_t timeout_ms = live->route->config->timeout_ms;
    if (timeout_ms > 0)
        live->deadline = ferry_loop_call_later(context->loop, timeout_ms, on_deadline, live);
    ferry_request_on_gone(live->exchange.request, on_client_gone, live);
}

/* ---- coming in ---- */

static bool read_header(void *arg, const char *name, const char *value)
{
    struct wishes *wishes = arg;
    if ((name[0] == 'P' || name[0] == 'p') && ascii_compare(name, "Prefer") == 0)
        prefer_read(&wishes->prefer, value);
    else
        job_headers_add(&wishes->job, name, value);
    return true;
}

/* Tell whether a request is to become a job. With an idempotency key it is, where it may be: what
 * is on disk is not done twice. */
static bool is_for_later(const struct route *route, const struct wishes *wishes)
{
    const struct prefer *prefer = &wishes->prefer;
    switch (route->config->mode) {
    case ROUTE_DEFER:
        return true;
    case ROUTE_EITHER:
        return prefer->respond_async || prefer->has_wait || wishes->job.key;
    case ROUTE_CALL:
        break;
    }
    return false;
}

static void route_call(struct route *route, struct exchange *exchange, const struct wishes *wishes)
{
    ferry_error error;
    struct live_call *live = spare_new(sizeof *live);
    if (wishes->job.of_a_job)
        ferry_error_set(&error, FERRY_INVALID, "%s: this route runs at once%s",
                        wishes->job.of_a_job,
                        route->config->mode == ROUTE_EITHER ? "; add Prefer: respond-async" : "");
    else if (!live)
        ferry_error_set(&error, FERRY_INTERNAL, "no memory");
    if (!live || wishes->job.of_a_job) {
        spare_free(live, sizeof *live);
        exchange_answer_error(exchange, &error);
        return;
    }
    *live = (struct live_call){.route = route, .exchange = *exchange};
    live_call_start(live);
}

/* It may enter. */
static void on_enter(void *arg, struct exchange *exchange)
{
    struct route *route = arg;
    struct wishes wishes = {0};
    ferry_request_each_header(exchange->request, read_header, &wishes);
    if (wishes.job.slip) {
        ferry_error error;
        ferry_error_set(&error, FERRY_INVALID, "%s: there is no such header; did you mean %s?",
                        wishes.job.slip, wishes.job.meant);
        exchange_answer_error(exchange, &error);
        return;
    }
    if (route->config->mode == ROUTE_EITHER)
        ferry_request_set_header(exchange->request, "Vary", "Prefer");
    if (is_for_later(route, &wishes))
        route_defer(route->context, exchange, &wishes);
    else
        route_call(route, exchange, &wishes);
}

static struct exchange route_begin(struct route *route, ferry_request *request)
{
    return exchange_begin(request, route->config, route->metrics, &route->context->open);
}

static void on_request(ferry_request *request, void *ctx)
{
    struct route *route = ctx;
    struct exchange exchange = route_begin(route, request);
    entry_check(&route->entry, &exchange, on_enter, route);
}

static void on_options(ferry_request *request, void *ctx)
{
    struct route *route = ctx;
    struct exchange exchange = route_begin(route, request);
    entry_options(&route->entry, &exchange);
}

/* ---- life ---- */

bool route_of_queue(const struct route *route, struct queue_route *into)
{
    const struct config_route *config = route->config;
    *into = (struct queue_route){
        .name = config->path,
        .worker = config->worker,
        .pool = &route->pool->deferred,
        .timeout_ms = config->timeout_ms,
        .attempts = config->attempts,
        .backoff_min_ms = config->backoff_min_ms,
        .backoff_max_ms = config->backoff_max_ms,
        .priority = config->priority,
        .concurrency = config->concurrency,
        .rate_count = config->rate_count,
        .rate_per_ms = config->rate_per_ms,
        .breaker_failures = config->breaker_failures,
        .breaker_pause_ms = config->breaker_pause_ms,
        .keep_ms = config->keep_ms,
        .max_result_bytes = config->max_result_bytes,
    };
    return config->mode != ROUTE_CALL;
}

static int route_bind(struct route *route, ferry_error *error)
{
    ferry_http_server *http = route->context->http;
    const struct config_route *config = route->config;
    int rc = ferry_http_route(http, config->methods, config->path, on_request, route, error);
    if (rc == 0 && entry_wants_options(&route->entry))
        rc = ferry_http_route(http, "OPTIONS", config->path, on_options, route, error);
    return rc;
}

struct route *route_new(struct route_context *context, const struct config_route *config,
                        struct pool *pool, ferry_error *error)
{
    struct route *route = calloc(1, sizeof *route);
    struct route_metrics *metrics =
        route_metrics_get(context->route_metrics, context->metrics, config->path);
    if (!route || !metrics || !entry_init(&route->entry, config, context->passwords)) {
        route_free(route);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    route->context = context;
    route->config = config;
    route->pool = pool;
    route->metrics = metrics;
    if (route_bind(route, error) == 0)
        return route;
    route_free(route);
    return NULL;
}

void route_free(struct route *route)
{
    if (!route)
        return;
    entry_fini(&route->entry);
    free(route);
}
