/*
 * The queue: takes jobs in, runs them when they are due, and writes down how they ended. It decides
 * when something runs; what is durable is the store's (store.h).
 *
 * Loop thread. SQLite runs on the store's own threads.
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
    int64_t keep_ms;      /* how long a final job stays readable */
    struct metrics *metrics;
};

/* Threads that jobs may hold at once, of an executor that they share with live calls. */
struct queue_pool {
    ferry_executor *executor;
    unsigned slots;
    unsigned stuck; /* attempts past their timeout that still run; written by the queue */
};

struct queue_route {
    const char *name; /* the route's path: what a job remembers; the caller keeps it */
    const struct worker *worker;
    struct queue_pool *pool; /* the caller keeps it; shared by its routes */
    int64_t timeout_ms;      /* of an attempt; 0: none */
    unsigned attempts;       /* at least 1 */
    int64_t backoff_min_ms;
    int64_t backoff_max_ms;
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

/* Make a route known before queue_start; the struct is copied. Returns 0 or FERRY_INTERNAL. */
int queue_add_route(struct queue *queue, const struct queue_route *route);

/* Begin to claim and run. Jobs of routes that are not known stay as they are (logged once). */
void queue_start(struct queue *queue);

/* Called on the loop when the job is on disk (error->code FERRY_OK), or is not: FERRY_STORAGE_FULL,
 * FERRY_REJECTED. `id` is valid during the call. */
typedef void queue_accepted(void *arg, const char *id, const ferry_error *error);

/*
 * Accept a job for a known route: `block` is the input of its calls (call_input.h) and is taken
 * over in any case. Errors, at once, and then `accepted` is never called: FERRY_REJECTED too many
 * jobs or bytes are pending, or the queue is closing; FERRY_NOT_FOUND no such route.
 */
int queue_add(struct queue *queue, const char *route, char *block, size_t length,
              queue_accepted *accepted, void *arg, ferry_error *error);

/* Look a job up; `found` gets the record (its own until it returns), or NULL with the error:
 * FERRY_NOT_FOUND, FERRY_REJECTED too many look-ups wait, or the database cannot be read. It is
 * called once, possibly before queue_get returns. */
typedef void queue_found(void *arg, const struct job_record *record, const ferry_error *error);
void queue_get(struct queue *queue, const char *id, queue_found *found, void *arg);

/* For a job that runs now: its progress. Returns whether there is any. */
bool queue_get_progress(struct queue *queue, const char *id, double *fraction, char *message,
                        size_t size);

/* ---- shutdown, in this order ---- */

/* Claim nothing more. What runs goes on; what is added is accepted and stays queued. */
void queue_drain(struct queue *queue);

/* Tell whether no attempt runs and every write has been committed. */
bool queue_is_idle(const struct queue *queue);

/* Write down that what still runs was interrupted, without a crash count, and cancel it; the
 * results are ignored from here on. */
void queue_interrupt(struct queue *queue);

/* Close the database and free all. What still runs is interrupted (as above), queued writes are
 * committed first, for at most `deadline_ms`, and every `accepted` and `found` that is due is
 * called in here. Blocks. Errors: FERRY_DEADLINE: the database did not return in time; then some
 * memory is left behind, and callbacks that wait for it are never called. */
int queue_close(struct queue *queue, int64_t deadline_ms);

#endif
