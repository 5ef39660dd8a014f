/*
 * An attempt, from the claim to what is written of its end. Loop thread.
 *
 * Its call has it, and then the write of its end (settle or release; the operation is part of the
 * attempt, so that it cannot fail for want of memory). `holders` counts the two, because an
 * interrupted attempt is written while its call still runs; the last of them frees it.
 *
 * The slot is free when the thread is back, not when the end is on disk: the next claim travels in
 * the same transaction.
 */
#include "attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "clock.h"
#include "queue_metrics.h"
#include "retry.h"

enum {
    MAX_RESULT_BYTES = 64 << 10,
    REFUSED_PAUSE_MS = 1000, /* until a job is tried again that its pool had no room for */
};

struct attempt {
    struct dispatch_route *route;
    struct attempt *next, **link; /* of the queue, while the call is in flight */
    struct claim_key key;
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    unsigned number;
    int64_t weight;
    ferry_call *call; /* NULL: none in flight */
    ferry_timer deadline;
    bool is_overdue;
    bool is_stuck;   /* overdue, and its call runs: it counts in its pool's `stuck` */
    bool is_ignored; /* interrupted: its call's result counts for nothing */
    unsigned holders;
    union {
        struct operation base;
        struct settle_operation settle;
        struct release_operation release;
    } write;
};

static struct queue *attempt_queue(const struct attempt *attempt)
{
    return attempt->route->queue;
}

static void attempt_unref(struct attempt *attempt)
{
    if (--attempt->holders == 0)
        free(attempt);
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

static void count_outcome(const struct attempt *attempt, enum attempt_outcome outcome)
{
    struct metric_counter *counter = attempt->route->outcomes[outcome];
    if (counter)
        counter->value++;
}

/* ---- the end, on disk ---- */

static void attempt_written(struct attempt *attempt, enum job_state state, bool changed)
{
    struct queue *queue = attempt_queue(attempt);
    if (!changed) {
        ferry_log(FERRY_LOG_WARN, "a job was written by somebody else meanwhile", "delivery_id=%s",
                  attempt->delivery_id);
        return;
    }
    queue_count(queue, JOB_RUNNING, -1);
    queue_count(queue, state, +1);
    if (job_state_is_final(state)) {
        queue->pending--;
        queue->pending_bytes -= attempt->weight;
    }
}

/* Answer for both writes. One that failed is written again until it succeeds: else the job would
 * stay running for as long as this process lives. */
static bool must_write_again(struct attempt *attempt)
{
    if (!attempt->write.base.error.code)
        return false;
    ferry_log(FERRY_LOG_WARN, "the end of an attempt was not written", "delivery_id=%s error=%s",
              attempt->delivery_id, attempt->write.base.error.message);
    return queue_write_again(attempt_queue(attempt), &attempt->write.base);
}

static void on_settled(struct operation *operation)
{
    struct attempt *attempt = operation->arg;
    struct settle_operation *settle = &attempt->write.settle;
    if (must_write_again(attempt))
        return;
    if (!operation->error.code)
        attempt_written(attempt, settle->state, settle->changed);
    free(settle->result);
    free(settle->result_type);
    attempt_unref(attempt);
}

static void on_released(struct operation *operation)
{
    struct attempt *attempt = operation->arg;
    struct release_operation *release = &attempt->write.release;
    if (must_write_again(attempt))
        return;
    if (!operation->error.code)
        attempt_written(attempt, JOB_QUEUED, release->changed);
    attempt_unref(attempt);
}

/* Give the job back, due in `delay_ms`. */
static void attempt_release(struct attempt *attempt, int64_t delay_ms)
{
    struct queue *queue = attempt_queue(attempt);
    attempt->write.release = (struct release_operation){
        .base = {.kind = OPERATION_RELEASE, .done = on_released, .arg = attempt},
        .key = attempt->key,
        .run_at_ms = clock_wall_ms() + delay_ms,
    };
    attempt->holders++;
    store_write(queue->store, &attempt->write.base);
    dispatch_expect(attempt->route, attempt->write.release.run_at_ms);
}

/* ---- the end, decided ---- */

static void settle_take_result(struct settle_operation *settle, struct call_output *output)
{
    settle->result_status = output->status;
    settle->result_type = output->content_type;
    output->content_type = NULL;
    /* A part of a document is none: what is too long is left out as a whole. */
    if (output->body.length <= MAX_RESULT_BYTES && !output->body.failed) {
        settle->result_length = output->body.length;
        settle->result = bytes_take(&output->body);
    }
}

static void settle_take_output(struct settle_operation *settle, ferry_call *call)
{
    struct call_output *output = call_output(call);
    ferry_code outcome = call_outcome(call);
    settle->failure = output->error;
    if (output->error.code == FERRY_OK) {
        settle_take_result(settle, output);
        if (outcome != FERRY_OK)
            ferry_error_set(&settle->failure, outcome, "the worker answered %d", output->status);
    }
}

static enum job_event attempt_event(const struct attempt *attempt, ferry_code outcome)
{
    if (outcome == FERRY_OK)
        return JOB_SUCCEED;
    bool is_last = retry_is_last(attempt->number, attempt->route->route.attempts);
    return ferry_code_is_transient(outcome) && !is_last ? JOB_FAIL : JOB_GIVE_UP;
}

static void attempt_log(const struct attempt *attempt, const struct settle_operation *settle)
{
    const char *route = attempt->route->route.name;
    if (settle->state == JOB_DEAD)
        ferry_log(FERRY_LOG_WARN, "a job is dead", "delivery_id=%s route=%s attempt=%u error=%s",
                  attempt->delivery_id, route, attempt->number, settle->failure.message);
    else if (settle->state == JOB_RETRYING)
        ferry_log(FERRY_LOG_INFO, "a job will be tried again",
                  "delivery_id=%s route=%s attempt=%u error=%s wait_ms=%lld", attempt->delivery_id,
                  route, attempt->number, settle->failure.message,
                  (long long)(settle->run_at_ms - clock_wall_ms()));
    else
        ferry_log(FERRY_LOG_DEBUG, "a job has succeeded", "delivery_id=%s route=%s attempt=%u",
                  attempt->delivery_id, route, attempt->number);
}

/* Decide what the filled-in settle means for the job, and write it. */
static void attempt_settle(struct attempt *attempt)
{
    struct settle_operation *settle = &attempt->write.settle;
    const struct queue_route *route = &attempt->route->route;
    settle->base = (struct operation){.kind = OPERATION_SETTLE, .done = on_settled, .arg = attempt};
    settle->key = attempt->key;
    settle->state = JOB_RUNNING;
    job_transition(&settle->state, attempt_event(attempt, settle->failure.code));
    int64_t now_ms = settle->now_ms = clock_wall_ms();
    if (settle->state == JOB_RETRYING) {
        settle->run_at_ms =
            now_ms + retry_wait_ms(route->backoff_min_ms, route->backoff_max_ms, attempt->number);
        count_outcome(attempt, ATTEMPT_FAILED);
    } else {
        count_outcome(attempt, settle->state == JOB_DEAD ? ATTEMPT_DEAD : ATTEMPT_SUCCEEDED);
    }
    attempt_log(attempt, settle);
    attempt->holders++;
    store_write(attempt_queue(attempt)->store, &settle->base);
    if (settle->state == JOB_RETRYING)
        dispatch_expect(attempt->route, settle->run_at_ms);
}

/* End an attempt whose call cannot even be made. */
static void attempt_fail(struct attempt *attempt, const ferry_error *why)
{
    attempt->write.settle = (struct settle_operation){.failure = *why};
    attempt_settle(attempt);
}

/* End an attempt whose call has run. */
static void attempt_finish(struct attempt *attempt, ferry_call *call)
{
    struct settle_operation *settle = &attempt->write.settle;
    *settle = (struct settle_operation){0};
    settle_take_output(settle, call);
    if (attempt->is_overdue && settle->failure.code)
        ferry_error_set(&settle->failure, FERRY_DEADLINE, "not done within %lld ms",
                        (long long)attempt->route->route.timeout_ms);
    attempt_settle(attempt);
}

/* ---- the call ---- */

static void attempt_unstick(struct attempt *attempt, const ferry_task_report *report)
{
    if (!attempt->is_stuck)
        return;
    attempt->is_stuck = false;
    attempt->route->route.pool->stuck--;
    ferry_log(FERRY_LOG_INFO, "stuck attempt came back", "delivery_id=%s route=%s run_ms=%lld",
              attempt->delivery_id, attempt->route->route.name, (long long)(report->run_us / 1000));
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
    attempt->call = NULL;
    ferry_loop_cancel(queue->loop, attempt->deadline);
    attempt_unlink(attempt);
    dispatch_free_slot(attempt->route);
    attempt_unstick(attempt, report);
    if (report->outcome != FERRY_OK) { /* it never ran: live calls fill the pool */
        dispatch_pause_pool(attempt->route);
        attempt_release(attempt, REFUSED_PAUSE_MS);
    } else {
        attempt_finish(attempt, call);
    }
    call_free(call);
    attempt_unref(attempt);
    dispatch(queue);
}

/* The job stays running until its thread is back: a second run beside it would be worse. */
static void on_deadline(void *arg)
{
    struct attempt *attempt = arg;
    attempt->deadline = 0;
    const struct queue_route *route = &attempt->route->route;
    attempt->is_overdue = true;
    attempt->is_stuck = call_is_started(attempt->call);
    route->pool->stuck += attempt->is_stuck;
    ferry_log(FERRY_LOG_WARN, "an attempt is overdue",
              "delivery_id=%s route=%s worker=%s attempt=%u running=%d", attempt->delivery_id,
              route->name, route->worker->name, attempt->number, attempt->is_stuck);
    call_cancel(attempt->call);
}

/* Hand the job to its pool. Returns 0 or a code; then there is no call. */
static int attempt_submit(struct attempt *attempt, char *block, size_t length, ferry_error *error)
{
    struct queue *queue = attempt_queue(attempt);
    const struct queue_route *route = &attempt->route->route;
    struct call_options options = {
        .attempt = attempt->number,
        .delivery_id = attempt->delivery_id,
        .timeout_ms = route->timeout_ms,
    };
    if (!block)
        return ferry_error_set(error, FERRY_INVALID, "its input is lost");
    ferry_call *call = call_new(route->worker, block, length, &options, error);
    if (!call)
        return error->code;
    int rc = call_submit(call, queue->loop, route->pool->executor, on_call_done, attempt, error);
    if (rc < 0) {
        call_free(call);
        return rc;
    }
    attempt->call = call;
    if (route->timeout_ms > 0)
        attempt->deadline =
            ferry_loop_call_later(queue->loop, route->timeout_ms, on_deadline, attempt);
    return 0;
}

/* ---- from outside ---- */

static struct attempt *attempt_new(struct dispatch_route *route, const struct claimed_job *job)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (!attempt)
        return NULL;
    attempt->route = route;
    attempt->key = job->key;
    memcpy(attempt->id, job->id, sizeof attempt->id);
    memcpy(attempt->delivery_id, job->delivery_id, sizeof attempt->delivery_id);
    attempt->number = job->attempt;
    attempt->weight = job->weight;
    attempt->holders = 1;
    return attempt;
}

static void attempt_run(struct attempt *attempt, char *block, size_t length)
{
    ferry_error error = {0};
    int rc = attempt_submit(attempt, block, length, &error);
    if (rc == 0) { /* the call holds it now */
        attempt_link(attempt);
        return;
    }
    dispatch_free_slot(attempt->route);
    if (rc == FERRY_INVALID) {
        attempt_fail(attempt, &error);
    } else {
        dispatch_pause_pool(attempt->route);
        attempt_release(attempt, REFUSED_PAUSE_MS);
    }
    attempt_unref(attempt);
}

void attempt_start(struct dispatch_route *route, const struct claimed_job *job)
{
    struct attempt *attempt = attempt_new(route, job);
    if (!attempt) {
        ferry_log(FERRY_LOG_ERROR, "no memory to run a job, it waits for the next start",
                  "delivery_id=%s", job->delivery_id);
        dispatch_free_slot(route);
        free(job->block);
        return;
    }
    if (!route->queue->draining) {
        attempt_run(attempt, job->block, job->length);
        return;
    }
    free(job->block);
    dispatch_free_slot(route);
    attempt_release(attempt, 0);
    attempt_unref(attempt);
}

static void attempt_interrupt(struct attempt *attempt)
{
    ferry_log(FERRY_LOG_WARN, "an attempt is interrupted by the end of the server",
              "delivery_id=%s route=%s attempt=%u", attempt->delivery_id,
              attempt->route->route.name, attempt->number);
    ferry_loop_cancel(attempt_queue(attempt)->loop, attempt->deadline);
    attempt_unlink(attempt);
    attempt->is_ignored = true;
    call_cancel(attempt->call);
    count_outcome(attempt, ATTEMPT_INTERRUPTED);
    attempt_release(attempt, 0);
}

void attempts_interrupt(struct queue *queue)
{
    while (queue->attempts)
        attempt_interrupt(queue->attempts);
}

bool attempts_get_progress(const struct queue *queue, const char *id, double *fraction,
                           char *message, size_t size)
{
    for (const struct attempt *at = queue->attempts; at; at = at->next) {
        if (strcmp(at->id, id) == 0)
            return call_get_progress(at->call, fraction, message, size);
    }
    return false;
}
