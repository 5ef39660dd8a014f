/*
 * A pool: an executor with a name, the count of its stuck calls, and its metrics. Loop thread.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <ferry/executor.h>

#include "config.h"
#include "metrics.h"
#include "queue.h"

struct pool {
    const struct config_pool *config;
    ferry_executor *executor;
    struct queue_pool deferred; /* what the jobs' queue may use of it */
    unsigned stuck;             /* live calls that are past their deadline and still run */
    uint64_t rejected_stuck;    /* calls refused because every thread is stuck */
    struct metric_histogram *wait_seconds;
    struct metric_histogram *run_seconds;
};

/* Start the threads, and register the metrics. Returns 0, or FERRY_INTERNAL with `error` set. */
int pool_init(struct pool *pool, const struct config_pool *config, struct metrics *metrics,
              ferry_error *error);

/* End the threads, waiting `deadline_ms` at most for what they run. Blocks. Returns 0, or
 * FERRY_DEADLINE when a thread is left behind, which may still be inside a worker. */
int pool_fini(struct pool *pool, int64_t deadline_ms);

/* Return how many threads run a call past its deadline, live or of a job. */
unsigned pool_stuck_count(const struct pool *pool);

/* Tell whether no thread of the pool can take a call before a stuck one returns. */
bool pool_is_stuck(const struct pool *pool);

/* Count how a call of the pool ended. */
void pool_observe(struct pool *pool, const ferry_task_report *report);

#endif
