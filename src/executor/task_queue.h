/*
 * A task, and the queue that it waits in: first in, first out, counted and weighed.
 * The caller holds the executor's lock around every function here.
 */
#ifndef EXECUTOR_TASK_QUEUE_H
#define EXECUTOR_TASK_QUEUE_H

#include <stdatomic.h>

#include <ferry/executor.h>

#include "mailbox.h"

struct ferry_task {
    struct mailbox_entry entry; /* carries it back to the loop */
    struct ferry_task *next;    /* in the queue; guarded by the executor's lock */
    struct ferry_task *previous;
    ferry_executor *executor;
    ferry_loop *loop; /* a reference */
    ferry_task_work work;
    atomic_bool started; /* a thread has taken it, or it was given up: not in the queue any more */
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
struct ferry_task *task_queue_pop(struct task_queue *queue); /* NULL when empty */
void task_queue_remove(struct task_queue *queue, struct ferry_task *task);

#endif
