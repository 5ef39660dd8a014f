/*
 * The executor: a fixed number of threads before a bounded queue.
 *
 * `lock` guards all of struct ferry_executor but what is set once at the start; it is never held
 * across a callback. A task belongs to the queue while it waits, to the thread that took it while
 * it runs, and to the mailbox on its way back. Exactly one party takes a task out of the queue (a
 * thread, a cancel, the queue timeout, the shutdown), under the lock, and that party posts it: so
 * each admitted task comes back exactly once, and since the queue's node and the mailbox's entry
 * live in the task, neither step can fail.
 *
 * Waking. Idle threads park on a stack, the most recent on top: its caches are warm, and the
 * others sleep on. One wake-up is in flight at a time: a woken thread that takes a task and leaves
 * others wakes the next. None is lost, because of one invariant, true whenever the lock is free:
 * if tasks wait and a thread is parked, `waking` is set, that is, a woken thread is on its way.
 * Every step that could break it (a push, a pop that leaves tasks, the arrival of the woken
 * thread) ends in executor_wake_next, and a thread parks only when the queue is empty.
 */
#include <ferry/executor.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "clock.h"
#include "loop_base.h"
#include "task_queue.h"

enum {
    DEFAULT_THREADS = 8,
    DEFAULT_QUEUE = 1024,
    DEFAULT_QUEUE_BYTES = 64 << 20,
    DEFAULT_STACK_BYTES = 1 << 20,
};

struct pool_thread {
    ferry_executor *executor;
    unsigned number;
    pthread_t id;
    pthread_cond_t wake;
    bool woken;
    bool ended; /* joining it does not block */
    struct pool_thread *next_parked;
};

struct ferry_executor {
    ferry_executor_options options; /* with the defaults filled in; name is ours */
    atomic_uint references;         /* the maker's, and one a thread */
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a thread has ended */
    struct task_queue queue;
    struct pool_thread *parked;
    bool waking;
    bool closing;
    unsigned alive;
    ferry_executor_stats stats;
    ferry_loop *expiry_loop; /* a reference; set while expiry_timer waits */
    ferry_timer expiry_timer;
    struct pool_thread threads[];
};

/* ---- a task's way back ---- */

static void task_free(ferry_task *task)
{
    ferry_loop_unref(task->loop);
    free(task);
}

static void task_run_done(struct mailbox_entry *entry)
{
    ferry_task *task = (ferry_task *)entry;
    task->work.done(task->work.arg, &task->report);
    task_free(task);
}

static void task_drop(struct mailbox_entry *entry)
{
    ferry_task *task = (ferry_task *)entry;
    if (task->work.dropped)
        task->work.dropped(task->work.arg, &task->report);
    task_free(task);
}

/* Send it back; from here on the loop may have freed it. Not under the lock: when the loop has
 * closed this calls `dropped`. */
static void task_post(ferry_task *task)
{
    loop_post(task->loop, &task->entry);
}

static void task_give_up(ferry_task *task, ferry_code outcome)
{
    task->report.outcome = outcome;
    task->report.wait_us = clock_monotonic_us() - task->submitted_us;
    task_post(task);
}

static void tasks_give_up(struct task_queue *tasks, ferry_code outcome)
{
    ferry_task *task;
    while ((task = task_queue_pop(tasks, TASK_GIVEN_UP)))
        task_give_up(task, outcome);
}

/* ---- threads ---- */

static void executor_unref(ferry_executor *executor)
{
    if (atomic_fetch_sub(&executor->references, 1) > 1)
        return;
    for (unsigned i = 0; i < executor->options.threads; i++)
        pthread_cond_destroy(&executor->threads[i].wake);
    pthread_mutex_destroy(&executor->lock);
    pthread_cond_destroy(&executor->ended);
    free((char *)executor->options.name);
    free(executor);
}

/* Take the most recently parked thread off the stack. Under the lock. */
static struct pool_thread *executor_unpark(ferry_executor *executor)
{
    struct pool_thread *thread = executor->parked;
    executor->parked = thread->next_parked;
    thread->woken = true;
    return thread;
}

/* Keep the invariant of `waking`. Under the lock. Returns whom to signal once the lock is free (a
 * thread that is woken under the lock runs into it), or NULL. */
static struct pool_thread *executor_wake_next(ferry_executor *executor)
{
    if (executor->queue.count == 0 || !executor->parked || executor->waking)
        return NULL;
    executor->waking = true;
    return executor_unpark(executor);
}

static void thread_signal(struct pool_thread *thread)
{
    if (thread)
        pthread_cond_signal(&thread->wake);
}

static void thread_park(struct pool_thread *thread)
{
    ferry_executor *executor = thread->executor;
    thread->woken = false;
    thread->next_parked = executor->parked;
    executor->parked = thread;
    while (!thread->woken)
        pthread_cond_wait(&thread->wake, &executor->lock);
    executor->waking = false;
}

static bool is_expired(const ferry_executor *executor, const ferry_task *task, int64_t now_us)
{
    int64_t limit_ms = executor->options.queue_timeout_ms;
    return limit_ms > 0 && now_us - task->submitted_us >= limit_ms * 1000;
}

/* Run a task that was taken out of the queue; without the lock. */
static void task_run(const ferry_executor *executor, ferry_task *task)
{
    int64_t taken_us = clock_monotonic_us();
    task->report.wait_us = taken_us - task->submitted_us;
    if (is_expired(executor, task, taken_us)) {
        task->report.outcome = FERRY_REJECTED;
        return;
    }
    task->work.run(task->work.arg);
    task->report.run_us = clock_monotonic_us() - taken_us;
}

/* Count a task that task_run is through with. Under the lock. */
static void executor_count(ferry_executor *executor, const ferry_task *task)
{
    executor->stats.busy--;
    if (task->report.outcome == FERRY_OK)
        executor->stats.finished++;
    else
        executor->stats.timed_out++;
}

/* Take and run tasks until the executor closes. A task is counted before it is posted, so that
 * its `done` finds the thread free and may submit the next one; the two share one locking. */
static void thread_work(struct pool_thread *thread)
{
    ferry_executor *executor = thread->executor;
    ferry_task *over = NULL; /* counted, to be posted */
    pthread_mutex_lock(&executor->lock);
    for (;;) {
        ferry_task *task = task_queue_pop(&executor->queue, TASK_STARTED);
        struct pool_thread *next = executor_wake_next(executor);
        if (!task && !over) {
            if (executor->closing)
                break;
            thread_park(thread);
            continue;
        }
        executor->stats.busy += task != NULL;
        pthread_mutex_unlock(&executor->lock);
        thread_signal(next);
        if (over)
            task_post(over);
        if (task)
            task_run(executor, task);
        pthread_mutex_lock(&executor->lock);
        if (task)
            executor_count(executor, task);
        over = task;
    }
    pthread_mutex_unlock(&executor->lock);
}

static void *thread_main(void *arg)
{
    struct pool_thread *thread = arg;
    ferry_executor *executor = thread->executor;
    char name[16];
    snprintf(name, sizeof name, "%.10s-%u", executor->options.name, thread->number);
    pthread_setname_np(pthread_self(), name);
    if (executor->options.batch)
        pthread_setschedparam(pthread_self(), SCHED_BATCH, &(struct sched_param){0});
    thread_work(thread);
    pthread_mutex_lock(&executor->lock);
    thread->ended = true;
    executor->alive--;
    pthread_cond_broadcast(&executor->ended);
    pthread_mutex_unlock(&executor->lock);
    executor_unref(executor);
    return NULL;
}

/* Start with every signal blocked that the loop could handle. */
static int thread_start(struct pool_thread *thread, const pthread_attr_t *attributes)
{
    sigset_t blocked, before;
    sigfillset(&blocked);
    const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof synchronous / sizeof synchronous[0]; i++)
        sigdelset(&blocked, synchronous[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    int number = pthread_create(&thread->id, attributes, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
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
        number = thread_start(thread, &attributes);
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

/* ---- life ---- */

ferry_executor *ferry_executor_new(const ferry_executor_options *given)
{
    ferry_executor_options options = given ? *given : (ferry_executor_options){0};
    options.threads = options.threads ? options.threads : DEFAULT_THREADS;
    options.queue = options.queue ? options.queue : DEFAULT_QUEUE;
    options.queue_bytes = options.queue_bytes ? options.queue_bytes : DEFAULT_QUEUE_BYTES;
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
    atomic_init(&executor->references, 1);
    pthread_mutex_init(&executor->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&executor->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (unsigned i = 0; i < options.threads; i++)
        pthread_cond_init(&executor->threads[i].wake, NULL);
    int number = executor_start(executor);
    if (number) {
        ferry_executor_free(executor);
        errno = number;
        return NULL;
    }
    return executor;
}

/* Wait until every thread has ended, `deadline_ms` at most. Under the lock. */
static void executor_wait(ferry_executor *executor, int64_t deadline_ms)
{
    int64_t until_us = clock_monotonic_us_after(deadline_ms);
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    int rc = 0;
    while (executor->alive > 0 && rc == 0)
        rc = pthread_cond_timedwait(&executor->ended, &executor->lock, &until);
}

int ferry_executor_shutdown(ferry_executor *executor, int64_t deadline_ms)
{
    struct task_queue leftover = {0};
    pthread_mutex_lock(&executor->lock);
    executor->closing = true;
    while (executor->parked)
        thread_signal(executor_unpark(executor));
    executor_wait(executor, deadline_ms);
    while (executor->queue.first)
        task_queue_push(&leftover, task_queue_pop(&executor->queue, TASK_GIVEN_UP));
    executor->stats.cancelled += leftover.count;
    while (executor->alive > executor->stats.busy) /* an idle thread ends at once */
        pthread_cond_wait(&executor->ended, &executor->lock);
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
    ferry_executor_shutdown(executor, 0);
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

/* ---- the queue timeout ---- */

static void executor_arm_expiry(ferry_executor *executor, ferry_loop *loop, int64_t delay_ms);

/* The queue is in the order of submission, so what has expired stands first. */
static void on_expiry(void *arg)
{
    ferry_executor *executor = arg;
    ferry_loop *loop = executor->expiry_loop;
    struct task_queue expired = {0};
    int64_t now_us = clock_monotonic_us(), oldest_us = 0;
    pthread_mutex_lock(&executor->lock);
    while (executor->queue.first && is_expired(executor, executor->queue.first, now_us))
        task_queue_push(&expired, task_queue_pop(&executor->queue, TASK_GIVEN_UP));
    if (executor->queue.first)
        oldest_us = executor->queue.first->submitted_us;
    executor->stats.timed_out += expired.count;
    pthread_mutex_unlock(&executor->lock);

    tasks_give_up(&expired, FERRY_REJECTED);
    executor->expiry_loop = NULL;
    if (oldest_us)
        executor_arm_expiry(executor, loop,
                            executor->options.queue_timeout_ms - (now_us - oldest_us) / 1000);
    ferry_loop_unref(loop);
}

/* One timer for the whole queue, set for its oldest task: on a busy pool it costs one timer each
 * queue timeout instead of one a task. */
static void executor_arm_expiry(ferry_executor *executor, ferry_loop *loop, int64_t delay_ms)
{
    if (executor->options.queue_timeout_ms <= 0 || executor->expiry_loop)
        return;
    executor->expiry_timer = ferry_loop_call_later(loop, delay_ms, on_expiry, executor);
    if (executor->expiry_timer)
        executor->expiry_loop = ferry_loop_ref(loop);
}

/* ---- tasks ---- */

/* Returns NULL, or why the task must be refused. Under the lock. */
static const char *executor_refusal(ferry_executor *executor, size_t bytes)
{
    const ferry_executor_options *options = &executor->options;
    if (executor->closing) {
        executor->stats.rejected_shut++;
        return "it shuts down";
    }
    unsigned idle = options->threads - executor->stats.busy;
    if (executor->queue.count >= options->queue + idle) {
        executor->stats.rejected_full++;
        return "its queue is full";
    }
    /* What a thread is free for does not wait, and what is too large alone may wait alone. */
    if (executor->queue.count > 0 && executor->queue.count >= idle &&
        (executor->queue.bytes > options->queue_bytes ||
         bytes > options->queue_bytes - executor->queue.bytes)) {
        executor->stats.rejected_bytes++;
        return "its queue carries too many bytes";
    }
    return NULL;
}

ferry_task *ferry_executor_submit(ferry_executor *executor, ferry_loop *loop,
                                  const ferry_task_work *work, ferry_error *error)
{
    LOOP_CHECK(loop);
    ferry_task *task = malloc(sizeof *task);
    if (!task) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    *task = (ferry_task){
        .entry = {.run = task_run_done, .drop = task_drop},
        .executor = executor,
        .loop = ferry_loop_ref(loop),
        .work = *work,
        .submitted_us = clock_monotonic_us(),
    };
    struct pool_thread *next = NULL;
    pthread_mutex_lock(&executor->lock);
    const char *refusal = executor_refusal(executor, work->bytes);
    if (!refusal) {
        executor->stats.submitted++;
        task_queue_push(&executor->queue, task);
        next = executor_wake_next(executor);
    }
    pthread_mutex_unlock(&executor->lock);
    thread_signal(next);
    if (refusal) {
        task_free(task);
        ferry_error_set(error, FERRY_REJECTED, "pool %s: %s", executor->options.name, refusal);
        return NULL;
    }
    executor_arm_expiry(executor, loop, executor->options.queue_timeout_ms);
    return task;
}

static enum task_state task_state(const ferry_task *task)
{
    return atomic_load_explicit(&task->state, memory_order_relaxed);
}

bool ferry_task_cancel(ferry_task *task)
{
    LOOP_CHECK(task->loop);
    if (task_state(task) != TASK_WAITS)
        return false; /* and its executor may be gone */
    ferry_executor *executor = task->executor;
    pthread_mutex_lock(&executor->lock);
    bool waits = task_state(task) == TASK_WAITS;
    if (waits) {
        task_queue_remove(&executor->queue, task, TASK_GIVEN_UP);
        executor->stats.cancelled++;
    }
    pthread_mutex_unlock(&executor->lock);
    if (waits)
        task_give_up(task, FERRY_CANCELLED);
    return waits;
}

bool ferry_task_is_started(const ferry_task *task)
{
    LOOP_CHECK(task->loop);
    return task_state(task) == TASK_STARTED;
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
