/* A doubly linked list of tasks, so that a cancelled one leaves in O(1). Guarded by the executor's
 * lock; the nodes live in the tasks, so that nothing here can fail. */
#include "task_queue.h"

void task_queue_push(struct task_queue *queue, struct ferry_task *task)
{
    task->next = NULL;
    task->previous = queue->last;
    if (queue->last)
        queue->last->next = task;
    else
        queue->first = task;
    queue->last = task;
    queue->count++;
    queue->bytes += task->work.bytes;
}

void task_queue_remove(struct task_queue *queue, struct ferry_task *task, enum task_state state)
{
    if (task->previous)
        task->previous->next = task->next;
    else
        queue->first = task->next;
    if (task->next)
        task->next->previous = task->previous;
    else
        queue->last = task->previous;
    queue->count--;
    queue->bytes -= task->work.bytes;
    atomic_store_explicit(&task->state, state, memory_order_relaxed);
}

struct ferry_task *task_queue_pop(struct task_queue *queue, enum task_state state)
{
    struct ferry_task *task = queue->first;
    if (task)
        task_queue_remove(queue, task, state);
    return task;
}
