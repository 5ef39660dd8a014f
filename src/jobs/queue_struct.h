/*
 * The inside of the queue, for the three files that share it: queue.c (its life, what comes in),
 * dispatch.c (which route claims when) and attempt.c (one run of a job). Loop thread.
 */
#ifndef JOBS_QUEUE_STRUCT_H
#define JOBS_QUEUE_STRUCT_H

#include "queue.h"
#include "store.h"

enum attempt_outcome {
    ATTEMPT_SUCCEEDED,
    ATTEMPT_FAILED, /* to be tried again */
    ATTEMPT_DEAD,
    ATTEMPT_INTERRUPTED,
    ATTEMPT_OUTCOME_COUNT
};

/* A pool as the queue sees it, and its routes in a ring. */
struct dispatch_pool {
    struct queue_pool *pool;
    unsigned held;               /* slots of attempts, of claims in flight, of claimed inserts */
    int64_t resume_ms;           /* loop's clock: it was full of live calls; no claims before */
    struct dispatch_route *turn; /* whose turn it is next; starts the ring */
    struct dispatch_pool *next;
};

struct dispatch_route {
    struct queue *queue;
    struct queue_route route;
    struct dispatch_pool *pool;
    struct dispatch_route *next_in_pool; /* a ring */
    struct dispatch_route *next;         /* of the queue */

    /* No waiting job of this route is due earlier (wall clock); INT64_MAX: none waits. It may be
     * too early, which costs a claim that brings nothing, but never too late. */
    int64_t next_run_at_ms;
    bool claiming; /* `claim` is the store's */
    struct claim_operation claim;
    struct metric_counter *outcomes[ATTEMPT_OUTCOME_COUNT]; /* may be NULL */
};

/* The number of jobs in a state, for a gauge. */
struct state_count {
    enum job_state state;
    int64_t count;
};

/* Jobs that an earlier process has left waiting. */
struct waiting_route {
    char *name;
    int64_t count;
    struct waiting_route *next;
};

struct queue {
    ferry_loop *loop;
    struct store *store;
    struct metrics *metrics; /* may be NULL */
    int64_t max_pending, max_bytes, keep_ms;

    struct dispatch_route *routes;
    struct dispatch_pool *pools;
    struct waiting_route *left_waiting; /* until queue_start */
    bool started, draining, closing;

    /* Jobs that are not final, those on their way into the store included. */
    int64_t pending, pending_bytes;
    struct state_count counts[JOB_STATE_COUNT];

    struct attempt *attempts; /* whose call is in flight */
    ferry_timer wake;         /* something may be due by then */
    struct operation *again;  /* writes that failed and must happen */
    ferry_timer write_again;
    ferry_timer retention;
    bool retiring; /* `retire` is the store's */
    struct retire_operation retire;
};

/* Give an operation back to the store after a pause; for what must be written in the end. While
 * the queue closes nothing is tried again: then returns false, and the operation is the caller's.
 */
bool queue_write_again(struct queue *queue, struct operation *operation);

/* Undo on disk what failed in doubt: an insert by its id, or a claim (id NULL) by its token. */
void queue_undo(struct queue *queue, const char *id, int64_t token);

#endif
