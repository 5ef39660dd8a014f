/* Pools of the server. Loop thread; the executor's own state is behind its lock. */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    JOBS_AHEAD_MAX = 64,
    QUEUE_PART_FOR_JOBS = 16,
    QUEUE_BYTES_FOR_JOBS = 16 << 20, /* what is claimed ahead weighs less */
};

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

static double read_queue_limit(void *arg)
{
    const struct pool *pool = arg;
    return pool->config->queue;
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

static double read_zero(void *arg)
{
    (void)arg;
    return 0;
}

/* ---- metrics ---- */

static void bind_rejected(struct pool *pool, struct metrics *metrics, const char *reason,
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

bool pool_prepare_metrics(struct pool *pool, struct metrics *metrics)
{
    struct bytes labels = {0};
    metrics_label(&labels, "pool", pool->config->name);
    const char *label = bytes_text(&labels);
    pool->wait_seconds =
        metrics_histogram(metrics, "ferry_pool_wait_seconds",
                          "Time from submit until a thread took a live call.", label);
    pool->run_seconds =
        metrics_histogram(metrics, "ferry_pool_run_seconds", "Time a live call ran.", label);
    bytes_fini(&labels);
    return pool->wait_seconds && pool->run_seconds;
}

void pool_bind_metrics(struct pool *pool, struct metrics *metrics, bool is_open)
{
    static const struct {
        const char *name, *help;
        metric_read *read;
    } gauges[] = {
        {"ferry_pool_threads", "Threads of a pool.", read_threads},
        {"ferry_pool_busy_threads", "Threads that run a call now.", read_busy},
        {"ferry_pool_queue_depth", "Calls that wait for a thread.", read_queued},
        {"ferry_pool_queue_limit", "Calls that may wait for a thread.", read_queue_limit},
        {"ferry_stuck_threads", "Threads whose call is past its deadline and still runs.",
         read_stuck},
    };
    struct bytes labels = {0};
    metrics_label(&labels, "pool", pool->config->name);
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++)
        metrics_gauge(metrics, gauges[i].name, gauges[i].help, bytes_text(&labels),
                      is_open ? gauges[i].read : read_zero, pool);
    bytes_fini(&labels);
    bind_rejected(pool, metrics, "full", is_open ? read_rejected_full : read_zero);
    bind_rejected(pool, metrics, "bytes", is_open ? read_rejected_bytes : read_zero);
    bind_rejected(pool, metrics, "queue_timeout", is_open ? read_rejected_timeout : read_zero);
    bind_rejected(pool, metrics, "stuck", is_open ? read_rejected_stuck : read_zero);
}

/* ---- life ---- */

static struct config_pool *config_copy(const struct config_pool *config)
{
    struct config_pool *copy = malloc(sizeof *copy);
    char *name = strdup(config->name);
    if (!copy || !name) {
        free(copy);
        free(name);
        return NULL;
    }
    *copy = *config;
    copy->name = name;
    return copy;
}

int pool_leave(struct pool *pool, int64_t deadline_ms)
{
    int rc = pool_stop(pool, deadline_ms);
    ferry_executor_free(pool->executor);
    pool->executor = NULL;
    return rc;
}

void pool_release_workers(struct pool *pool)
{
    for (size_t i = 0; i < pool->worker_count; i++)
        worker_unref(pool->workers[i]);
    pool->worker_count = 0;
}

static void pool_free(struct pool *pool)
{
    ferry_executor_free(pool->executor);
    pool_release_workers(pool);
    free(pool->workers);
    if (pool->config)
        free(pool->config->name);
    free(pool->config);
    free(pool);
}

/* How many short jobs may wait in the executor's queue: a part of it, as live calls wait there too.
 */
static unsigned jobs_ahead(const struct config_pool *config)
{
    if (config->queue_bytes < QUEUE_BYTES_FOR_JOBS)
        return 0;
    unsigned part = config->queue / QUEUE_PART_FOR_JOBS;
    return part < JOBS_AHEAD_MAX ? part : JOBS_AHEAD_MAX;
}

struct pool *pool_new(const struct config_pool *config, ferry_error *error)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool || !(pool->config = config_copy(config))) {
        free(pool);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    atomic_init(&pool->references, 1);
    pool->executor = ferry_executor_new(&(ferry_executor_options){
        .name = config->name,
        .threads = config->threads,
        .queue = config->queue,
        .queue_bytes = config->queue_bytes,
        .queue_timeout_ms = config->queue_timeout_ms,
        .background = config->deferred,
        .batch = true,
        .nice = config->nice,
    });
    if (!pool->executor) {
        ferry_error_set(error, FERRY_INTERNAL, "pool %s: cannot start %u threads: %s", config->name,
                        config->threads, strerror(errno));
        pool_free(pool);
        return NULL;
    }
    pool->deferred = (struct queue_pool){
        .executor = pool->executor,
        .slots = config->deferred,
        .ahead = jobs_ahead(config),
    };
    return pool;
}

struct pool *pool_ref(struct pool *pool)
{
    atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
    return pool;
}

void pool_unref(struct pool *pool)
{
    if (atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) == 1)
        pool_free(pool);
}

bool pool_is_last(const struct pool *pool)
{
    return atomic_load_explicit(&pool->references, memory_order_acquire) == 1;
}

bool pool_is_like(const struct pool *pool, const struct config_pool *config)
{
    const struct config_pool *own = pool->config;
    return strcmp(own->name, config->name) == 0 && own->threads == config->threads &&
           own->queue == config->queue && own->queue_bytes == config->queue_bytes &&
           own->queue_timeout_ms == config->queue_timeout_ms && own->deferred == config->deferred &&
           own->nice == config->nice;
}

bool pool_add_worker(struct pool *pool, struct worker *worker)
{
    for (size_t i = 0; i < pool->worker_count; i++) {
        if (pool->workers[i] == worker)
            return true;
    }
    struct worker **more = realloc(pool->workers, (pool->worker_count + 1) * sizeof *more);
    if (!more)
        return false;
    pool->workers = more;
    more[pool->worker_count++] = worker_ref(worker);
    return true;
}

void pool_close(struct pool *pool)
{
    if (pool->executor)
        ferry_executor_close(pool->executor);
}

int pool_stop(struct pool *pool, int64_t deadline_ms)
{
    return pool->executor ? ferry_executor_shutdown(pool->executor, deadline_ms) : 0;
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
