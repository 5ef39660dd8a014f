/*
 * A task, and the queue that it waits in: first in, first out, counted and weighed. Background
 * tasks wait in a line of their own, so that those which may not run yet are not in the way.
 *
 * The caller holds the executor's lock around every function here.
 */
#ifndef EXECUTOR_TASK_QUEUE_H
#define EXECUTOR_TASK_QUEUE_H

#include <stdatomic.h>

#include <ferry/executor.h>

#include "mailbox.h"

enum task_state {
    TASK_WAITS,    /* in the queue */
    TASK_STARTED,  /* a thread has taken it */
    TASK_GIVEN_UP, /* on its way back without having run */
};

struct ferry_task {
    struct mailbox_entry entry; /* carries it back to the loop */
    struct ferry_task *next;    /* in the queue; guarded by the executor's lock */
    struct ferry_task *previous;
    ferry_executor *executor;
    ferry_loop *loop; /* a reference */
    ferry_task_work work;
    bool is_spread;                /* its `done` takes a share of a turn: executor_spread */
    _Atomic enum task_state state; /* changes once, in task_queue_remove */
    int64_t submitted_us;
    ferry_task_report report; /* written by whoever took it out of the queue */
};

struct task_line {
    struct ferry_task *first;
    struct ferry_task *last;
};

struct task_queue {
    struct task_line lines[2]; /* by work.background */
    unsigned count;            /* in both, */
    unsigned background;       /* and in that one */
    size_t bytes;
    unsigned background_busy; /* background tasks that have been taken and not ended */
    unsigned background_most; /* as many may be */
};

void task_queue_push(struct task_queue *queue, struct ferry_task *task);

/* Take a task out; `state` is what it becomes. */
void task_queue_remove(struct task_queue *queue, struct ferry_task *task, enum task_state state);

/* Return the one that waits longest, whether it may run or not; NULL when empty. */
struct ferry_task *task_queue_first(const struct task_queue *queue);

/* Take that one out, to be given up; NULL when empty. */
struct ferry_task *task_queue_pop(struct task_queue *queue);

/* Tell whether one waits that a thread may run now, how many do, and whether another one may. */
bool task_queue_is_ready(const struct task_queue *queue);
unsigned task_queue_ready(const struct task_queue *queue);
bool task_queue_may_run(const struct task_queue *queue, const ferry_task_work *work);

/* Take the one out of these that waits longest, to be run, and task_queue_end when it has been;
 * NULL: there is none. */
struct ferry_task *task_queue_take(struct task_queue *queue);
void task_queue_end(struct task_queue *queue, const struct ferry_task *task);

#endif
