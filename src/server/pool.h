/*
 * A pool: an executor with a name, the count of its stuck calls, and its metrics. Loop thread, but
 * for what says otherwise. It is shared by the generations (generation.h) that have it unchanged.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stdatomic.h>
#include <stdbool.h>

#include <ferry/executor.h>

#include "config.h"
#include "metrics.h"
#include "queue.h"

struct pool {
    struct config_pool *config; /* its own */
    atomic_uint references;
    struct worker **workers; /* references: its threads may have states of them */
    size_t worker_count;
    ferry_executor *executor;
    struct queue_pool deferred; /* what the jobs' queue may use of it */
    unsigned stuck;             /* live calls that are past their deadline and still run */
    uint64_t rejected_stuck;    /* calls refused because every thread is stuck */
    struct metric_histogram *wait_seconds;
    struct metric_histogram *run_seconds;
};

/* Start the threads; `config` is copied. Any thread. Errors: NULL and `error`, FERRY_INTERNAL. */
struct pool *pool_new(const struct config_pool *config, ferry_error *error);

/* Keep it, from any thread; and give it up: the last one has stopped it. Loop thread. */
struct pool *pool_ref(struct pool *pool);
void pool_unref(struct pool *pool);

/* Tell whether nobody else has it. */
bool pool_is_last(const struct pool *pool);

/* Tell whether it is as the config wants it. Any thread. */
bool pool_is_like(const struct pool *pool, const struct config_pool *config);

/* A worker may run here. Returns whether there was memory. */
bool pool_add_worker(struct pool *pool, struct worker *worker);

/* Prepare to count. Returns whether there was memory. Then show its numbers in the metrics, in the
 * place of an earlier pool of this name; or, where no pool of the name is left, zeros. */
bool pool_prepare_metrics(struct pool *pool, struct metrics *metrics);
void pool_bind_metrics(struct pool *pool, struct metrics *metrics, bool is_open);

/* Take nothing more, so that the threads end. Any thread; does not wait. */
void pool_close(struct pool *pool);

/* End the threads, waiting `deadline_ms` at most for what they run. Any thread; blocks. Returns 0,
 * or FERRY_DEADLINE when a thread is left behind, which may still be inside a worker. */
int pool_stop(struct pool *pool, int64_t deadline_ms);

/* The same, and let go of them: those that have not ended are left to themselves, and nothing may
 * be submitted any more. Loop thread. */
int pool_leave(struct pool *pool, int64_t deadline_ms);

/* Give up its workers, when all its threads have ended. Any thread; blocks as their `close` does.
 */
void pool_release_workers(struct pool *pool);

/* Return how many threads run a call past its deadline, live or of a job. */
unsigned pool_stuck_count(const struct pool *pool);

/* Tell whether no thread of the pool can take a call before a stuck one returns. */
bool pool_is_stuck(const struct pool *pool);

/* Count how a call of the pool ended. */
void pool_observe(struct pool *pool, const ferry_task_report *report);

#endif
