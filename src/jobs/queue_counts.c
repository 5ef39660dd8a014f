/*
 * The counts are read once at the start and follow each write when that is on disk. Loop thread.
 */
#include "queue_counts.h"

#include <stdlib.h>
#include <string.h>

#include "dispatch.h"

struct route_counts *queue_counts_of(struct queue *queue, const char *route)
{
    struct route_counts *at = queue->route_counts;
    while (at && strcmp(at->route, route) != 0)
        at = at->next;
    if (at)
        return at;
    at = calloc(1, sizeof *at);
    if (!at || !(at->route = strdup(route))) {
        free(at);
        return NULL;
    }
    at->next = queue->route_counts;
    queue->route_counts = at;
    return at;
}

static bool is_pending(int state)
{
    return state != JOB_NOWHERE && !job_state_is_final((enum job_state)state);
}

static void count_state(struct queue *queue, struct route_counts *counts, int state, int64_t change)
{
    if (state == JOB_NOWHERE)
        return;
    queue->counts[state].count += change;
    if (counts)
        counts->by_state[state] += change;
}

void queue_count(struct queue *queue, struct route_counts *counts, int was, int now, int64_t count,
                 int64_t bytes)
{
    int change = is_pending(now) - is_pending(was);
    count_state(queue, counts, was, -count);
    count_state(queue, counts, now, +count);
    queue->pending += change * count;
    queue->pending_bytes += change * bytes;
}

void queue_count_coming(struct queue *queue, int64_t bytes)
{
    queue->pending++;
    queue->pending_bytes += bytes;
}

void queue_count_come(struct queue *queue, int64_t bytes)
{
    queue->pending--;
    queue->pending_bytes -= bytes;
}

void queue_count_callbacks(struct queue *queue, const struct callbacks_added *callbacks)
{
    if (callbacks->count == 0)
        return;
    queue_count(queue, queue_counts_of(queue, JOB_CALLBACK_ROUTE), JOB_NOWHERE, JOB_QUEUED,
                callbacks->count, callbacks->bytes);
    struct dispatch_route *route = dispatch_route_find(queue, JOB_CALLBACK_ROUTE);
    if (!route)
        return;
    dispatch_expect(route, queue_wall_ms(queue));
    dispatch(queue);
}

void queue_changed_state(struct queue *queue, struct route_counts *counts, const char *id, int was,
                         const struct job_change *change, int64_t weight)
{
    queue_count(queue, counts, was, change->is_deleted ? JOB_NOWHERE : (int)change->state, 1,
                weight);
    watches_tell(&queue->watches, id, change);
}

void queue_count_remembered(struct queue *queue, int64_t more)
{
    if (queue->remembered >= 0)
        queue->remembered += more;
}

void queue_counts_free(struct queue *queue)
{
    while (queue->route_counts) {
        struct route_counts *counts = queue->route_counts;
        queue->route_counts = counts->next;
        free(counts->route);
        free(counts);
    }
}
