/*
 * The inside of the queue, for the files that share it: queue.c (its life), queue_add.c (what comes
 * in), queue_change.c (what people do to jobs and routes), queue_retire.c (what is kept how long),
 * queue_counts.c (how many there are), dispatch.c (which route claims when), attempt.c and
 * attempt_end.c (one run of a job). Loop thread.
 */
#ifndef JOBS_QUEUE_STRUCT_H
#define JOBS_QUEUE_STRUCT_H

#include "clock_step.h"
#include "gate.h"
#include "queue.h"
#include "store.h"
#include "watch.h"

enum attempt_outcome {
    ATTEMPT_SUCCEEDED,
    ATTEMPT_FAILED, /* to be tried again */
    ATTEMPT_DEAD,
    ATTEMPT_CANCELLED,
    ATTEMPT_INTERRUPTED,
    ATTEMPT_OUTCOME_COUNT
};

/* A pool as the queue sees it, and its routes in a ring. One that no route has any more stays until
 * its attempts have ended. */
struct dispatch_pool {
    struct queue_pool *pool;
    unsigned held;               /* slots of attempts, of claims in flight, of claimed inserts */
    int64_t resume_ms;           /* loop's clock: it was full of live calls; no claims before */
    struct dispatch_route *turn; /* whose turn it is next; starts the ring; NULL: no routes */
    struct dispatch_pool *next;
};

/* The jobs of a route on disk. A route has it whether or not it is in the config. */
struct route_counts {
    char *route;
    int64_t by_state[JOB_STATE_COUNT];
    struct route_counts *next;
};

/* Jobs of a route that are claimed ahead (ahead.h). */
struct ahead {
    struct attempt *first, **end; /* those that are ready; `end` counts only when there are some */
    unsigned count;               /* of them */
    unsigned in_pool;             /* that wait for a thread in the pool, or run by now */
    int64_t bytes;                /* of the inputs of both */
    unsigned coming;              /* asked for by a write that is on its way */
    int64_t moved_ms;             /* when the first came or left, or one in the pool ended; by the
                                     loop's clock */
    int64_t run_us;               /* how long an attempt takes, */
    bool is_known;                /* if one has ended since the start */
};

/* It stays until the queue closes, whatever becomes of the route: attempts, writes and its gate
 * refer to it. While it is not known nothing is claimed. */
struct dispatch_route {
    struct queue *queue;
    struct queue_route route;   /* as it is now; the name is its own */
    struct dispatch_pool *pool; /* NULL: the route is not known */
    unsigned pending;           /* slots of the pool that no attempt has yet */
    struct gate gate;
    struct route_counts *counts;
    struct dispatch_route *next_in_pool; /* a ring */
    struct dispatch_route *next;         /* of the queue */

    /* No waiting job of this route is due earlier (wall clock); INT64_MAX: none waits. It may be
     * too early, which costs a claim that brings nothing, but never too late. */
    int64_t next_run_at_ms;
    unsigned coming_to_wait; /* jobs on their way to the disk */
    bool claiming;           /* `claim` is the store's */
    struct claim_operation claim;
    unsigned claim_slots; /* so many of the claim's jobs have a slot */
    struct ahead ahead;
    struct metric_counter *outcomes[ATTEMPT_OUTCOME_COUNT]; /* may be NULL */
};

/* The number of jobs in a state, for a gauge. */
struct state_count {
    enum job_state state;
    int64_t count;
};

/* A name from the database with a time: a route that is paused, or a schedule and its last slot. */
struct named_time {
    char *name;
    int64_t ms;
    struct named_time *next;
};

struct queue {
    ferry_loop *loop;
    struct store *store;
    struct metrics *metrics; /* may be NULL */
    int64_t max_pending, max_bytes, keep_ms;

    struct dispatch_route *routes;
    struct dispatch_pool *pools;
    struct named_time *paused; /* routes that were paused when the database was opened */
    struct named_time *slots;  /* the last one of each schedule */
    bool started, draining, closing;

    /* Jobs that are not final, those on their way into the store included. */
    int64_t pending, pending_bytes;
    struct state_count counts[JOB_STATE_COUNT];
    struct route_counts *route_counts;

    struct attempt *attempts; /* whose call is in flight */
    ferry_timer deadline;     /* no later than the first of theirs; 0: none has one */
    int64_t deadline_ms;
    struct watches watches;
    struct clock_step clock_step;
    unsigned shifting; /* steps that are yet to be made up for on disk: until then nothing is */
    int64_t shift_until_ms; /* claimed, but no longer than this, by the loop's clock */
    int64_t (*read_wall_ms)(void);
    ferry_timer wake;             /* something may be due by then; */
    int64_t wake_ms;              /* the loop's clock */
    ferry_timer turn;             /* of the loop, with whose end dispatch is done; 0: it is not; */
    bool is_behind_batch;         /* or it is done when the store has handed over its batch */
    struct operation *again;      /* writes that failed and must happen, in their order */
    struct operation **again_end; /* counts only when there are some */
    ferry_timer write_again;
    ferry_timer retention;
    bool retiring; /* `retire` is the store's */
    struct retire_operation retire;
    int64_t max_remembered;
    int64_t remembered; /* ids of jobs that were deleted; -1: not known */
};

/* The time by both clocks. Due times are on the wall clock: a step of it is noticed here, and what
 * waits is moved along before anything that is due by the new time is written. */
struct queue_now {
    int64_t wall_ms;
    int64_t loop_ms;
};
struct queue_now queue_now(struct queue *queue);
int64_t queue_wall_ms(struct queue *queue);

/* Give an operation back to the store after a pause; for what must be written in the end. While
 * the queue closes nothing is tried again: then returns false, and the operation is the caller's.
 */
bool queue_write_again(struct queue *queue, struct operation *operation);

/* Undo on disk what failed in doubt: an insert by its id, or a claim (id NULL) by its token. */
void queue_undo(struct queue *queue, const char *id, int64_t token);

/* Set the time of a name in a list, adding it if it is not there; without memory it is not. */
void named_time_set(struct named_time **list, const char *name, int64_t ms);
const struct named_time *named_time_find(const struct named_time *list, const char *name);
void named_times_free(struct named_time *list);

/* queue_routes.c: say which jobs nobody will run. */
void queue_report_unknown(const struct queue *queue);

/* queue_retire.c: begin to delete final jobs whose time is over, now and then. */
void queue_start_retention(struct queue *queue);

#endif
