/*
 * The end of an attempt: what it means for its job, and the write of it. Loop thread.
 *
 * One that fails to be written is written again until it succeeds: else the job would stay running
 * for as long as this process lives. What the disk says counts: a job that was cancelled meanwhile
 * ends as cancelled, where it would have been tried again.
 */
#include "attempt_struct.h"

#include <stdlib.h>

#include <ferry/log.h>

#include "queue_counts.h"
#include "retry.h"

/* ---- it is on disk ---- */

static bool must_write_again(struct attempt *attempt)
{
    if (!attempt->write.base.error.code)
        return false;
    ferry_log(FERRY_LOG_WARN, "the end of an attempt was not written", "delivery_id=%s error=%s",
              attempt->delivery_id, attempt->write.base.error.message);
    attempt->is_late = true;
    return queue_write_again(attempt_queue(attempt), &attempt->write.base);
}

static void attempt_written(struct attempt *attempt, enum job_state state, int64_t version,
                            const struct callbacks_added *callbacks)
{
    struct queue *queue = attempt_queue(attempt);
    struct job_change change = {.state = state, .attempt = attempt->number, .version = version};
    queue_changed_state(queue, attempt->route->counts, attempt->id, JOB_RUNNING, &change,
                        attempt->weight);
    queue_count_callbacks(queue, callbacks);
    if (!attempt->is_late)
        return;
    dispatch_expect(attempt->route, INT64_MIN); /* claims meanwhile have not seen it wait */
    dispatch(queue);
}

/* Tell whether the write found its job as it left it; if not, somebody else wrote it. */
static bool is_ours(const struct attempt *attempt, bool changed)
{
    if (!changed)
        ferry_log(FERRY_LOG_WARN, "a job was written by somebody else meanwhile", "delivery_id=%s",
                  attempt->delivery_id);
    return changed;
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
                  (long long)(settle->run_at_ms - settle->now_ms));
    else
        ferry_log(FERRY_LOG_DEBUG, "a job has ended", "delivery_id=%s route=%s attempt=%u state=%s",
                  attempt->delivery_id, route, attempt->number, job_state_name(settle->state));
}

/* Its end is on disk: what was noted at its start is of no use any more. */
static void attempt_forget(struct attempt *attempt)
{
    started_forget(attempt->started, attempt->note);
}

static void settle_free(struct settle_operation *settle)
{
    free(settle->result);
    free(settle->result_type);
    free(settle->memory);
}

static void on_settled(struct operation *operation)
{
    static const enum attempt_outcome outcomes[JOB_STATE_COUNT] = {
        [JOB_SUCCEEDED] = ATTEMPT_SUCCEEDED,
        [JOB_RETRYING] = ATTEMPT_FAILED,
        [JOB_DEAD] = ATTEMPT_DEAD,
        [JOB_CANCELLED] = ATTEMPT_CANCELLED,
    };
    struct attempt *attempt = operation->arg;
    struct settle_operation *settle = &attempt->write.settle;
    if (must_write_again(attempt))
        return;
    if (!operation->error.code && is_ours(attempt, settle->changed)) {
        attempt_count(attempt, outcomes[settle->state]);
        attempt_log(attempt, settle);
        attempt_written(attempt, settle->state, settle->version, &settle->callbacks);
    }
    settle_free(settle);
    attempt_forget(attempt);
    attempt_unref(attempt);
}

static void on_released(struct operation *operation)
{
    struct attempt *attempt = operation->arg;
    struct release_operation *release = &attempt->write.release;
    if (must_write_again(attempt))
        return;
    if (!operation->error.code && is_ours(attempt, release->changed))
        attempt_written(attempt, release->state, release->version, &release->callbacks);
    attempt_forget(attempt);
    attempt_unref(attempt);
}

/* ---- it is to be written ---- */

void attempt_release(struct attempt *attempt, int64_t delay_ms)
{
    struct queue *queue = attempt_queue(attempt);
    int64_t now_ms = queue_wall_ms(queue);
    int64_t due_ms = delay_ms == ATTEMPT_KEEPS_PLACE ? now_ms : now_ms + delay_ms;
    attempt->write.release = (struct release_operation){
        .base = {.kind = OPERATION_RELEASE, .done = on_released, .arg = attempt},
        .key = attempt->key,
        .now_ms = now_ms,
        .run_at_ms = delay_ms == ATTEMPT_KEEPS_PLACE ? 0 : due_ms,
    };
    dispatch_expect(attempt->route, due_ms);
    attempt->holders++;
    store_write(queue->store, &attempt->write.base);
}

static enum job_event attempt_event(const struct attempt *attempt, ferry_code outcome)
{
    if (outcome == FERRY_OK)
        return JOB_SUCCEED;
    if (attempt->is_cancelled)
        return JOB_CANCEL;
    bool is_last = retry_is_last(attempt->number, attempt->route->route.attempts);
    return ferry_code_is_transient(outcome) && !is_last ? JOB_FAIL : JOB_GIVE_UP;
}

/* Decide what the filled-in settle means for the job, and write it. */
static void attempt_settle(struct attempt *attempt, int64_t retry_after_ms, int64_t now_ms)
{
    struct settle_operation *settle = &attempt->write.settle;
    const struct queue_route *route = &attempt->route->route;
    settle->base.kind = OPERATION_SETTLE;
    settle->base.done = on_settled;
    settle->base.arg = attempt;
    settle->key = attempt->key;
    settle->was_version = attempt->version;
    settle->state = JOB_RUNNING;
    job_transition(&settle->state, attempt_event(attempt, settle->failure.code));
    settle->now_ms = now_ms;
    if (settle->state == JOB_RETRYING) {
        int64_t wait_ms =
            retry_wait_ms(route->backoff_min_ms, route->backoff_max_ms, attempt->number);
        settle->run_at_ms = now_ms + (wait_ms > retry_after_ms ? wait_ms : retry_after_ms);
        dispatch_expect(attempt->route, settle->run_at_ms);
    }
    attempt->holders++;
    store_write(attempt_queue(attempt)->store, &settle->base);
}

void attempt_fail(struct attempt *attempt, const ferry_error *why, int64_t now_ms)
{
    attempt->write.settle = (struct settle_operation){.failure = *why};
    attempt_settle(attempt, 0, now_ms);
}

static void settle_take_result(struct attempt *attempt, struct call_output *output)
{
    struct settle_operation *settle = &attempt->write.settle;
    settle->result_status = output->status;
    settle->result_type = output->content_type;
    output->content_type = NULL;
    /* A part of a document is none: what is too long is left out as a whole. */
    const struct queue_route *route = &attempt->route->route;
    size_t most = route->max_result_bytes ? route->max_result_bytes : JOB_RESULT_BYTES;
    if (output->body.length > most) {
        ferry_log(FERRY_LOG_INFO, "a result is too long to be kept",
                  "delivery_id=%s route=%s bytes=%zu max_result=%zu", attempt->delivery_id,
                  route->name, output->body.length, most);
        return;
    }
    settle->result_length = output->body.length;
    settle->result = bytes_take(&output->body);
}

static void settle_take_memory(struct settle_operation *settle, struct call_output *output)
{
    settle->remembers = output->remembers;
    settle->memory_length = output->memory.length;
    if (output->memory.length > 0)
        settle->memory = bytes_take(&output->memory);
}

static void settle_take_output(struct attempt *attempt, ferry_call *call)
{
    struct settle_operation *settle = &attempt->write.settle;
    struct call_output *output = call_output(call);
    ferry_code outcome = call_outcome(call);
    if (output->error.code)
        settle->failure = output->error;
    settle_take_memory(settle, output);
    if (output->error.code == FERRY_OK) {
        settle_take_result(attempt, output);
        if (outcome != FERRY_OK)
            ferry_error_set(&settle->failure, outcome, "the worker answered %d", output->status);
    }
}

void attempt_finish(struct attempt *attempt, ferry_call *call, int64_t now_ms)
{
    struct settle_operation *settle = &attempt->write.settle;
    *settle = (struct settle_operation){0};
    settle_take_output(attempt, call);
    if (settle->failure.code && attempt->is_cancelled)
        ferry_error_set(&settle->failure, FERRY_CANCELLED, "cancelled while it ran");
    else if (settle->failure.code && attempt->is_overdue)
        ferry_error_set(&settle->failure, FERRY_DEADLINE, "not done within %lld ms",
                        (long long)attempt->route->route.timeout_ms);
    attempt_settle(attempt, call_output(call)->retry_after_ms, now_ms);
}
