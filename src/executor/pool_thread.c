/*
 * The threads of an executor: they park, are woken, run tasks, and end.
 *
 * Waking. Idle threads park on a stack, the most recent on top: its caches are warm, and the
 * others sleep on. One wake-up is in flight at a time: a woken thread that takes a task and leaves
 * others wakes the next. None is lost, because of one invariant, true whenever the lock is free:
 * if tasks wait that may run and a thread is parked, `waking` is set, that is, a woken thread is on
 * its way. Every step that could break it (a push, a pop that leaves tasks, the end of a background
 * task, the arrival of the woken thread) ends in executor_wake_next, and a thread parks only when
 * nothing waits that may run.
 *
 * A thread sleeps on a semaphore of its own, and not in a condition of the lock: who comes back
 * from that holds the lock as one that others wait for, and has to enter the kernel to give it up.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "clock.h"
#include "executor_struct.h"

struct pool_thread *executor_unpark(ferry_executor *executor)
{
    struct pool_thread *thread = executor->parked;
    executor->parked = thread->next_parked;
    return thread;
}

struct pool_thread *executor_wake_next(ferry_executor *executor)
{
    if (!executor->parked || executor->waking || !task_queue_is_ready(&executor->queue))
        return NULL;
    executor->waking = true;
    return executor_unpark(executor);
}

void pool_thread_signal(struct pool_thread *thread)
{
    if (thread)
        sem_post(&thread->wake);
}

static void thread_park(struct pool_thread *thread)
{
    ferry_executor *executor = thread->executor;
    thread->next_parked = executor->parked;
    executor->parked = thread;
    pthread_mutex_unlock(&executor->lock);
    while (sem_wait(&thread->wake) < 0)
        continue; /* a signal */
    pthread_mutex_lock(&executor->lock);
    executor->waking = false;
    executor->kept_waiting = 0;
}

/* Run a task that was taken out of the queue; without the lock. */
static void task_run(ferry_task *task)
{
    int64_t taken_us = clock_monotonic_us();
    task->report.wait_us = taken_us - task->submitted_us;
    if (task_is_expired(task, taken_us)) {
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
    if (executor->closing)
        executor->idle_since_us = clock_monotonic_us();
    task_queue_end(&executor->queue, task);
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
        ferry_task *task = task_queue_take(&executor->queue);
        struct pool_thread *next = executor_wake_next(executor);
        if (!task && !over) {
            if (executor->closing)
                break;
            thread_park(thread);
            continue;
        }
        executor->stats.busy += task != NULL;
        pthread_mutex_unlock(&executor->lock);
        pool_thread_signal(next);
        if (over)
            task_post(over);
        if (task)
            task_run(task);
        pthread_mutex_lock(&executor->lock);
        if (task)
            executor_count(executor, task);
        over = task;
    }
    pthread_mutex_unlock(&executor->lock);
}

/* ---- the end ---- */

static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;
static bool has_end_key;

static void thread_end(struct pool_thread *thread)
{
    ferry_executor *executor = thread->executor;
    pthread_mutex_lock(&executor->lock);
    thread->ended = true;
    executor->alive--;
    pthread_cond_broadcast(&executor->ended);
    pthread_mutex_unlock(&executor->lock);
    executor_unref(executor);
}

/* What tasks have left on their thread is destroyed when it exits, and may block there (a library
 * that says goodbye to its server). A destructor that sets its value again is called once more,
 * when all others have returned: only then the thread has ended. */
static void on_thread_exit(void *arg)
{
    struct pool_thread *thread = arg;
    bool is_first = !thread->exiting;
    thread->exiting = true;
    if (!is_first || pthread_setspecific(end_key, thread))
        thread_end(thread);
}

static void end_key_init(void)
{
    has_end_key = pthread_key_create(&end_key, on_thread_exit) == 0;
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
    if (executor->options.nice > 0) /* Linux: of this thread, whatever PRIO_PROCESS says */
        setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + (int)executor->options.nice);
    thread_work(thread);
    pthread_once(&end_once, end_key_init);
    if (!has_end_key || pthread_setspecific(end_key, thread))
        thread_end(thread);
    return NULL;
}

int pool_thread_start(struct pool_thread *thread, const pthread_attr_t *attributes)
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
