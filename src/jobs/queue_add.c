/*
 * What comes into the queue. Loop thread.
 *
 * A job that finds a free slot, or may be claimed ahead of one, and no older one waiting, is
 * inserted as claimed already: its attempt needs no other commit to start, and its input need not
 * be read again.
 *
 * While the queue is full, one that has a key is looked up by that: who asks again gets the job
 * that was made.
 */
#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "attempt.h"
#include "dispatch.h"
#include "job_id.h"
#include "queue_counts.h"
#include "spare.h"

struct add {
    struct insert_operation insert; /* first, so that the operation is the add */
    struct queue *queue;
    struct dispatch_route *route;
    enum dispatch_place place; /* it is claimed, unless it waits */
    const char *full;          /* why no job may be made; NULL: it may */
    queue_accepted *accepted;
    void *arg;
    size_t bytes; /* of all this */
    char texts[]; /* what `insert` points to */
};

static bool is_claimed(const struct add *add)
{
    return add->place != DISPATCH_WAITS;
}

/* ---- it is on disk, or is not ---- */

/* No job was made: free what it would have had. */
static void add_withdraw(struct add *add)
{
    free(add->insert.block);
    if (add->place == DISPATCH_SLOT)
        dispatch_give_back(add->route, 1);
    if (is_claimed(add))
        dispatch(add->queue);
}

static void add_refused(struct add *add)
{
    struct insert_operation *insert = &add->insert;
    if (insert->base.in_doubt)
        queue_undo(add->queue, insert->id, 0);
    add->accepted(add->arg, NULL, &insert->base.error);
    add_withdraw(add);
}

static void add_start(struct add *add)
{
    struct insert_operation *insert = &add->insert;
    struct claimed_job job = {
        .key = insert->claim,
        .was = JOB_QUEUED,
        .attempt = 1,
        .version = 1,
        .block = insert->block,
        .length = insert->length,
        .weight = (int64_t)insert->length,
    };
    memcpy(job.id, insert->id, sizeof job.id);
    memcpy(job.delivery_id, insert->delivery_id, sizeof job.delivery_id);
    attempt_start(add->route, &job, add->place == DISPATCH_SLOT);
    dispatch(add->queue); /* it may wait for a slot, or again: one that had no room in its pool */
}

static enum queue_outcome outcome_of(const struct insert_operation *insert)
{
    static const enum queue_outcome outcomes[] = {
        [INSERT_ADDED] = QUEUE_ADDED,           [INSERT_REPEATED] = QUEUE_REPEATED,
        [INSERT_MISMATCHED] = QUEUE_MISMATCHED, [INSERT_SLOT_TAKEN] = QUEUE_SLOT_TAKEN,
        [INSERT_OVERLAPS] = QUEUE_OVERLAPS,
    };
    return outcomes[insert->outcome];
}

static struct queue_receipt receipt_of(const struct insert_operation *insert)
{
    return (struct queue_receipt){
        .outcome = outcome_of(insert),
        .id = insert->id,
        .delivery_id = insert->delivery_id,
        .state = insert->state,
        .run_at_ms = insert->run_at_ms,
    };
}

static void add_accepted(struct add *add)
{
    struct insert_operation *insert = &add->insert;
    struct queue *queue = add->queue;
    bool is_made = insert->outcome == INSERT_ADDED;
    if (is_made)
        queue_count(queue, add->route->counts, JOB_NOWHERE, (int)insert->state, 1,
                    (int64_t)insert->length);
    if (insert->schedule && insert->outcome != INSERT_SLOT_TAKEN)
        named_time_set(&queue->slots, insert->schedule, insert->slot_ms);
    struct queue_receipt receipt = receipt_of(insert);
    add->accepted(add->arg, &receipt, &insert->base.error);
    if (!is_made)
        add_withdraw(add);
    else if (is_claimed(add))
        add_start(add);
    else
        free(insert->block);
}

static void on_inserted(struct operation *operation)
{
    struct add *add = (struct add *)operation;
    add->route->coming_to_wait -= !is_claimed(add);
    queue_count_come(add->queue, (int64_t)add->insert.length);
    dispatch_come_ahead(add->route, add->place == DISPATCH_AHEAD);
    if (operation->error.code)
        add_refused(add);
    else
        add_accepted(add);
    spare_free(add, add->bytes);
}

static void on_looked_up(struct operation *operation)
{
    struct add *add = (struct add *)operation;
    struct queue_receipt receipt = receipt_of(&add->insert);
    ferry_error error = operation->error;
    if (error.code == FERRY_NOT_FOUND)
        ferry_error_set(&error, FERRY_REJECTED, "%s", add->full);
    add->accepted(add->arg, error.code ? NULL : &receipt, &error);
    spare_free(add, add->bytes);
}

/* ---- it comes in ---- */

static const char *why_full(const struct queue *queue, size_t length)
{
    if (queue->pending >= queue->max_pending)
        return "too many jobs are pending";
    if (queue->pending_bytes + (int64_t)length > queue->max_bytes)
        return "the pending jobs weigh too much";
    return NULL;
}

static int add_check(const struct queue *queue, const struct queue_job *job,
                     const struct dispatch_route *route, const char *full, ferry_error *error)
{
    if (!route)
        return ferry_error_set(error, FERRY_NOT_FOUND, "%s: no such route", job->route);
    if (queue->closing)
        return ferry_error_set(error, FERRY_REJECTED, "the server is closing");
    if (full && !job->key)
        return ferry_error_set(error, FERRY_REJECTED, "%s", full);
    if (!store_has_room(queue->store, full ? 0 : job->length))
        return ferry_error_set(error, FERRY_REJECTED, "too many jobs wait for the disk");
    return 0;
}

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* Copy a text that may be NULL to *at, and move that behind it. Returns the copy. */
static const char *copy_text(char **at, const char *text)
{
    size_t size = text_size(text);
    if (size == 0)
        return NULL;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static struct add *add_new(const struct queue_job *job, const char *worker)
{
    size_t bytes = sizeof(struct add) + text_size(job->key) + text_size(job->callback) +
                   text_size(job->schedule) + text_size(worker);
    struct add *add = spare_new(bytes);
    if (!add)
        return NULL;
    *add = (struct add){.bytes = bytes};
    char *at = add->texts;
    struct insert_operation *insert = &add->insert;
    insert->base.kind = OPERATION_INSERT;
    insert->base.done = on_inserted;
    insert->worker = copy_text(&at, worker);
    insert->block = job->block;
    insert->length = job->length;
    insert->key = copy_text(&at, job->key);
    memcpy(insert->fingerprint, job->fingerprint, sizeof insert->fingerprint);
    insert->callback = copy_text(&at, job->callback);
    insert->schedule = copy_text(&at, job->schedule);
    insert->slot_ms = job->slot_ms;
    insert->may_overlap = job->may_overlap;
    random_id(insert->delivery_id);
    return add;
}

/* Say when it is due, in which state it begins, and give it its id. */
static void add_set_due(struct add *add, const struct queue_job *job)
{
    struct insert_operation *insert = &add->insert;
    struct queue_now now = queue_now(add->queue);
    job_id_make(insert->id, now.wall_ms);
    insert->created_ms = now.wall_ms;
    insert->is_wall = job->run_at_ms != 0;
    insert->run_at_ms = insert->is_wall ? job->run_at_ms : now.wall_ms + job->delay_ms;
    if (insert->run_at_ms > now.wall_ms) {
        insert->state = JOB_SCHEDULED;
        return;
    }
    insert->run_at_ms = now.wall_ms; /* not before those that wait already */
    insert->state = JOB_QUEUED;
    add->place = dispatch_take(add->route, &now);
    if (is_claimed(add)) {
        job_transition(&insert->state, JOB_CLAIM);
        random_bytes(&insert->claim.token, sizeof insert->claim.token);
        insert->is_short = ahead_is_short(add->route);
    }
}

static void add_submit(struct add *add)
{
    struct insert_operation *insert = &add->insert;
    add->route->coming_to_wait += !is_claimed(add);
    if (!is_claimed(add))
        dispatch_expect(add->route, insert->run_at_ms);
    queue_count_coming(add->queue, (int64_t)insert->length);
    store_write(add->queue->store, &insert->base);
    if (!is_claimed(add))
        dispatch(add->queue);
}

static void add_look_up(struct add *add)
{
    struct insert_operation *insert = &add->insert;
    insert->base.kind = OPERATION_FIND_KEY;
    insert->base.done = on_looked_up;
    free(insert->block);
    insert->block = NULL;
    store_write(add->queue->store, &insert->base);
}

int queue_add(struct queue *queue, const struct queue_job *job, queue_accepted *accepted, void *arg,
              ferry_error *error)
{
    struct dispatch_route *route = dispatch_route_find(queue, job->route);
    const char *full = why_full(queue, job->length);
    int rc = add_check(queue, job, route, full, error);
    struct add *add = rc == 0 ? add_new(job, route->route.worker->name) : NULL;
    if (rc == 0 && !add)
        rc = ferry_error_set(error, FERRY_REJECTED, "no memory");
    if (rc < 0) {
        free(job->block);
        return rc;
    }
    add->queue = queue;
    add->route = route;
    add->insert.route = route->route.name;
    add->accepted = accepted;
    add->arg = arg;
    add->full = full;
    if (full) {
        add_look_up(add);
        return 0;
    }
    add_set_due(add, job);
    add_submit(add);
    return 0;
}
