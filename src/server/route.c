/*
 * Routes: may the request enter, and what becomes of it.
 *
 * Loop thread. A live request becomes an exchange: the request on one side, the call on the other.
 * Either may end first. The deadline answers 504 and lets go of the request; a call that runs on is
 * then stuck, and counts against its pool, until its thread comes back and the late result is
 * dropped. A client that leaves cancels the call; the request is then answered into the void when
 * the call ends. An exchange ends with its call, which always comes back (call.h).
 *
 * A deferred request becomes a job: it is answered when the queue says that it is on disk.
 */
#include "route.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "call.h"
#include "clock.h"
#include "request_input.h"
#include "route_metrics.h"

struct route {
    struct route_context *context;
    const struct config_route *config;
    struct pool *pool;
    struct route_metrics metrics;
};

/* A request on its way through a route. */
struct exchange {
    struct exchange *next, **link; /* of the context, while there is a call */
    struct route *route;
    ferry_request *request; /* NULL once answered */
    ferry_call *call;       /* NULL for a job */
    ferry_timer deadline;
    int64_t begin_us;
    bool stuck;
    bool wants_async; /* Prefer: respond-async was heeded */
};

/* ---- answering ---- */

/* Count the request and let go of it; the caller replies with what this returns. */
static ferry_request *exchange_close(struct exchange *exchange, int status)
{
    ferry_request *request = exchange->request;
    exchange->request = NULL;
    ferry_request_on_gone(request, NULL, NULL);
    route_metrics_end(&exchange->route->metrics, ferry_request_method(request), status,
                      clock_monotonic_us() - exchange->begin_us);
    return request;
}

static void answer_error(struct exchange *exchange, const ferry_error *error)
{
    int status = ferry_code_status(error->code);
    ferry_log(status >= 500 && error->code != FERRY_REJECTED ? FERRY_LOG_WARN : FERRY_LOG_DEBUG,
              "request failed", "route=%s worker=%s status=%d code=%s error=%s",
              exchange->route->config->path, exchange->route->config->worker->name, status,
              ferry_code_name(error->code), error->message);
    ferry_request_reply_error(exchange_close(exchange, status), error);
}

static void set_headers(ferry_request *request, const struct bytes *headers)
{
    for (const char *at = bytes_text(headers), *end = at + headers->length; at < end;) {
        const char *value = at + strlen(at) + 1;
        ferry_request_set_header(request, at, value);
        at = value + strlen(value) + 1;
    }
}

static void answer_output(struct exchange *exchange, struct call_output *output)
{
    if (output->error.code) {
        answer_error(exchange, &output->error);
        return;
    }
    ferry_request *request = exchange_close(exchange, output->status);
    set_headers(request, &output->headers);
    size_t length = output->body.length;
    char *body = bytes_take(&output->body);
    ferry_request_reply_owned(request, output->status, output->content_type, body,
                              body ? length : 0);
}

/* ---- live calls ---- */

static void exchange_link(struct exchange *exchange)
{
    struct route_context *context = exchange->route->context;
    exchange->next = context->exchanges;
    exchange->link = &context->exchanges;
    if (exchange->next)
        exchange->next->link = &exchange->next;
    context->exchanges = exchange;
    context->live_calls++;
}

static void exchange_unlink(struct exchange *exchange)
{
    *exchange->link = exchange->next;
    if (exchange->next)
        exchange->next->link = exchange->link;
    exchange->route->context->live_calls--;
}

void routes_cancel_calls(struct route_context *context)
{
    for (struct exchange *each = context->exchanges; each; each = each->next)
        call_cancel(each->call);
}

static void exchange_unstick(struct exchange *exchange, const ferry_task_report *report)
{
    const struct config_route *config = exchange->route->config;
    exchange->route->pool->stuck--;
    ferry_log(FERRY_LOG_INFO, "stuck call came back", "route=%s worker=%s pool=%s run_ms=%lld",
              config->path, config->worker->name, config->pool->name,
              (long long)(report->run_us / 1000));
}

static void on_call_done(ferry_call *call, const ferry_task_report *report, void *arg)
{
    struct exchange *exchange = arg;
    struct route *route = exchange->route;
    ferry_loop_cancel(route->context->loop, exchange->deadline);
    pool_observe(route->pool, report);
    if (exchange->stuck)
        exchange_unstick(exchange, report);
    if (exchange->request)
        answer_output(exchange, call_output(call));
    exchange_unlink(exchange);
    call_free(call);
    free(exchange);
}

static void on_deadline(void *arg)
{
    struct exchange *exchange = arg;
    const struct config_route *config = exchange->route->config;
    ferry_error error;
    bool started = call_is_started(exchange->call);
    if (started) {
        exchange->stuck = true;
        exchange->route->pool->stuck++;
        ferry_log(FERRY_LOG_WARN, "call is stuck: past its deadline and still running",
                  "route=%s worker=%s pool=%s timeout_ms=%lld stuck=%u threads=%u", config->path,
                  config->worker->name, config->pool->name, (long long)config->timeout_ms,
                  pool_stuck_count(exchange->route->pool), config->pool->threads);
    }
    if (exchange->request) {
        ferry_error_set(&error, FERRY_DEADLINE, "%s within %lld ms",
                        started ? "the call did not end" : "no thread was free",
                        (long long)config->timeout_ms);
        answer_error(exchange, &error);
    }
    call_cancel(exchange->call);
}

static void on_client_gone(void *arg)
{
    struct exchange *exchange = arg;
    call_cancel(exchange->call);
}

/* Make a call of the request and queue it. Returns 0 or a code with `error` set. */
static int exchange_call(struct exchange *exchange, ferry_error *error)
{
    struct route *route = exchange->route;
    const struct config_route *config = route->config;
    if (pool_is_stuck(route->pool)) {
        route->pool->rejected_stuck++;
        return ferry_error_set(error, FERRY_REJECTED,
                               "pool %s: every thread is stuck in a call past its deadline",
                               config->pool->name);
    }
    struct bytes block = {0};
    request_input(exchange->request, false, &block);
    size_t length = block.length;
    char *input = bytes_take(&block);
    if (!input)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    exchange->call =
        call_new(config->worker, input, length,
                 &(struct call_options){.attempt = 1, .timeout_ms = config->timeout_ms}, error);
    if (!exchange->call)
        return error->code;
    int rc = call_submit(exchange->call, route->context->loop, route->pool->executor, on_call_done,
                         exchange, error);
    if (rc < 0)
        call_free(exchange->call);
    return rc;
}

static void route_call(struct exchange *exchange)
{
    struct route_context *context = exchange->route->context;
    ferry_error error = {0};
    if (exchange_call(exchange, &error) < 0) {
        answer_error(exchange, &error);
        free(exchange);
        return;
    }
    exchange_link(exchange);
    int64_t timeout_ms = exchange->route->config->timeout_ms;
    if (timeout_ms > 0)
        exchange->deadline =
            ferry_loop_call_later(context->loop, timeout_ms, on_deadline, exchange);
    ferry_request_on_gone(exchange->request, on_client_gone, exchange);
}

/* ---- jobs ---- */

static void on_accepted(void *arg, const struct queue_receipt *receipt, const ferry_error *error)
{
    struct exchange *exchange = arg;
    if (error->code) {
        answer_error(exchange, error);
        free(exchange);
        return;
    }
    struct bytes location = {0}, body = {0};
    bytes_printf(&location, "/jobs/%s", receipt->id);
    bytes_printf(&body, "{\"id\":\"%s\",\"state\":\"queued\"}\n", receipt->id);
    ferry_request *request = exchange_close(exchange, 202);
    ferry_request_set_header(request, "Location", bytes_text(&location));
    if (exchange->wants_async)
        ferry_request_set_header(request, "Preference-Applied", "respond-async");
    ferry_request_reply_json(request, 202, bytes_text(&body));
    bytes_fini(&location);
    bytes_fini(&body);
    free(exchange);
}

static void route_defer(struct exchange *exchange)
{
    struct bytes block = {0};
    request_input(exchange->request, true, &block);
    struct queue_job job = {.route = exchange->route->config->path, .length = block.length};
    job.block = bytes_take(&block);
    ferry_error error = {0};
    int rc = job.block
                 ? queue_add(exchange->route->context->queue, &job, on_accepted, exchange, &error)
                 : ferry_error_set(&error, FERRY_INTERNAL, "no memory");
    if (rc < 0) {
        answer_error(exchange, &error);
        free(exchange);
    }
}

/* A visitor of headers, which ends the walk at a Prefer (RFC 7240) with `respond-async`. */
static bool is_not_async(void *arg, const char *name, const char *value)
{
    bool *is_async = arg;
    for (const char *at = strcasecmp(name, "Prefer") == 0 ? value : ""; *at && !*is_async;) {
        at += strspn(at, " \t,");
        size_t length = strcspn(at, ",; \t=");
        *is_async =
            length == strlen("respond-async") && strncasecmp(at, "respond-async", length) == 0;
        at += strcspn(at, ",");
    }
    return !*is_async;
}

static bool prefers_async(const ferry_request *request)
{
    bool is_async = false;
    ferry_request_each_header(request, is_not_async, &is_async);
    return is_async;
}

static void on_request(ferry_request *request, void *ctx)
{
    struct route *route = ctx;
    struct exchange *exchange = malloc(sizeof *exchange);
    if (!exchange) {
        ferry_error error;
        ferry_error_set(&error, FERRY_INTERNAL, "no memory");
        ferry_request_reply_error(request, &error);
        return;
    }
    *exchange = (struct exchange){
        .route = route,
        .request = request,
        .begin_us = clock_monotonic_us(),
        .wants_async = route->config->mode != ROUTE_CALL && prefers_async(request),
    };
    route_metrics_begin(&route->metrics);
    if (route->config->mode == ROUTE_EITHER)
        ferry_request_set_header(request, "Vary", "Prefer");
    if (route->config->mode == ROUTE_DEFER || exchange->wants_async)
        route_defer(exchange);
    else
        route_call(exchange);
}

/* ---- life ---- */

static int route_join_queue(struct route *route)
{
    const struct config_route *config = route->config;
    return queue_add_route(route->context->queue, &(struct queue_route){
                                                      .name = config->path,
                                                      .worker = config->worker,
                                                      .pool = &route->pool->deferred,
                                                      .timeout_ms = config->timeout_ms,
                                                      .attempts = config->attempts,
                                                      .backoff_min_ms = config->backoff_min_ms,
                                                      .backoff_max_ms = config->backoff_max_ms,
                                                  });
}

struct route *route_new(struct route_context *context, const struct config_route *config,
                        struct pool *pool, ferry_error *error)
{
    struct route *route = calloc(1, sizeof *route);
    if (!route || !route_metrics_init(&route->metrics, context->metrics, config->path)) {
        free(route);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    route->context = context;
    route->config = config;
    route->pool = pool;
    int rc = config->mode == ROUTE_CALL ? 0 : route_join_queue(route);
    if (rc < 0)
        ferry_error_set(error, (ferry_code)rc, "route %s: cannot join the queue", config->path);
    else
        rc = ferry_http_route(context->http, config->methods, config->path, on_request, route,
                              error);
    if (rc < 0) {
        route_free(route);
        return NULL;
    }
    return route;
}

void route_free(struct route *route)
{
    if (!route)
        return;
    route_metrics_fini(&route->metrics);
    free(route);
}
