/*
 * The executor: a fixed number of threads before a bounded queue. This file is its life, from the
 * first thread's start to the last one's end; pool_thread.c is what they do in between, task.c what
 * they do it with.
 *
 * Any thread may make, shut down and look at one. Memory goes with the last of the maker and the
 * threads, so that a thread that was left behind in its task comes back to something.
 */
#include <ferry/executor.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "clock.h"
#include "executor_struct.h"

enum {
    DEFAULT_THREADS = 8,
    THREADS_MAX = 10000,
    DEFAULT_QUEUE = 1024,
    DEFAULT_QUEUE_BYTES = 64 << 20,
    DEFAULT_STACK_BYTES = 1 << 20,
    NICE_MAX = 19,
    IDLE_END_US = 1000000, /* for a thread that runs nothing to end, whatever the deadline */
};

void executor_unref(ferry_executor *executor)
{
    if (atomic_fetch_sub(&executor->references, 1) > 1)
        return;
    for (unsigned i = 0; i < executor->options.threads; i++)
        sem_destroy(&executor->threads[i].wake);
    pthread_mutex_destroy(&executor->lock);
    pthread_cond_destroy(&executor->ended);
    free((char *)executor->options.name);
    free(executor);
}

/* Start all threads, or as many as the system gives. Returns 0 or an errno. */
static int executor_start(ferry_executor *executor)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    int number = pthread_attr_setstacksize(&attributes, executor->options.stack_bytes);
    pthread_mutex_lock(&executor->lock);
    for (unsigned i = 0; number == 0 && i < executor->options.threads; i++) {
        struct pool_thread *thread = &executor->threads[i];
        thread->executor = executor;
        thread->number = i;
        atomic_fetch_add(&executor->references, 1);
        number = pool_thread_start(thread, &attributes);
        if (number)
            atomic_fetch_sub(&executor->references, 1);
        else
            executor->alive++;
    }
    executor->options.threads = executor->alive;
    pthread_mutex_unlock(&executor->lock);
    pthread_attr_destroy(&attributes);
    return number;
}

ferry_executor *ferry_executor_new(const ferry_executor_options *given)
{
    ferry_executor_options options = given ? *given : (ferry_executor_options){0};
    if (options.threads > THREADS_MAX) {
        errno = EINVAL;
        return NULL;
    }
    options.threads = options.threads ? options.threads : DEFAULT_THREADS;
    options.queue = options.queue ? options.queue : DEFAULT_QUEUE;
    options.queue_bytes = options.queue_bytes ? options.queue_bytes : DEFAULT_QUEUE_BYTES;
    options.background = options.background ? options.background : options.threads;
    options.nice = options.nice < NICE_MAX ? options.nice : NICE_MAX;
    options.stack_bytes = options.stack_bytes ? options.stack_bytes : DEFAULT_STACK_BYTES;
    if (options.queue_timeout_ms > INT64_MAX / 2000)
        options.queue_timeout_ms = 0; /* for ever */
    options.name = strdup(options.name ? options.name : "pool");
    ferry_executor *executor =
        calloc(1, sizeof *executor + options.threads * sizeof executor->threads[0]);
    if (!executor || !options.name) {
        free((char *)options.name);
        free(executor);
        errno = ENOMEM;
        return NULL;
    }
    executor->options = options;
    executor->queue.background_most = options.background;
    atomic_init(&executor->references, 1);
    pthread_mutex_init(&executor->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&executor->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (unsigned i = 0; i < options.threads; i++)
        sem_init(&executor->threads[i].wake, 0, 0);
    int number = executor_start(executor);
    if (number) {
        ferry_executor_free(executor);
        errno = number;
        return NULL;
    }
    return executor;
}

static struct timespec time_of(int64_t until_us)
{
    return (struct timespec){.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
}

/* Wait until every thread has ended, `deadline_ms` at most. Under the lock. */
static void executor_wait(ferry_executor *executor, int64_t deadline_ms)
{
    struct timespec until = time_of(clock_monotonic_us_after(deadline_ms));
    int rc = 0;
    while (executor->alive > 0 && rc == 0)
        rc = pthread_cond_timedwait(&executor->ended, &executor->lock, &until);
}

/* The same for those that run nothing: they end at once, but for what tasks have left on them. */
static void executor_wait_idle(ferry_executor *executor)
{
    struct timespec until = time_of(executor->idle_since_us + IDLE_END_US);
    int rc = 0;
    while (executor->alive > executor->stats.busy && rc == 0)
        rc = pthread_cond_timedwait(&executor->ended, &executor->lock, &until);
}

/* Whether a thread of its own calls, which could only wait for itself. Under the lock. */
static bool is_inside(const ferry_executor *executor)
{
    for (unsigned i = 0; i < executor->options.threads; i++) {
        const struct pool_thread *thread = &executor->threads[i];
        if (!thread->ended && pthread_equal(thread->id, pthread_self()))
            return true;
    }
    return false;
}

/* Under the lock. */
static void executor_close(ferry_executor *executor)
{
    if (executor->closing)
        return;
    executor->closing = true;
    executor->idle_since_us = clock_monotonic_us();
    while (executor->parked)
        pool_thread_signal(executor_unpark(executor));
}

void ferry_executor_close(ferry_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    executor_close(executor);
    pthread_mutex_unlock(&executor->lock);
}

int ferry_executor_shutdown(ferry_executor *executor, int64_t deadline_ms)
{
    struct task_queue leftover = {0};
    pthread_mutex_lock(&executor->lock);
    if (is_inside(executor)) {
        pthread_mutex_unlock(&executor->lock);
        ferry_log(FERRY_LOG_ERROR, "an executor was shut down from inside", "pool=%s hint=%s",
                  executor->options.name, "on the loop, not on a thread of its own");
        return FERRY_CONFLICT;
    }
    executor_close(executor);
    executor_wait(executor, deadline_ms);
    while (executor->queue.count > 0)
        task_queue_push(&leftover, task_queue_pop(&executor->queue));
    executor->stats.cancelled += leftover.count;
    executor_wait_idle(executor);
    bool ended = executor->alive == 0;
    pthread_mutex_unlock(&executor->lock);

    tasks_give_up(&leftover, FERRY_CANCELLED);
    if (!ended)
        ferry_log(FERRY_LOG_WARN, "threads left behind at shutdown", "pool=%s",
                  executor->options.name);
    return ended ? 0 : FERRY_DEADLINE;
}

void ferry_executor_free(ferry_executor *executor)
{
    if (!executor)
        return;
    if (ferry_executor_shutdown(executor, 0) == FERRY_CONFLICT)
        return;
    if (executor->expiry_loop) {
        ferry_loop_cancel(executor->expiry_loop, executor->expiry_timer);
        ferry_loop_unref(executor->expiry_loop);
    }
    for (unsigned i = 0; i < executor->options.threads; i++) {
        struct pool_thread *thread = &executor->threads[i];
        pthread_mutex_lock(&executor->lock);
        bool ended = thread->ended;
        pthread_mutex_unlock(&executor->lock);
        if (ended)
            pthread_join(thread->id, NULL);
        else
            pthread_detach(thread->id);
    }
    executor_unref(executor);
}

void ferry_executor_get_stats(ferry_executor *executor, ferry_executor_stats *stats)
{
    pthread_mutex_lock(&executor->lock);
    *stats = executor->stats;
    stats->threads = executor->options.threads;
    stats->queued = executor->queue.count;
    stats->queued_bytes = executor->queue.bytes;
    pthread_mutex_unlock(&executor->lock);
}
