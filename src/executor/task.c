/*
 * Tasks: into the queue, out of it, and back to the loop.
 *
 * A task belongs to the queue while it waits, to the thread that took it while it runs, and to the
 * mailbox on its way back. Exactly one party takes a task out of the queue (a thread, a cancel, the
 * queue timeout, the shutdown), under the lock, and that party posts it: so each admitted task
 * comes back exactly once, and since the queue's node and the mailbox's entry live in the task,
 * neither step can fail.
 */
#include <sched.h>

#include "clock.h"
#include "executor_struct.h"
#include "loop_base.h"
#include "misuse.h"
#include "spare.h"

enum { TASKS_TOGETHER = 16 }; /* of those that are spread */

/* ---- a task's way back ---- */

static void task_free(ferry_task *task)
{
    ferry_loop_unref(task->loop);
    spare_free(task, sizeof *task);
}

static void task_run_done(struct mailbox_entry *entry)
{
    ferry_task *task = (ferry_task *)entry;
    if (task->is_spread)
        loop_take_share(task->loop, TASKS_TOGETHER);
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

void task_post(ferry_task *task)
{
    loop_post(task->loop, &task->entry);
}

static void task_give_up(ferry_task *task, ferry_code outcome)
{
    task->report.outcome = outcome;
    task->report.wait_us = clock_monotonic_us() - task->submitted_us;
    task_post(task);
}

void tasks_give_up(struct task_queue *tasks, ferry_code outcome)
{
    ferry_task *task;
    while ((task = task_queue_pop(tasks)))
        task_give_up(task, outcome);
}

/* ---- the queue timeout ---- */

bool task_is_expired(const ferry_task *task, int64_t now_us)
{
    int64_t limit_ms = task->executor->options.queue_timeout_ms;
    return limit_ms > 0 && now_us - task->submitted_us >= limit_ms * 1000;
}

static void executor_arm_expiry(ferry_executor *executor, ferry_loop *loop, int64_t delay_ms);

/* What has waited longest stands first, so what has expired does. */
static void on_expiry(void *arg)
{
    ferry_executor *executor = arg;
    ferry_loop *loop = executor->expiry_loop;
    struct task_queue expired = {0};
    int64_t now_us = clock_monotonic_us(), oldest_us = 0;
    pthread_mutex_lock(&executor->lock);
    const ferry_task *oldest;
    while ((oldest = task_queue_first(&executor->queue)) && task_is_expired(oldest, now_us))
        task_queue_push(&expired, task_queue_pop(&executor->queue));
    if (oldest)
        oldest_us = oldest->submitted_us;
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
static const char *executor_refusal(ferry_executor *executor, const ferry_task_work *work)
{
    const ferry_executor_options *options = &executor->options;
    const struct task_queue *queue = &executor->queue;
    if (executor->closing) {
        executor->stats.rejected_shut++;
        return "it shuts down";
    }
    /* What a thread is free for does not wait, */
    unsigned idle = options->threads - executor->stats.busy, ready = task_queue_ready(queue);
    if (ready < idle && task_queue_may_run(queue, work))
        return NULL;
    if (queue->count - (ready < idle ? ready : idle) >= options->queue) {
        executor->stats.rejected_full++;
        return "its queue is full";
    }
    /* and what is too large alone may wait alone. */
    if (queue->count > 0 && (queue->bytes > options->queue_bytes ||
                             work->bytes > options->queue_bytes - queue->bytes)) {
        executor->stats.rejected_bytes++;
        return "its queue carries too many bytes";
    }
    return NULL;
}

/*
 * Decide whether a task that went into the queue is spread. Under the lock. Tells whether the loop
 * should give way.
 *
 * Tasks that came together, and have threads for all that wait, would otherwise begin, end and be
 * answered together, each when all are that far; and so would what their clients ask for next. So
 * they take each step few at a time: the loop gives its core to a thread that was woken
 * TASKS_TOGETHER of them ago and has not come, and looks at the sockets after as many `done`s.
 * Background tasks have nobody who waits, and go best all at once; so do those that wait for a
 * thread.
 */
static bool executor_spread(ferry_executor *executor, ferry_task *task)
{
    unsigned idle = executor->alive - executor->stats.busy;
    task->is_spread = !task->work.background && task_queue_ready(&executor->queue) <= idle;
    if (!executor->waking || !task->is_spread || ++executor->kept_waiting < TASKS_TOGETHER)
        return false;
    executor->kept_waiting = 0;
    return true;
}

ferry_task *ferry_executor_submit(ferry_executor *executor, ferry_loop *loop,
                                  const ferry_task_work *work, ferry_error *error)
{
    LOOP_CHECK(loop);
    CHECK_FUNCTION(work->run && work->done);
    ferry_task *task = spare_new(sizeof *task);
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
    bool give_way = false;
    pthread_mutex_lock(&executor->lock);
    const char *refusal = executor_refusal(executor, work);
    if (!refusal) {
        executor->stats.submitted++;
        task_queue_push(&executor->queue, task);
        next = executor_wake_next(executor);
        give_way = executor_spread(executor, task);
    }
    pthread_mutex_unlock(&executor->lock);
    pool_thread_signal(next);
    if (give_way)
        sched_yield();
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
