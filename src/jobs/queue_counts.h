/* How many jobs there are: by route and state, and what is pending of them. Loop thread. */
#ifndef JOBS_QUEUE_COUNTS_H
#define JOBS_QUEUE_COUNTS_H

#include "queue_struct.h"

/* The state of a job that is not on disk, not yet or not any more. */
enum { JOB_NOWHERE = JOB_STATE_COUNT };

/* Return the counts of a route, new ones if need be. Without memory NULL, which the functions below
 * take for no route. */
struct route_counts *queue_counts_of(struct queue *queue, const char *route);

/* `count` jobs of a route went from a state to another on disk; `bytes` is what all of them weigh.
 * Either may be JOB_NOWHERE. */
void queue_count(struct queue *queue, struct route_counts *counts, int was, int now, int64_t count,
                 int64_t bytes);

/* A job is on its way into the store, or has arrived there in one way or another: it takes up room
 * meanwhile. */
void queue_count_coming(struct queue *queue, int64_t bytes);
void queue_count_come(struct queue *queue, int64_t bytes);

/* Callbacks were added by a write. */
void queue_count_callbacks(struct queue *queue, const struct callbacks_added *callbacks);

/* A job was changed on disk: count it, and tell who watches. */
void queue_changed_state(struct queue *queue, struct route_counts *counts, const char *id, int was,
                         const struct job_change *change, int64_t weight);

/* So many more ids of deleted jobs are remembered on disk. */
void queue_count_remembered(struct queue *queue, int64_t more);

void queue_counts_free(struct queue *queue);

#endif
