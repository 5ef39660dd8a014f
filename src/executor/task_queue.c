/* Two doubly linked lists of tasks, so that a cancelled one leaves in O(1). Guarded by the
 * executor's lock; the nodes live in the tasks, so that nothing here can fail. */
#include "task_queue.h"

void task_queue_push(struct task_queue *queue, struct ferry_task *task)
{
    struct task_line *line = &queue->lines[task->work.background];
    task->next = NULL;
    task->previous = line->last;
    if (line->last)
        line->last->next = task;
    else
        line->first = task;
    line->last = task;
    queue->count++;
    queue->background += task->work.background;
    queue->bytes += task->work.bytes;
}

void task_queue_remove(struct task_queue *queue, struct ferry_task *task, enum task_state state)
{
    struct task_line *line = &queue->lines[task->work.background];
    if (task->previous)
        task->previous->next = task->next;
    else
        line->first = task->next;
    if (task->next)
        task->next->previous = task->previous;
    else
        line->last = task->previous;
    queue->count--;
    queue->background -= task->work.background;
    queue->bytes -= task->work.bytes;
    atomic_store_explicit(&task->state, state, memory_order_relaxed);
}

/* Return which of two waits longer; either may be NULL. */
static struct ferry_task *older(struct ferry_task *a, struct ferry_task *b)
{
    if (!a || !b)
        return a ? a : b;
    return a->submitted_us <= b->submitted_us ? a : b;
}

struct ferry_task *task_queue_first(const struct task_queue *queue)
{
    return older(queue->lines[false].first, queue->lines[true].first);
}

struct ferry_task *task_queue_pop(struct task_queue *queue)
{
    struct ferry_task *task = task_queue_first(queue);
    if (task)
        task_queue_remove(queue, task, TASK_GIVEN_UP);
    return task;
}

static struct ferry_task *first_ready(const struct task_queue *queue)
{
    bool is_background_full = queue->background_busy >= queue->background_most;
    return is_background_full ? queue->lines[false].first : task_queue_first(queue);
}

bool task_queue_is_ready(const struct task_queue *queue)
{
    return first_ready(queue) != NULL;
}

unsigned task_queue_ready(const struct task_queue *queue)
{
    unsigned room = queue->background_most - queue->background_busy;
    unsigned background = queue->background < room ? queue->background : room;
    return queue->count - queue->background + background;
}

bool task_queue_may_run(const struct task_queue *queue, const ferry_task_work *work)
{
    return !work->background || queue->background_busy + queue->background < queue->background_most;
}

struct ferry_task *task_queue_take(struct task_queue *queue)
{
    struct ferry_task *task = first_ready(queue);
    if (!task)
        return NULL;
    task_queue_remove(queue, task, TASK_STARTED);
    queue->background_busy += task->work.background;
    return task;
}

void task_queue_end(struct task_queue *queue, const struct ferry_task *task)
{
    queue->background_busy -= task->work.background;
}
