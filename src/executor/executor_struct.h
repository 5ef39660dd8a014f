/*
 * The inside of an executor, for the files of this floor: executor.c (its life), pool_thread.c (its
 * threads) and task.c (what they run).
 *
 * `lock` guards all of struct ferry_executor but what is set once at the start; it is never held
 * across a callback.
 */
#ifndef EXECUTOR_EXECUTOR_STRUCT_H
#define EXECUTOR_EXECUTOR_STRUCT_H

#include <pthread.h>
#include <semaphore.h>

#include "task_queue.h"

struct pool_thread {
    ferry_executor *executor;
    unsigned number;
    pthread_t id;
    sem_t wake;   /* posted once when it is off the stack of those that park */
    bool exiting; /* the thread's own */
    bool ended;   /* joining it does not block */
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
    unsigned kept_waiting; /* spread tasks that came while `waking`, since the loop gave way */
    bool closing;
    int64_t idle_since_us; /* when it was closed, or a thread has ended its task after that */
    unsigned alive;
    ferry_executor_stats stats;
    ferry_loop *expiry_loop; /* a reference; set while expiry_timer waits */
    ferry_timer expiry_timer;
    struct pool_thread threads[];
};

void executor_unref(ferry_executor *executor);

/* Start a thread, which gets a reference. Returns 0 or an errno. Under the lock. */
int pool_thread_start(struct pool_thread *thread, const pthread_attr_t *attributes);

/* Keep the invariant of `waking` (pool_thread.c). Under the lock. Returns whom to signal once the
 * lock is free (a thread that is woken under the lock runs into it), or NULL. */
struct pool_thread *executor_wake_next(ferry_executor *executor);

/* Take the most recently parked thread off the stack, to be signalled. Under the lock. */
struct pool_thread *executor_unpark(ferry_executor *executor);

/* Wake a thread that one of these returned; NULL is allowed. */
void pool_thread_signal(struct pool_thread *thread);

/* Send a task back; from here on the loop may have freed it. Not under the lock: when the loop has
 * closed this calls `dropped`. */
void task_post(ferry_task *task);

/* Send back tasks that will never run. Not under the lock. */
void tasks_give_up(struct task_queue *tasks, ferry_code outcome);

/* Tell whether a task has waited past the queue timeout. */
bool task_is_expired(const ferry_task *task, int64_t now_us);

#endif
