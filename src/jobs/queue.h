/*
 * The queue: takes jobs in, runs them when they are due, and writes down how they ended. It decides
 * when something runs; what is durable is the store's (store.h).
 *
 * Loop thread. SQLite runs on the store's own threads. Every callback below is called on the loop,
 * once, possibly before the function that was given it returns.
 */
#ifndef JOBS_QUEUE_H
#define JOBS_QUEUE_H

#include <ferry/executor.h>

#include "call.h"
#include "job.h"
#include "metrics.h"

struct queue;

struct queue_options {
    const char *folder;   /* the database is FOLDER/jobs.db; the folder exists */
    int64_t max_pending;  /* jobs that are not final; past it queue_add is refused */
    int64_t max_bytes;    /* what their inputs weigh together */
    unsigned max_crashes; /* interrupted attempts after which a job is dead; 0: unlimited */
    int64_t keep_ms;      /* how long a final job stays readable, unless its route says otherwise */
    int64_t max_remembered; /* deleted jobs that are known as gone, more or less; 0: a million */
    struct metrics *metrics;
    int64_t (*wall_ms)(void); /* NULL: the wall clock */
};

/* Threads that jobs may hold at once, of an executor that they share with live calls. */
struct queue_pool {
    ferry_executor *executor;
    unsigned slots;
    unsigned ahead; /* jobs beyond those that may wait in it, short ones; its queue takes them */
    unsigned stuck; /* attempts past their timeout that still run; written by the queue */
};

struct queue_route {
    const char *name; /* the route's path: what a job remembers; copied */
    const struct worker *worker;
    struct queue_pool *pool; /* the caller keeps it; shared by its routes */
    int64_t timeout_ms;      /* of an attempt; 0: none */
    unsigned attempts;       /* at least 1 */
    int64_t backoff_min_ms;
    int64_t backoff_max_ms;
    int priority;         /* of the routes of a pool, the higher one claims first */
    unsigned concurrency; /* attempts at once; 0: as many as the pool has slots */
    unsigned rate_count;  /* attempts that may start per rate_per_ms; 0: any number */
    int64_t rate_per_ms;
    unsigned breaker_failures; /* transient failures in a row that pause the route; 0: never */
    int64_t breaker_pause_ms;  /* for so long; then one attempt is let through to try */
    int64_t keep_ms;           /* 0: the queue's */
    size_t max_result_bytes;   /* a longer result is not kept; 0: JOB_RESULT_BYTES */
};

/*
 * Open the folder's database, or make it; count interrupted attempts of an earlier process and
 * queue those jobs again (or end them, past max_crashes). Strings of the options are copied.
 * Blocks: reads and checks the database; called before the loop runs.
 * Errors: NULL and `error`: FERRY_CONFLICT another process has the folder, FERRY_FORBIDDEN it is
 * not writable, FERRY_INVALID the database is damaged (it has been set aside) or newer than this
 * program, FERRY_INTERNAL other.
 */
struct queue *queue_open(ferry_loop *loop, const struct queue_options *options, ferry_error *error);

/*
 * Make these all the routes that are known, also while jobs run, and all or nothing. The structs
 * are copied; the one named JOB_CALLBACK_ROUTE runs the callbacks. Attempts under way end with the
 * worker and in the pool that they began with; the next ones go by the new routes. A route's gate
 * stays, by its name. Jobs of one that is not known any more stay as they are, and can be looked at
 * and changed. Errors: FERRY_INTERNAL, and nothing is changed.
 */
int queue_set_routes(struct queue *queue, const struct queue_route *routes, size_t count);

/* Let go of a pool that no route has any more. Returns whether no attempt has a slot of it: then
 * the pool may go, else ask again. */
bool queue_forget_pool(struct queue *queue, const struct queue_pool *pool);

/* Change bounds of the options, from now on. */
void queue_set_limits(struct queue *queue, int64_t max_pending, int64_t max_bytes, int64_t keep_ms);

/* Begin to claim and run. Jobs of routes that are not known stay as they are (logged once). */
void queue_start(struct queue *queue);

/* ---- taking jobs in ---- */

/* A job to add. Zero in all that follows `length` means: now, and no more than that. */
struct queue_job {
    const char *route; /* of a route that is known */
    char *block;       /* the input of its calls (call_input.h); taken over in any case */
    size_t length;
    int64_t delay_ms;  /* from now, whatever becomes of the wall clock */
    int64_t run_at_ms; /* by the wall clock; goes before delay_ms; what is past is now */
    const char *key;   /* idempotency: a second job of the route with this key is not made; at most
                          JOB_KEY_MAX bytes */
    unsigned char fingerprint[JOB_FINGERPRINT_BYTES]; /* of what goes with the key */
    const char *callback; /* a URL that hears of the end, by a job of JOB_CALLBACK_ROUTE */
    const char *schedule; /* the schedule that makes it, for the run that was due at slot_ms */
    int64_t slot_ms;
    bool may_overlap; /* with the schedule's run before */
};

/* What became of an add that is on disk. With QUEUE_REPEATED and QUEUE_MISMATCHED the receipt tells
 * of the earlier job, else of the new one; the last two made no job. */
enum queue_outcome {
    QUEUE_ADDED,
    QUEUE_REPEATED,   /* the key is an earlier job's, the fingerprint is the same */
    QUEUE_MISMATCHED, /* the key is an earlier job's, the fingerprint is another */
    QUEUE_SLOT_TAKEN, /* the schedule has run this slot, or a later one */
    QUEUE_OVERLAPS,   /* the schedule's run before has not ended; the slot is taken now */
};

struct queue_receipt {
    enum queue_outcome outcome;
    const char *id; /* valid during the callback, as the next one */
    const char *delivery_id;
    enum job_state state; /* when it was written, as the next one */
    int64_t run_at_ms;    /* when it is due, or was, by the wall clock */
};

/* The job is on disk (error->code FERRY_OK), or is not, and `receipt` is NULL: FERRY_STORAGE_FULL,
 * FERRY_REJECTED. */
typedef void queue_accepted(void *arg, const struct queue_receipt *receipt,
                            const ferry_error *error);

/* Accept a job. Strings are copied. While too many jobs or bytes are pending, one with a key is
 * only looked up by that, and refused by `accepted` if there is no earlier one. Errors, at once,
 * and then `accepted` is never called: FERRY_REJECTED too many are pending, and it has no key, or
 * the queue is closing; FERRY_NOT_FOUND no such route. */
int queue_add(struct queue *queue, const struct queue_job *job, queue_accepted *accepted, void *arg,
              ferry_error *error);

/* The last slot on record of a schedule. Returns false when it never ran. */
bool queue_last_slot(const struct queue *queue, const char *schedule, int64_t *slot_ms);

/* ---- looking at them ---- */

/* Look a job up; `found` gets the record (its own until it returns), or NULL with the error:
 * FERRY_NOT_FOUND, FERRY_GONE it was there and its retention is over, FERRY_REJECTED too many
 * look-ups wait, or the database cannot be read. */
typedef void queue_found(void *arg, const struct job_record *record, const ferry_error *error);
void queue_get(struct queue *queue, const char *id, queue_found *found, void *arg);

/* List jobs, newest first, without the bodies of their results: as jobs_listed of reader.h. */
typedef void queue_listed(void *arg, const struct job_record *records, size_t count, int64_t next,
                          const ferry_error *error);
void queue_list(struct queue *queue, const struct job_filter *filter, queue_listed *listed,
                void *arg);

/* For a job that runs now: its progress. Returns whether there is any. */
bool queue_get_progress(struct queue *queue, const char *id, double *fraction, char *message,
                        size_t size);

/* A change of a job that has been written; `version` is the record's. A deleted job says so by
 * `is_deleted`, with its last state. */
struct job_change {
    enum job_state state;
    unsigned attempt;
    int64_t version;
    bool is_deleted;
};

/*
 * Tell `changed` of every change of a job from now on, until queue_unwatch, which is also allowed
 * in `changed`. To miss nothing: watch first, then queue_get, and ignore changes whose version is
 * not above the record's. The id need not be known. Errors: NULL without memory.
 */
struct queue_watch;
typedef void job_changed(void *arg, const struct job_change *change);
struct queue_watch *queue_watch(struct queue *queue, const char *id, job_changed *changed,
                                void *arg);
void queue_unwatch(struct queue_watch *watch);

/* ---- changing them ---- */

/* How a change went: the number of jobs changed, and of a single one, its states. Of a running job
 * that is cancelled both are JOB_RUNNING: it has been told. Errors, of a single one:
 * FERRY_NOT_FOUND, FERRY_GONE, FERRY_CONFLICT (its state, in `was`, does not allow it); of any:
 * FERRY_REJECTED, FERRY_STORAGE_FULL, and then `count` may be more than 0: those were changed. */
struct queue_changed {
    uint64_t count;
    enum job_state was;
    enum job_state now;
};

typedef void queue_change_done(void *arg, const struct queue_changed *changed,
                               const ferry_error *error);

/* Cancel, retry or delete the job of an id. */
void queue_change(struct queue *queue, enum job_action action, const char *id,
                  queue_change_done *done, void *arg);

/* Do it to all that the filter names and whose state allows it, in batches; the filter's `before`
 * and `limit` count for nothing, its route is copied. What is added meanwhile is left alone. */
void queue_change_all(struct queue *queue, enum job_action action, const struct job_filter *filter,
                      queue_change_done *done, void *arg);

/* ---- routes ---- */

/* Why a route starts no attempts; QUEUE_OPEN: it does. */
enum queue_gate {
    QUEUE_OPEN,
    QUEUE_PAUSED,  /* by an operator, until resumed, over restarts */
    QUEUE_BROKEN,  /* its breaker is open, or its worker asked for a pause, until `until_ms` */
    QUEUE_PROBING, /* after that, one attempt runs to try */
};

/* Return the gate's name: "open", "paused", "broken", "probing". */
const char *queue_gate_name(enum queue_gate gate);

struct queue_route_status {
    const char *name;
    bool is_known; /* false: of the database only, not of the config */
    enum queue_gate gate;
    int64_t until_ms;        /* of QUEUE_BROKEN, wall clock */
    unsigned failures;       /* transient ones in a row */
    const int64_t *by_state; /* jobs on disk, JOB_STATE_COUNT of them */
};

/* Visit every route that is known or has jobs, in no special order. */
typedef void queue_route_visit(void *arg, const struct queue_route_status *status);
void queue_each_route(const struct queue *queue, queue_route_visit *visit, void *arg);

/* Pause a route, or resume it, which also closes its breaker. What runs goes on. `done` is called
 * when it is on disk; errors as of queue_change, FERRY_NOT_FOUND no such route. */
typedef void queue_paused(void *arg, const ferry_error *error);
void queue_pause(struct queue *queue, const char *route, bool is_paused, queue_paused *done,
                 void *arg);

/* ---- shutdown, in this order ---- */

/* Claim nothing more. What runs goes on; what is added is accepted and stays queued. */
void queue_drain(struct queue *queue);

/* Tell whether no attempt runs and every write has been committed. */
bool queue_is_idle(const struct queue *queue);

/* Write down that what still runs was interrupted, without a crash count, and cancel it; the
 * results are ignored from here on. */
void queue_interrupt(struct queue *queue);

/* Close the database and free all. What still runs is interrupted (as above), queued writes are
 * committed first, for at most `deadline_ms`, and every callback that is due is called in here;
 * watches end. Blocks. Errors: FERRY_DEADLINE: the database did not return in time; then some
 * memory is left behind, and callbacks that wait for it are never called. */
int queue_close(struct queue *queue, int64_t deadline_ms);

#endif
