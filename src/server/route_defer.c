/*
 * Requests that become jobs.
 *
 * Loop thread. A deferral lives from the request to its answer, in two steps: the queue says that
 * the job is on disk; then it is answered with 202, or held (held_wait.h) and answered with what
 * came of the job, or else with 202 and its state then. From the first step on the job goes its
 * way, whatever becomes of the request.
 */
#include "route_defer.h"

#include <string.h>

#include "callback_url.h"
#include "clock.h"
#include "job_answer.h"
#include "request_input.h"
#include "spare.h"

struct deferral {
    struct exchange exchange;
    struct route_context *context;
    struct prefer prefer;
    struct held_wait *wait; /* NULL: it is answered at once */
    bool has_waited;
    int64_t run_at_ms; /* 0: now */
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
};

static void deferral_free(struct deferral *deferral)
{
    held_wait_free(deferral->wait);
    spare_free(deferral, sizeof *deferral);
}

/* ---- answering ----
 * What tells the client of its job needs no memory: without it a 202 would accept a job that nobody
 * can find. */

static void set_job_headers(const struct deferral *deferral, ferry_request *request)
{
    struct bytes applied = {0};
    char location[sizeof "/jobs/" + RANDOM_ID_TEXT_SIZE];
    stpcpy(stpcpy(location, "/jobs/"), deferral->id);
    ferry_request_set_header(request, "Location", location);
    prefer_append_applied(&applied, &deferral->prefer, deferral->has_waited);
    if (applied.length)
        ferry_request_set_header(request, "Preference-Applied", bytes_text(&applied));
    bytes_fini(&applied);
}

static void answer_accepted(struct deferral *deferral, enum job_state state)
{
    char body[256]; /* two ids, the name of a state and what is between them */
    char *at = stpcpy(stpcpy(body, "{\"id\":\""), deferral->id);
    at = stpcpy(stpcpy(at, "\",\"delivery_id\":\""), deferral->delivery_id);
    stpcpy(stpcpy(stpcpy(at, "\",\"state\":\""), job_state_name(state)), "\"}\n");
    ferry_request *request = exchange_close(&deferral->exchange, 202);
    set_job_headers(deferral, request);
    job_set_retry_after(request, state, deferral->run_at_ms);
    ferry_request_reply_json(request, 202, body);
    deferral_free(deferral);
}

static void answer_error(struct deferral *deferral, const ferry_error *error)
{
    if (error->code == FERRY_CONFLICT) /* a key that is held */
        ferry_request_set_header(deferral->exchange.request, "Retry-After", "1");
    exchange_answer_error(&deferral->exchange, error);
    deferral_free(deferral);
}

static void on_wait_done(void *arg, const struct job_record *job, enum job_state state)
{
    struct deferral *deferral = arg;
    deferral->wait = NULL;
    if (!job || job_answer_is_lost(job)) { /* an error would say that nothing was done */
        answer_accepted(deferral, job ? job->state : state);
        return;
    }
    ferry_request *request = exchange_close(&deferral->exchange, job_answer_status(job));
    set_job_headers(deferral, request);
    job_answer(request, job);
    deferral_free(deferral);
}

static void on_accepted(void *arg, const struct queue_receipt *receipt, const ferry_error *error)
{
    struct deferral *deferral = arg;
    ferry_error mismatch;
    if (error->code) {
        answer_error(deferral, error);
        return;
    }
    if (receipt->outcome == QUEUE_MISMATCHED) {
        ferry_error_set(&mismatch, FERRY_UNPROCESSABLE,
                        "Idempotency-Key: another request was sent with this key");
        answer_error(deferral, &mismatch);
        return;
    }
    if (receipt->outcome == QUEUE_REPEATED)
        deferral->run_at_ms = receipt->run_at_ms;
    memcpy(deferral->id, receipt->id, sizeof deferral->id);
    memcpy(deferral->delivery_id, receipt->delivery_id, sizeof deferral->delivery_id);
    if (deferral->wait)
        held_wait_begin(deferral->wait, receipt, deferral->exchange.request, on_wait_done,
                        deferral);
    else
        answer_accepted(deferral, receipt->state);
}

/* ---- accepting ---- */

/* Return for how long the answer may be held, 0 if it is not: as the client prefers; or, for one
 * that only sent a key to a route that it may wait for, as long as a live call. */
static int64_t hold_ms(const struct deferral *deferral)
{
    const struct config_route *config = deferral->exchange.config;
    int64_t most_ms = PREFER_WAIT_MAX_S * 1000LL;
    if (deferral->prefer.has_wait)
        return deferral->prefer.wait_s * 1000LL;
    if (deferral->prefer.respond_async || config->mode != ROUTE_EITHER)
        return 0;
    return config->timeout_ms > 0 && config->timeout_ms < most_ms ? config->timeout_ms : most_ms;
}

/* Take a place to wait in, and the key for as long. Without a place it is answered at once. */
static int deferral_hold(struct deferral *deferral, const struct queue_job *job, ferry_error *error)
{
    int64_t timeout_ms = hold_ms(deferral);
    if (timeout_ms > 0)
        deferral->wait = held_wait_new(deferral->context->waits, timeout_ms);
    deferral->has_waited = deferral->wait || timeout_ms == 0;
    if (!deferral->wait || !job->key)
        return 0;
    return held_wait_hold_key(deferral->wait, job->route, job->key, job->fingerprint, error);
}

/* Take over what the request says into a job, all but its input. `wants` keeps the key's text. */
static int deferral_read(struct deferral *deferral, const struct job_headers *headers,
                         struct job_request *wants, struct queue_job *job, ferry_error *error)
{
    int64_t now_ms = headers->delay || headers->run_at ? clock_wall_ms() : 0;
    int rc = job_request_read(wants, headers, now_ms, error);
    if (rc == 0 && headers->callback)
        rc = callback_url_check(headers->callback, deferral->context->callbacks, error);
    if (rc < 0)
        return rc;
    *job = (struct queue_job){
        .route = deferral->exchange.config->path,
        .delay_ms = wants->delay_ms,
        .run_at_ms = wants->run_at_ms,
        .key = wants->key[0] ? wants->key : NULL,
        .callback = headers->callback,
    };
    deferral->run_at_ms = wants->delay_ms > 0 ? now_ms + wants->delay_ms : wants->run_at_ms;
    if (job->key && !request_fingerprint(deferral->exchange.request, job->fingerprint))
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return 0;
}

static int deferral_add(struct deferral *deferral, struct queue_job *job, ferry_error *error)
{
    struct bytes block = {0};
    request_input(deferral->exchange.request, deferral->exchange.config, true, &block);
    job->length = block.length;
    job->block = bytes_take(&block);
    if (!job->block)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return queue_add(deferral->context->queue, job, on_accepted, deferral, error);
}

void route_defer(struct route_context *context, const struct exchange *exchange,
                 const struct wishes *wishes)
{
    ferry_error error;
    struct exchange copy = *exchange;
    struct deferral *deferral = spare_new(sizeof *deferral);
    if (!deferral) {
        ferry_error_set(&error, FERRY_INTERNAL, "no memory");
        exchange_answer_error(&copy, &error);
        return;
    }
    *deferral = (struct deferral){
        .context = context,
        .exchange = copy,
        .prefer = wishes->prefer,
    };
    struct job_request wants;
    struct queue_job job;
    int rc = deferral_read(deferral, &wishes->job, &wants, &job, &error);
    rc = rc < 0 ? rc : deferral_hold(deferral, &job, &error);
    rc = rc < 0 ? rc : deferral_add(deferral, &job, &error);
    if (rc < 0)
        answer_error(deferral, &error);
}
