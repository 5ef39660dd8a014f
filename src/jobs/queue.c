/*
 * The queue: its life, and what its other files share. Loop thread; SQLite runs on the store's
 * threads.
 *
 * Memory holds the attempts that run and the operations on their way to disk, never the jobs that
 * wait. What is counted in memory (queue_counts.c) is read once at the start and follows each
 * operation when that is on disk.
 *
 * Due times are on the wall clock, because they outlive the process. When that clock is set, what
 * waits for a time that nobody wrote (a backoff, a delay) moves along, so that it neither stalls
 * nor comes all at once; what a person wrote stays.
 */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "ahead.h"
#include "attempt.h"
#include "clock.h"
#include "job_id.h"
#include "queue_counts.h"
#include "queue_metrics.h"

enum {
    WRITE_AGAIN_MS = 1000,
    SHIFT_PATIENCE_MS = 10000, /* then what waits may come too early: a full disk may last */
    MAX_REMEMBERED = 1000000,
};

/* ---- writes that must happen ---- */

static void on_write_again(void *arg)
{
    struct queue *queue = arg;
    queue->write_again = 0;
    struct operation *next = queue->again;
    queue->again = NULL;
    while (next) {
        struct operation *operation = next;
        next = operation->next;
        store_write(queue->store, operation);
    }
}

bool queue_write_again(struct queue *queue, struct operation *operation)
{
    if (queue->closing)
        return false;
    struct operation **end = queue->again ? queue->again_end : &queue->again;
    operation->next = NULL;
    *end = operation;
    queue->again_end = &operation->next;
    if (!queue->write_again)
        queue->write_again =
            ferry_loop_call_later(queue->loop, WRITE_AGAIN_MS, on_write_again, queue);
    return true;
}

/* Jobs may wait of which memory does not know: claims find out, at a time of the wall clock. */
static void look_at_all_routes(struct queue *queue, int64_t when_ms)
{
    for (struct dispatch_route *at = queue->routes; at; at = at->next)
        dispatch_expect(at, when_ms);
    dispatch(queue);
}

static void on_undone(struct operation *operation)
{
    struct queue *queue = operation->arg;
    if (operation->error.code && queue_write_again(queue, operation))
        return;
    free(operation);
    /* A claim that is made again at once may fail in doubt again, and so on. */
    look_at_all_routes(queue, queue_wall_ms(queue) + WRITE_AGAIN_MS);
}

void queue_undo(struct queue *queue, const char *id, int64_t token)
{
    struct undo_operation *undo = calloc(1, sizeof *undo);
    if (!undo)
        return; /* the next start finds it as an interrupted attempt */
    undo->base = (struct operation){.kind = OPERATION_UNDO, .done = on_undone, .arg = queue};
    undo->token = token;
    if (id)
        memcpy(undo->id, id, sizeof undo->id);
    store_write(queue->store, &undo->base);
}

/* ---- the wall clock ---- */

static void on_shifted(struct operation *operation)
{
    struct queue *queue = operation->arg;
    struct shift_operation *shift = (struct shift_operation *)operation;
    if (operation->error.code) {
        shift->doubt_ms = operation->in_doubt ? shift->done_ms : shift->doubt_ms;
        shift->upto_job = shift->upto_job ? shift->upto_job : shift->newest_job;
        dispatch(queue); /* its time may be over */
        if (queue_write_again(queue, operation))
            return;
    }
    free(operation);
    queue->shifting--;
    look_at_all_routes(queue, INT64_MIN);
}

/* What is written later goes to disk behind it. */
static void queue_shift(struct queue *queue, int64_t by_ms, int64_t now_ms)
{
    ferry_log(FERRY_LOG_WARN, "the wall clock was set", "by_ms=%lld", (long long)by_ms);
    struct shift_operation *shift = calloc(1, sizeof *shift);
    if (!shift)
        return; /* no memory: waits are too long or too short by the step, once */
    shift->base = (struct operation){.kind = OPERATION_SHIFT, .done = on_shifted, .arg = queue};
    shift->by_ms = by_ms;
    queue->shifting++;
    queue->shift_until_ms = now_ms + SHIFT_PATIENCE_MS;
    store_write(queue->store, &shift->base);
}

struct queue_now queue_now(struct queue *queue)
{
    struct queue_now now = {queue->read_wall_ms(), ferry_loop_now_ms(queue->loop)};
    int64_t by_ms = clock_step_check(&queue->clock_step, now.wall_ms, now.loop_ms);
    if (by_ms && !queue->closing)
        queue_shift(queue, by_ms, now.loop_ms);
    return now;
}

int64_t queue_wall_ms(struct queue *queue)
{
    return queue_now(queue).wall_ms;
}

/* ---- look-ups ---- */

void queue_get(struct queue *queue, const char *id, queue_found *found, void *arg)
{
    unsigned char bits[RANDOM_ID_BYTES];
    if (job_id_parse(id, bits)) {
        store_find(queue->store, id, found, arg);
        return;
    }
    ferry_error error;
    ferry_error_set(&error, FERRY_NOT_FOUND, "no such job");
    found(arg, NULL, &error);
}

void queue_list(struct queue *queue, const struct job_filter *filter, queue_listed *listed,
                void *arg)
{
    store_list(queue->store, filter, listed, arg);
}

bool queue_get_progress(struct queue *queue, const char *id, double *fraction, char *message,
                        size_t size)
{
    return attempts_get_progress(queue, id, fraction, message, size);
}

struct queue_watch *queue_watch(struct queue *queue, const char *id, job_changed *changed,
                                void *arg)
{
    return watch_new(&queue->watches, id, changed, arg);
}

bool queue_last_slot(const struct queue *queue, const char *schedule, int64_t *slot_ms)
{
    const struct named_time *slot = named_time_find(queue->slots, schedule);
    if (slot)
        *slot_ms = slot->ms;
    return slot != NULL;
}

/* ---- names and times ---- */

const struct named_time *named_time_find(const struct named_time *list, const char *name)
{
    while (list && strcmp(list->name, name) != 0)
        list = list->next;
    return list;
}

void named_time_set(struct named_time **list, const char *name, int64_t ms)
{
    struct named_time *at = *list;
    while (at && strcmp(at->name, name) != 0)
        at = at->next;
    if (at) {
        at->ms = ms;
        return;
    }
    at = calloc(1, sizeof *at);
    if (!at || !(at->name = strdup(name))) {
        free(at);
        return;
    }
    at->ms = ms;
    at->next = *list;
    *list = at;
}

void named_times_free(struct named_time *list)
{
    while (list) {
        struct named_time *at = list;
        list = at->next;
        free(at->name);
        free(at);
    }
}

/* ---- opening ---- */

static void visit_interrupted(void *arg, const struct interrupted_job *job)
{
    struct queue *queue = arg;
    ferry_log(FERRY_LOG_WARN, "an attempt was interrupted by the end of an earlier process",
              "delivery_id=%s route=%s crashes=%u state=%s", job->delivery_id, job->route,
              job->crashes, job_state_name(job->state));
    struct metric_counter *counter =
        queue_metrics_outcome(queue->metrics, job->route, ATTEMPT_INTERRUPTED);
    if (counter)
        counter->value++;
}

static void visit_count(void *arg, const char *route, enum job_state state, int64_t count,
                        int64_t bytes)
{
    struct queue *queue = arg;
    queue_count(queue, queue_counts_of(queue, route), JOB_NOWHERE, (int)state, count, bytes);
}

static void visit_paused(void *arg, const char *route, int64_t since_ms)
{
    struct queue *queue = arg;
    named_time_set(&queue->paused, route, since_ms);
}

static void visit_slot(void *arg, const char *schedule, int64_t slot_ms)
{
    struct queue *queue = arg;
    named_time_set(&queue->slots, schedule, slot_ms);
}

static void on_handed(void *arg)
{
    dispatch_batch_gone(arg);
}

static void queue_free(struct queue *queue)
{
    dispatch_free(queue);
    queue_counts_free(queue);
    named_times_free(queue->paused);
    named_times_free(queue->slots);
    watches_end(&queue->watches);
    free(queue);
}

struct queue *queue_open(ferry_loop *loop, const struct queue_options *options, ferry_error *error)
{
    struct queue *queue = calloc(1, sizeof *queue);
    if (!queue) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    queue->loop = loop;
    queue->metrics = options->metrics;
    queue->max_pending = options->max_pending;
    queue->max_bytes = options->max_bytes;
    queue->keep_ms = options->keep_ms;
    queue->max_remembered = options->max_remembered ? options->max_remembered : MAX_REMEMBERED;
    queue->remembered = -1;
    queue->read_wall_ms = options->wall_ms ? options->wall_ms : clock_wall_ms;
    for (int state = 0; state < JOB_STATE_COUNT; state++)
        queue->counts[state].state = (enum job_state)state;
    struct store_visitor visitor = {
        .interrupted = visit_interrupted,
        .count = visit_count,
        .paused = visit_paused,
        .slot = visit_slot,
        .arg = queue,
    };
    queue->store =
        store_open(loop, options->folder, options->max_crashes, options->metrics, &visitor, error);
    if (!queue->store) {
        queue_free(queue);
        return NULL;
    }
    store_on_handed(queue->store, on_handed, queue);
    queue_metrics_bind(queue, true);
    return queue;
}

void queue_start(struct queue *queue)
{
    queue->started = true;
    queue_report_unknown(queue);
    queue_start_retention(queue);
    dispatch(queue); /* each route's first claim also finds out what waits */
}

/* ---- shutdown ---- */

void queue_drain(struct queue *queue)
{
    queue->draining = true;
    for (struct dispatch_route *at = queue->routes; at; at = at->next)
        ahead_give_back(at);
    dispatch_stop(queue);
}

bool queue_is_idle(const struct queue *queue)
{
    for (const struct dispatch_route *at = queue->routes; at; at = at->next) {
        if (at->ahead.first)
            return false;
    }
    return !queue->attempts && !queue->again && !dispatch_is_due(queue) &&
           store_is_idle(queue->store);
}

void queue_interrupt(struct queue *queue)
{
    queue_drain(queue);
    attempts_interrupt(queue);
}

int queue_close(struct queue *queue, int64_t deadline_ms)
{
    queue_interrupt(queue); /* what still runs would count as a crash */
    ferry_loop_cancel(queue->loop, queue->write_again);
    on_write_again(queue); /* once more, and then no more */
    queue->closing = true;
    ferry_loop_cancel(queue->loop, queue->retention);
    int rc = store_close(queue->store, deadline_ms);
    queue_metrics_bind(queue, false);
    if (rc < 0) {
        watches_end(&queue->watches);
        return rc; /* a thread of the store still works with parts of it */
    }
    queue_free(queue);
    return 0;
}
