/*
 * What people do to jobs and routes: cancel, retry, delete; pause, resume. Loop thread.
 *
 * A change is one write, or, by a filter, one after the other until nothing is left, each of a
 * bounded number of jobs. What runs is marked on disk first and told to end after that, so that it
 * stays cancelled when the process dies in between.
 */
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "ahead.h"
#include "attempt.h"
#include "dispatch.h"
#include "job_id.h"
#include "queue_counts.h"

enum { BATCH = 500 };

struct change {
    struct change_operation write; /* first, so that the operation is the change */
    struct queue *queue;
    char *route; /* the filter's; NULL: any */
    struct queue_changed changed;
    queue_change_done *done;
    void *arg;
};

/* ---- what was changed ---- */

static void apply_changed(struct change *change, const struct changed_job *job)
{
    struct queue *queue = change->queue;
    bool is_deleted = change->write.action == JOB_ACTION_DELETE;
    struct job_change told = {
        .state = job->now,
        .attempt = job->attempt,
        .version = job->version,
        .is_deleted = is_deleted,
    };
    if (job->was == JOB_RUNNING)
        attempt_cancel(queue, job->id);
    queue_changed_state(queue, queue_counts_of(queue, job->route), job->id, (int)job->was, &told,
                        job->weight);
    struct dispatch_route *route = dispatch_route_find(queue, job->route);
    if (route && job->now == JOB_QUEUED)
        dispatch_expect(route, queue_wall_ms(queue));
}

static void change_apply(struct change *change)
{
    struct change_operation *write = &change->write;
    for (unsigned i = 0; i < write->count; i++)
        apply_changed(change, &write->jobs[i]);
    if (write->count > 0) {
        change->changed.was = write->jobs[0].was;
        change->changed.now = write->jobs[0].now;
    }
    change->changed.count += write->count;
    if (write->action == JOB_ACTION_DELETE)
        queue_count_remembered(change->queue, write->count);
    queue_count_callbacks(change->queue, &write->callbacks);
    dispatch(change->queue);
}

/* ---- its way ---- */

static void change_end(struct change *change, const ferry_error *error)
{
    change->done(change->arg, &change->changed, error);
    free(change->route);
    free(change);
}

static void change_write(struct change *change);

static bool has_more(const struct change *change)
{
    return !*change->write.id && change->write.next > 0;
}

static void on_changed(struct operation *operation)
{
    struct change *change = (struct change *)operation;
    struct change_operation *write = &change->write;
    ferry_error error = operation->error;
    if (!error.code)
        change_apply(change);
    else if (write->count > 0)
        change->changed.was = change->changed.now = write->jobs[0].was;
    change_operation_fini(write);
    if (error.code || !has_more(change)) {
        change_end(change, &error);
    } else if (change->queue->closing) {
        ferry_error_set(&error, FERRY_REJECTED, "the server is closing");
        change_end(change, &error);
    } else {
        write->filter.before = write->next;
        change_write(change);
    }
}

static void change_write(struct change *change)
{
    struct change_operation *write = &change->write;
    write->base = (struct operation){.kind = OPERATION_CHANGE, .done = on_changed};
    write->now_ms = queue_wall_ms(change->queue);
    write->next = 0;
    write->callbacks = (struct callbacks_added){0};
    store_write(change->queue->store, &write->base);
}

static void refuse(queue_change_done *done, void *arg, ferry_code code, const char *why)
{
    ferry_error error;
    struct queue_changed none = {0};
    ferry_error_set(&error, code, "%s", why);
    done(arg, &none, &error);
}

static struct change *change_new(struct queue *queue, enum job_action action,
                                 queue_change_done *done, void *arg)
{
    struct change *change = queue->closing ? NULL : calloc(1, sizeof *change);
    if (!change) {
        refuse(done, arg, FERRY_REJECTED, queue->closing ? "the server is closing" : "no memory");
        return NULL;
    }
    change->queue = queue;
    change->write.action = action;
    change->done = done;
    change->arg = arg;
    return change;
}

void queue_change(struct queue *queue, enum job_action action, const char *id,
                  queue_change_done *done, void *arg)
{
    unsigned char bits[RANDOM_ID_BYTES];
    if (!job_id_parse(id, bits)) {
        refuse(done, arg, FERRY_NOT_FOUND, "no such job");
        return;
    }
    struct change *change = change_new(queue, action, done, arg);
    if (!change)
        return;
    memcpy(change->write.id, id, sizeof change->write.id);
    change_write(change);
}

void queue_change_all(struct queue *queue, enum job_action action, const struct job_filter *filter,
                      queue_change_done *done, void *arg)
{
    struct change *change = change_new(queue, action, done, arg);
    if (!change)
        return;
    if (filter->route && !(change->route = strdup(filter->route))) {
        free(change);
        refuse(done, arg, FERRY_REJECTED, "no memory");
        return;
    }
    change->write.filter =
        (struct job_filter){.states = filter->states, .route = change->route, .limit = BATCH};
    change_write(change);
}

/* ---- routes ---- */

struct pausing {
    struct pause_operation write; /* first, so that the operation is the pausing */
    struct queue *queue;
    struct dispatch_route *route;
    queue_paused *done;
    void *arg;
};

static void on_paused(struct operation *operation)
{
    struct pausing *pausing = (struct pausing *)operation;
    bool is_paused = pausing->write.is_paused;
    if (!operation->error.code) {
        gate_pause(&pausing->route->gate, is_paused);
        if (is_paused) /* before it is answered */
            ahead_give_back(pausing->route);
        ferry_log(FERRY_LOG_INFO,
                  is_paused ? "the jobs of a route are paused" : "the jobs of a route are resumed",
                  "route=%s", pausing->write.route);
    }
    pausing->done(pausing->arg, &operation->error);
    dispatch(pausing->queue);
    free(pausing);
}

void queue_pause(struct queue *queue, const char *route, bool is_paused, queue_paused *done,
                 void *arg)
{
    struct dispatch_route *known = dispatch_route_find(queue, route);
    struct pausing *pausing = known && !queue->closing ? calloc(1, sizeof *pausing) : NULL;
    if (!pausing) {
        ferry_error error;
        if (known)
            ferry_error_set(&error, FERRY_REJECTED, "no memory, or the server is closing");
        else
            ferry_error_set(
                &error, FERRY_NOT_FOUND,
                "%s: no such route of jobs; /jobs/stats, or ferry jobs stats, has them all", route);
        done(arg, &error);
        return;
    }
    *pausing = (struct pausing){
        .write = {.base = {.kind = OPERATION_PAUSE, .done = on_paused},
                  .route = known->route.name,
                  .is_paused = is_paused,
                  .now_ms = queue_wall_ms(queue)},
        .queue = queue,
        .route = known,
        .done = done,
        .arg = arg,
    };
    store_write(queue->store, &pausing->write.base);
}

void queue_each_route(const struct queue *queue, queue_route_visit *visit, void *arg)
{
    int64_t now_ms = ferry_loop_now_ms(queue->loop);
    for (const struct route_counts *at = queue->route_counts; at; at = at->next) {
        const struct dispatch_route *known = dispatch_route_find(queue, at->route);
        struct queue_route_status status = {.name = at->route, .by_state = at->by_state};
        if (known) {
            status.is_known = true;
            status.gate = gate_state(&known->gate, now_ms);
            status.failures = known->gate.failures;
            if (status.gate == QUEUE_BROKEN)
                status.until_ms = queue->read_wall_ms() + known->gate.shut_until_ms - now_ms;
        }
        visit(arg, &status);
    }
}
