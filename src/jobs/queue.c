/*
 * The queue: its life, and what comes in. Loop thread; SQLite runs on the store's threads.
 *
 * Memory holds the attempts that run and the operations on their way to disk, never the jobs that
 * wait. What is counted in memory (pending jobs and bytes, jobs by state) is read once at the
 * start and follows each operation when that is on disk.
 *
 * A job that finds a free slot, and no older one waiting, is inserted as claimed already: its
 * attempt starts after that one commit, and its input need not be read again.
 */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "attempt.h"
#include "clock.h"
#include "job_id.h"
#include "queue_metrics.h"

enum {
    WRITE_AGAIN_MS = 1000,
    RETENTION_MS = 60000,
    RETIRE_BATCH = 500,
};

/* ---- writes that must happen ---- */

static void on_write_again(void *arg)
{
    struct queue *queue = arg;
    queue->write_again = 0;
    while (queue->again) {
        struct operation *operation = queue->again;
        queue->again = operation->next;
        store_write(queue->store, operation);
    }
}

bool queue_write_again(struct queue *queue, struct operation *operation)
{
    if (queue->closing)
        return false;
    operation->next = queue->again;
    queue->again = operation;
    if (!queue->write_again)
        queue->write_again =
            ferry_loop_call_later(queue->loop, WRITE_AGAIN_MS, on_write_again, queue);
    return true;
}

static void on_undone(struct operation *operation)
{
    if (operation->error.code && queue_write_again(operation->arg, operation))
        return;
    free(operation);
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

/* ---- what comes in ---- */

struct add {
    struct insert_operation insert; /* first, so that the operation is the add */
    struct queue *queue;
    struct dispatch_route *route;
    queue_accepted *accepted;
    void *arg;
};

static void add_refused(struct add *add)
{
    struct queue *queue = add->queue;
    struct insert_operation *insert = &add->insert;
    queue->pending--;
    queue->pending_bytes -= (int64_t)insert->length;
    if (insert->base.in_doubt)
        queue_undo(queue, insert->id, 0);
    free(insert->block);
    bool is_claimed = insert->state == JOB_RUNNING;
    if (is_claimed)
        dispatch_free_slot(add->route);
    add->accepted(add->arg, NULL, &insert->base.error);
    if (is_claimed)
        dispatch(queue);
}

static void add_start(struct add *add)
{
    struct insert_operation *insert = &add->insert;
    struct claimed_job job = {
        .key = insert->claim,
        .was = JOB_QUEUED,
        .attempt = 1,
        .block = insert->block,
        .length = insert->length,
        .weight = (int64_t)insert->length,
    };
    memcpy(job.id, insert->id, sizeof job.id);
    memcpy(job.delivery_id, insert->delivery_id, sizeof job.delivery_id);
    attempt_start(add->route, &job);
}

static void on_inserted(struct operation *operation)
{
    struct add *add = (struct add *)operation;
    if (operation->error.code) {
        add_refused(add);
        free(add);
        return;
    }
    queue_count(add->queue, add->insert.state, +1);
    struct queue_receipt receipt = {
        .id = add->insert.id,
        .delivery_id = add->insert.delivery_id,
        .state = add->insert.state,
    };
    add->accepted(add->arg, &receipt, &operation->error);
    if (add->insert.state == JOB_RUNNING)
        add_start(add);
    else
        free(add->insert.block);
    free(add);
}

static int add_check(const struct queue *queue, const char *name,
                     const struct dispatch_route *route, size_t length, ferry_error *error)
{
    if (!route)
        return ferry_error_set(error, FERRY_NOT_FOUND, "%s: no such route", name);
    if (queue->closing)
        return ferry_error_set(error, FERRY_REJECTED, "the server is closing");
    if (queue->pending >= queue->max_pending)
        return ferry_error_set(error, FERRY_REJECTED, "too many jobs are pending");
    if (queue->pending_bytes + (int64_t)length > queue->max_bytes)
        return ferry_error_set(error, FERRY_REJECTED, "the pending jobs weigh too much");
    if (!store_has_room(queue->store, length))
        return ferry_error_set(error, FERRY_REJECTED, "too many jobs wait for the disk");
    return 0;
}

static void add_submit(struct queue *queue, struct dispatch_route *route, struct add *add)
{
    struct insert_operation *insert = &add->insert;
    insert->base.kind = OPERATION_INSERT;
    insert->base.done = on_inserted;
    insert->route = route->route.name;
    insert->worker = route->route.worker->name;
    insert->created_ms = insert->run_at_ms = clock_wall_ms();
    insert->state = JOB_QUEUED;
    random_id(insert->id);
    random_id(insert->delivery_id);
    if (dispatch_take_slot(route)) {
        job_transition(&insert->state, JOB_CLAIM);
        random_bytes(&insert->claim.token, sizeof insert->claim.token);
    }
    queue->pending++;
    queue->pending_bytes += (int64_t)insert->length;
    store_write(queue->store, &insert->base);
    if (insert->state == JOB_QUEUED) {
        dispatch_expect(route, insert->run_at_ms);
        dispatch(queue);
    }
}

int queue_add(struct queue *queue, const struct queue_job *job, queue_accepted *accepted, void *arg,
              ferry_error *error)
{
    struct dispatch_route *route = dispatch_route_find(queue, job->route);
    int rc = add_check(queue, job->route, route, job->length, error);
    struct add *add = rc == 0 ? calloc(1, sizeof *add) : NULL;
    if (rc == 0 && !add)
        rc = ferry_error_set(error, FERRY_REJECTED, "no memory");
    if (rc < 0) {
        free(job->block);
        return rc;
    }
    add->queue = queue;
    add->route = route;
    add->accepted = accepted;
    add->arg = arg;
    add->insert.block = job->block;
    add->insert.length = job->length;
    add_submit(queue, route, add);
    return 0;
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

bool queue_get_progress(struct queue *queue, const char *id, double *fraction, char *message,
                        size_t size)
{
    return attempts_get_progress(queue, id, fraction, message, size);
}

/* ---- retention ---- */

static void on_retention(void *arg);

static void queue_arm_retention(struct queue *queue, int64_t delay_ms)
{
    queue->retention = ferry_loop_call_later(queue->loop, delay_ms, on_retention, queue);
}

static void on_retired(struct operation *operation)
{
    struct queue *queue = operation->arg;
    queue->retiring = false;
    if (queue->closing)
        return;
    bool is_behind = false;
    if (operation->error.code == FERRY_OK) {
        for (int state = 0; state < JOB_STATE_COUNT; state++)
            queue_count(queue, (enum job_state)state, -queue->retire.deleted[state]);
        is_behind = queue->retire.count == RETIRE_BATCH;
    }
    queue_arm_retention(queue, is_behind ? 0 : RETENTION_MS);
}

static void on_retention(void *arg)
{
    struct queue *queue = arg;
    queue->retention = 0;
    if (queue->draining)
        return;
    queue->retiring = true;
    queue->retire = (struct retire_operation){
        .base = {.kind = OPERATION_RETIRE, .done = on_retired, .arg = queue},
        .before_ms = clock_wall_ms() - queue->keep_ms,
        .now_ms = clock_wall_ms(),
        .limit = RETIRE_BATCH,
    };
    store_write(queue->store, &queue->retire.base);
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

static void visit_waiting(struct queue *queue, const char *route, int64_t count);

static void visit_count(void *arg, const char *route, enum job_state state, int64_t count,
                        int64_t bytes)
{
    struct queue *queue = arg;
    queue_count(queue, state, count);
    if (!job_state_is_final(state)) {
        queue->pending += count;
        queue->pending_bytes += bytes;
        visit_waiting(queue, route, count);
    }
}

static void visit_waiting(struct queue *queue, const char *route, int64_t count)
{
    struct waiting_route *waiting = calloc(1, sizeof *waiting);
    if (!waiting || !(waiting->name = strdup(route))) {
        free(waiting);
        return; /* one log line less */
    }
    waiting->count = count;
    waiting->next = queue->left_waiting;
    queue->left_waiting = waiting;
}

/* Say which jobs nobody will run, and forget the list. */
static void queue_report_waiting(struct queue *queue, bool is_start)
{
    while (queue->left_waiting) {
        struct waiting_route *waiting = queue->left_waiting;
        queue->left_waiting = waiting->next;
        if (is_start && !dispatch_route_find(queue, waiting->name))
            ferry_log(FERRY_LOG_WARN, "jobs of a route that is not configured stay as they are",
                      "route=%s jobs=%lld", waiting->name, (long long)waiting->count);
        free(waiting->name);
        free(waiting);
    }
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
    for (int state = 0; state < JOB_STATE_COUNT; state++)
        queue->counts[state].state = (enum job_state)state;
    struct store_visitor visitor = {
        .interrupted = visit_interrupted, .count = visit_count, .arg = queue};
    queue->store =
        store_open(loop, options->folder, options->max_crashes, options->metrics, &visitor, error);
    if (!queue->store) {
        queue_report_waiting(queue, false);
        free(queue);
        return NULL;
    }
    queue_metrics_bind(queue, true);
    return queue;
}

int queue_add_route(struct queue *queue, const struct queue_route *route)
{
    struct dispatch_route *made = dispatch_route_new(queue, route);
    if (!made)
        return FERRY_INTERNAL;
    for (int i = 0; i < ATTEMPT_OUTCOME_COUNT; i++)
        made->outcomes[i] =
            queue_metrics_outcome(queue->metrics, route->name, (enum attempt_outcome)i);
    return 0;
}

void queue_start(struct queue *queue)
{
    queue->started = true;
    queue_report_waiting(queue, true);
    queue_arm_retention(queue, 0);
    dispatch(queue); /* each route's first claim also finds out what waits */
}

/* ---- shutdown ---- */

void queue_drain(struct queue *queue)
{
    queue->draining = true;
    ferry_loop_cancel(queue->loop, queue->wake);
    queue->wake = 0;
}

bool queue_is_idle(const struct queue *queue)
{
    return !queue->attempts && !queue->again && store_is_idle(queue->store);
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
    if (rc < 0)
        return rc; /* a thread of the store still works with parts of it */
    dispatch_free(queue);
    queue_report_waiting(queue, false);
    free(queue);
    return 0;
}
