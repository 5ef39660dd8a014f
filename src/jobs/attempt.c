/*
 * An attempt, from the claim to the end of its call. Loop thread.
 *
 * Its call has it, and then the write of its end (attempt_end.c; the operation is part of the
 * attempt, so that it cannot fail for want of memory). `holders` counts the two, because an
 * interrupted attempt is written while its call still runs; the last of them frees it.
 *
 * The slot is free when the thread is back, not when the end is on disk: the next claim travels in
 * the same transaction.
 */
#include "attempt.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "ahead.h"
#include "attempt_struct.h"
#include "spare.h"

enum { REFUSED_PAUSE_MS = 1000 }; /* until a job is tried again that its pool had no room for */

void attempt_unref(struct attempt *attempt)
{
    if (--attempt->holders > 0)
        return;
    started_free(attempt->started);
    spare_free(attempt, sizeof *attempt);
}

static void attempt_link(struct attempt *attempt)
{
    struct queue *queue = attempt_queue(attempt);
    attempt->next = queue->attempts;
    attempt->link = &queue->attempts;
    if (attempt->next)
        attempt->next->link = &attempt->next;
    queue->attempts = attempt;
}

static void attempt_unlink(struct attempt *attempt)
{
    *attempt->link = attempt->next;
    if (attempt->next)
        attempt->next->link = attempt->link;
}

void attempt_count(const struct attempt *attempt, enum attempt_outcome outcome)
{
    struct metric_counter *counter = attempt->route->outcomes[outcome];
    if (counter)
        counter->value++;
}

/* ---- the call ---- */

static void attempt_unstick(struct attempt *attempt, const ferry_task_report *report)
{
    if (!attempt->is_stuck)
        return;
    attempt->is_stuck = false;
    attempt->pool->pool->stuck--;
    if (attempt->is_told)
        ferry_log(FERRY_LOG_INFO, "stuck attempt came back", "delivery_id=%s route=%s run_ms=%lld",
                  attempt->delivery_id, attempt->route->route.name,
                  (long long)(report->run_us / 1000));
}

/* It never ran: live calls fill the pool, or it was cancelled before, or taken back. */
static void attempt_refused(struct attempt *attempt)
{
    dispatch_return(attempt->route, attempt->pool);
    if (attempt->is_withdrawn) {
        attempt_release(attempt, ATTEMPT_KEEPS_PLACE);
        return;
    }
    if (!attempt->is_cancelled)
        dispatch_pause_pool(attempt_queue(attempt), attempt->pool);
    attempt_release(attempt, REFUSED_PAUSE_MS);
}

/* What the end of an attempt says of the peer behind its worker. */
static enum gate_end attempt_gate_end(const struct attempt *attempt, ferry_code outcome)
{
    if (attempt->is_cancelled && outcome != FERRY_OK)
        return GATE_UNKNOWN;
    return attempt->is_overdue || ferry_code_is_transient(outcome) ? GATE_FAILED : GATE_ANSWERED;
}

static void attempt_end(struct attempt *attempt, ferry_call *call, int64_t run_us,
                        const struct queue_now *now)
{
    ahead_measure(attempt->route, run_us);
    int64_t pause_ms = call_output(call)->pause_route_ms;
    dispatch_end(attempt->route, attempt->pool, attempt_gate_end(attempt, call_outcome(call)),
                 now->loop_ms);
    if (pause_ms > 0)
        dispatch_shut(attempt->route, pause_ms);
    attempt_finish(attempt, call, now->wall_ms);
}

/* Thread: the pool's. The process may end in what follows. */
static void on_call_started(void *arg)
{
    const struct attempt *attempt = arg;
    started_note(attempt->started, attempt->note, &attempt->key);
}

static void on_call_done(ferry_call *call, const ferry_task_report *report, void *arg)
{
    struct attempt *attempt = arg;
    if (attempt->is_ignored) { /* the queue and its routes may be gone */
        call_free(call);
        attempt_unref(attempt);
        return;
    }
    struct queue *queue = attempt_queue(attempt);
    struct queue_now now = queue_now(queue);
    attempt->call = NULL;
    attempt_unlink(attempt);
    attempt_unstick(attempt, report);
    ahead_leave(attempt, now.loop_ms);
    if (report->outcome == FERRY_OK)
        attempt_end(attempt, call, report->run_us, &now);
    else
        attempt_refused(attempt);
    call_free(call);
    attempt_unref(attempt);
    dispatch(queue);
}

static void attempt_tell_overdue(const struct attempt *attempt)
{
    ferry_log(FERRY_LOG_WARN, "an attempt is overdue",
              "delivery_id=%s route=%s worker=%s attempt=%u running=%d", attempt->delivery_id,
              attempt->route->route.name, call_worker_name(attempt->call), attempt->number,
              attempt->is_stuck);
}

/* The job stays running until its thread is back: a second run beside it would be worse. */
static void attempt_overdue(struct attempt *attempt, int64_t now_ms)
{
    attempt->is_overdue = true;
    attempt->is_stuck = call_is_started(attempt->call);
    attempt->pool->pool->stuck += attempt->is_stuck;
    attempt->deadline_ms = attempt->is_stuck ? now_ms + CALL_STUCK_MS : INT64_MAX;
    if (!attempt->is_stuck)
        attempt_tell_overdue(attempt);
    call_cancel(attempt->call);
}

static void attempt_pass_deadline(struct attempt *attempt, int64_t now_ms)
{
    if (!attempt->is_overdue) {
        attempt_overdue(attempt, now_ms);
        return;
    }
    attempt->deadline_ms = INT64_MAX;
    attempt->is_told = true;
    attempt_tell_overdue(attempt);
}

static void on_deadline(void *arg);

/* One timer for all: an attempt that ends in time leaves it, to find nothing due. */
static void queue_expect_deadline(struct queue *queue, int64_t when_ms)
{
    if (when_ms == INT64_MAX || (queue->deadline && queue->deadline_ms <= when_ms))
        return;
    ferry_loop_cancel(queue->loop, queue->deadline);
    queue->deadline = ferry_loop_call_at(queue->loop, when_ms, on_deadline, queue);
    queue->deadline_ms = when_ms;
}

static void on_deadline(void *arg)
{
    struct queue *queue = arg;
    int64_t now_ms = ferry_loop_now_ms(queue->loop), next_ms = INT64_MAX;
    queue->deadline = 0;
    for (struct attempt *at = queue->attempts; at; at = at->next) {
        if (at->deadline_ms <= now_ms)
            attempt_pass_deadline(at, now_ms);
        if (at->deadline_ms < next_ms)
            next_ms = at->deadline_ms;
    }
    queue_expect_deadline(queue, next_ms);
}

/* Hand the job to its pool. Returns 0 or a code; then there is no call. */
static int attempt_submit(struct attempt *attempt, int64_t now_ms, ferry_error *error)
{
    struct queue *queue = attempt_queue(attempt);
    const struct queue_route *route = &attempt->route->route;
    struct call_options options = {
        .attempt = attempt->number,
        .delivery_id = attempt->delivery_id,
        .route = route->name,
        .timeout_ms = route->timeout_ms,
        .memory = attempt->input.memory,
        .memory_length = attempt->input.memory_length,
        .started = on_call_started,
        .background = true,
    };
    char *block = attempt->input.block;
    if (!block)
        return ferry_error_set(error, FERRY_INVALID, "its input is lost");
    attempt->input.block = NULL;
    ferry_call *call = call_new(route->worker, block, attempt->input.length, &options, error);
    if (!call)
        return error->code;
    attempt->started = started_ref(store_started(queue->store));
    attempt->note = started_reserve(attempt->started);
    int rc = call_submit(call, queue->loop, route->pool->executor, on_call_done, attempt, error);
    if (rc < 0) {
        call_free(call);
        return rc;
    }
    attempt->call = call;
    attempt->deadline_ms = route->timeout_ms > 0 ? now_ms + route->timeout_ms : INT64_MAX;
    queue_expect_deadline(queue, attempt->deadline_ms);
    return 0;
}

/* ---- from outside ---- */

/* Returns NULL without memory, and nothing is taken over. */
static struct attempt *attempt_new(struct dispatch_route *route, const struct claimed_job *job)
{
    struct attempt *attempt = spare_new(sizeof *attempt);
    if (!attempt)
        return NULL;
    memset(attempt, 0, offsetof(struct attempt, write));
    attempt->route = route;
    attempt->input.block = job->block;
    attempt->input.length = job->length;
    attempt->input.memory = job->memory;
    attempt->input.memory_length = job->memory_length;
    attempt->note = STARTED_NOWHERE;
    attempt->key = job->key;
    attempt->version = job->version;
    attempt->number = job->attempt;
    attempt->weight = job->weight;
    attempt->holders = 1;
    memcpy(attempt->id, job->id, sizeof attempt->id);
    memcpy(attempt->delivery_id, job->delivery_id, sizeof attempt->delivery_id);
    return attempt;
}

void attempt_drop_input(struct attempt *attempt)
{
    free(attempt->input.block);
    free(attempt->input.memory);
    attempt->input.block = attempt->input.memory = NULL;
}

void attempt_run(struct attempt *attempt, int64_t now_ms)
{
    ferry_error error;
    attempt->pool = dispatch_begin(attempt->route);
    int rc = attempt_submit(attempt, now_ms, &error);
    attempt_drop_input(attempt);
    if (rc == 0) { /* the call holds it now */
        attempt_link(attempt);
        return;
    }
    struct queue_now now = queue_now(attempt_queue(attempt));
    ahead_leave(attempt, now.loop_ms);
    if (rc == FERRY_INVALID) {
        dispatch_return(attempt->route, attempt->pool);
        attempt_fail(attempt, &error, now.wall_ms);
    } else {
        attempt_refused(attempt);
    }
    attempt_unref(attempt);
}

void attempt_give_back(struct attempt *attempt)
{
    attempt_drop_input(attempt);
    attempt_release(attempt, ATTEMPT_KEEPS_PLACE);
    attempt_unref(attempt);
}

void attempt_start(struct dispatch_route *route, const struct claimed_job *job, bool has_slot)
{
    struct attempt *attempt = attempt_new(route, job);
    bool may_run = attempt && !route->queue->draining && route->pool && !route->gate.is_paused;
    if (has_slot && !may_run)
        dispatch_give_back(route, 1);
    if (!attempt) {
        ferry_log(FERRY_LOG_ERROR, "no memory to run a job, it waits for the next start",
                  "delivery_id=%s", job->delivery_id);
        free(job->block);
        free(job->memory);
    } else if (!may_run) {
        attempt_give_back(attempt);
    } else if (has_slot) {
        attempt_run(attempt, ferry_loop_now_ms(route->queue->loop));
    } else {
        ahead_push(route, attempt);
    }
}

static void attempt_interrupt(struct attempt *attempt)
{
    ferry_log(FERRY_LOG_WARN, "an attempt is interrupted by the end of the server",
              "delivery_id=%s route=%s attempt=%u", attempt->delivery_id,
              attempt->route->route.name, attempt->number);
    attempt_unlink(attempt);
    attempt->is_ignored = true;
    call_cancel(attempt->call);
    attempt_count(attempt, ATTEMPT_INTERRUPTED);
    attempt_release(attempt, 0);
}

void attempts_interrupt(struct queue *queue)
{
    while (queue->attempts)
        attempt_interrupt(queue->attempts);
    ferry_loop_cancel(queue->loop, queue->deadline);
    queue->deadline = 0;
}

static struct attempt *attempt_find(const struct queue *queue, const char *id)
{
    struct attempt *at = queue->attempts;
    while (at && strcmp(at->id, id) != 0)
        at = at->next;
    return at;
}

void attempts_withdraw(struct dispatch_route *route)
{
    int64_t now_ms = ferry_loop_now_ms(route->queue->loop);
    for (struct attempt *at = route->queue->attempts; at; at = at->next) {
        if (at->route != route || !at->is_ahead)
            continue;
        ahead_leave(at, now_ms);
        at->is_withdrawn = call_withdraw(at->call);
    }
}

void attempt_cancel(struct queue *queue, const char *id)
{
    struct attempt *attempt = ahead_take(queue, id);
    if (attempt) {
        attempt_give_back(attempt); /* as it is marked on disk, that ends it */
        return;
    }
    attempt = attempt_find(queue, id);
    if (!attempt)
        return; /* it has just ended, and its end is on its way to the disk */
    attempt->is_cancelled = true;
    call_cancel(attempt->call);
}

bool attempts_get_progress(const struct queue *queue, const char *id, double *fraction,
                           char *message, size_t size)
{
    const struct attempt *attempt = attempt_find(queue, id);
    return attempt && call_get_progress(attempt->call, fraction, message, size);
}
