/* Pools of the server. Loop thread; the executor's own state is behind its lock. */
#include "pool.h"

#include <errno.h>
#include <string.h>

static ferry_executor_stats pool_stats(void *arg)
{
    struct pool *pool = arg;
    ferry_executor_stats stats;
    ferry_executor_get_stats(pool->executor, &stats);
    return stats;
}

static double read_threads(void *arg)
{
    return pool_stats(arg).threads;
}

static double read_busy(void *arg)
{
    return pool_stats(arg).busy;
}

static double read_queued(void *arg)
{
    return pool_stats(arg).queued;
}

static double read_stuck(void *arg)
{
    return pool_stuck_count(arg);
}

static double read_rejected_full(void *arg)
{
    return (double)pool_stats(arg).rejected_full;
}

static double read_rejected_bytes(void *arg)
{
    return (double)pool_stats(arg).rejected_bytes;
}

static double read_rejected_timeout(void *arg)
{
    return (double)pool_stats(arg).timed_out;
}

static double read_rejected_stuck(void *arg)
{
    const struct pool *pool = arg;
    return (double)pool->rejected_stuck;
}

static void register_rejected(struct pool *pool, struct metrics *metrics, const char *reason,
                              metric_read *read)
{
    struct bytes labels = {0};
    metrics_label(&labels, "pool", pool->config->name);
    metrics_label(&labels, "reason", reason);
    metrics_counter_read(metrics, "ferry_pool_rejected_total",
                         "Calls that a pool refused or gave up before they ran.",
                         bytes_text(&labels), read, pool);
    bytes_fini(&labels);
}

static void register_metrics(struct pool *pool, struct metrics *metrics)
{
    struct bytes labels = {0};
    metrics_label(&labels, "pool", pool->config->name);
    const char *label = bytes_text(&labels);
    metrics_gauge(metrics, "ferry_pool_threads", "Threads of a pool.", label, read_threads, pool);
    metrics_gauge(metrics, "ferry_pool_busy_threads", "Threads that run a call now.", label,
                  read_busy, pool);
    metrics_gauge(metrics, "ferry_pool_queue_depth", "Calls that wait for a thread.", label,
                  read_queued, pool);
    metrics_gauge(metrics, "ferry_stuck_threads",
                  "Threads whose call is past its deadline and still runs.", label, read_stuck,
                  pool);
    pool->wait_seconds = metrics_histogram(metrics, "ferry_pool_wait_seconds",
                                           "Time from submit until a thread took the call.", label);
    pool->run_seconds =
        metrics_histogram(metrics, "ferry_pool_run_seconds", "Time a call ran.", label);
    bytes_fini(&labels);
    register_rejected(pool, metrics, "full", read_rejected_full);
    register_rejected(pool, metrics, "bytes", read_rejected_bytes);
    register_rejected(pool, metrics, "queue_timeout", read_rejected_timeout);
    register_rejected(pool, metrics, "stuck", read_rejected_stuck);
}

int pool_init(struct pool *pool, const struct config_pool *config, struct metrics *metrics,
              ferry_error *error)
{
    *pool = (struct pool){.config = config};
    pool->executor = ferry_executor_new(&(ferry_executor_options){
        .name = config->name,
        .threads = config->threads,
        .queue = config->queue,
        .queue_bytes = config->queue_bytes,
        .queue_timeout_ms = config->queue_timeout_ms,
        .batch = true,
    });
    if (!pool->executor)
        return ferry_error_set(error, FERRY_INTERNAL, "pool %s: cannot start %u threads: %s",
                               config->name, config->threads, strerror(errno));
    pool->deferred = (struct queue_pool){.executor = pool->executor, .slots = config->deferred};
    register_metrics(pool, metrics);
    if (!pool->wait_seconds || !pool->run_seconds)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return 0;
}

int pool_fini(struct pool *pool, int64_t deadline_ms)
{
    int rc = pool->executor ? ferry_executor_shutdown(pool->executor, deadline_ms) : 0;
    ferry_executor_free(pool->executor);
    pool->executor = NULL;
    return rc;
}

unsigned pool_stuck_count(const struct pool *pool)
{
    return pool->stuck + pool->deferred.stuck;
}

bool pool_is_stuck(const struct pool *pool)
{
    return pool_stuck_count(pool) >= pool->config->threads;
}

void pool_observe(struct pool *pool, const ferry_task_report *report)
{
    metrics_observe_us(pool->wait_seconds, report->wait_us);
    if (report->outcome == FERRY_OK)
        metrics_observe_us(pool->run_seconds, report->run_us);
}
