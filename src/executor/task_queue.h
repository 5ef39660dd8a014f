/*
 * A task, and the queue that it waits in: first in, first out, counted and weighed.
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
    _Atomic enum task_state state; /* changes once, in task_queue_remove */
    int64_t submitted_us;
    ferry_task_report report; /* written by whoever took it out of the queue */
};

struct task_queue {
    struct ferry_task *first;
    struct ferry_task *last;
    unsigned count;
    size_t bytes;
};

void task_queue_push(struct task_queue *queue, struct ferry_task *task);

/* Take a task out; `state` is what it becomes. */
void task_queue_remove(struct task_queue *queue, struct ferry_task *task, enum task_state state);

/* Take the first one out; NULL when empty. */
struct ferry_task *task_queue_pop(struct task_queue *queue, enum task_state state);

#endif
