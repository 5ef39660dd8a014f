/*
 * Retention: final jobs are deleted when their route's time to keep them is over, a batch a write,
 * so that no commit takes long and what is to be acknowledged does not wait. Loop thread.
 *
 * A round goes through all routes that have final jobs, those that are no longer in the config
 * included. The next round begins after a pause.
 */
#include "queue_struct.h"

#include "dispatch.h"
#include "queue_counts.h"

enum {
    ROUND_MS = 60000,
    ROUND_MIN_MS = 500,
    BATCH = 500,
    REMEMBERED_MS = 24 * 60 * 60 * 1000, /* at least so long a retired job is known as gone */
};

static int64_t keep_ms_of(const struct queue *queue, const char *route)
{
    const struct dispatch_route *known = dispatch_route_find(queue, route);
    return known && known->route.keep_ms ? known->route.keep_ms : queue->keep_ms;
}

/* A short retention is to be seen to be short. */
static int64_t round_ms(const struct queue *queue)
{
    int64_t least_ms = queue->keep_ms;
    for (const struct dispatch_route *at = queue->routes; at; at = at->next) {
        if (at->pool && at->route.keep_ms && at->route.keep_ms < least_ms)
            least_ms = at->route.keep_ms;
    }
    int64_t ms = least_ms / 2;
    return ms < ROUND_MIN_MS ? ROUND_MIN_MS : ms > ROUND_MS ? ROUND_MS : ms;
}

static bool has_final(const struct route_counts *counts)
{
    return counts->by_state[JOB_SUCCEEDED] || counts->by_state[JOB_DEAD] ||
           counts->by_state[JOB_CANCELLED];
}

static void on_retired(struct operation *operation);
static void on_round(void *arg);

static void arm_round(struct queue *queue, int64_t delay_ms)
{
    queue->retention = ferry_loop_call_later(queue->loop, delay_ms, on_round, queue);
}

/* Retire jobs of the first route from here on that has final ones. Returns whether there is one. */
static bool retire_from(struct queue *queue, struct route_counts *counts)
{
    while (counts && !has_final(counts))
        counts = counts->next;
    if (!counts)
        return false;
    int64_t now_ms = queue_wall_ms(queue);
    int64_t remembered_ms = queue->keep_ms > REMEMBERED_MS ? queue->keep_ms : REMEMBERED_MS;
    queue->retiring = true;
    queue->retire = (struct retire_operation){
        .base = {.kind = OPERATION_RETIRE, .done = on_retired, .arg = queue},
        .route = counts->route,
        .before_ms = now_ms - keep_ms_of(queue, counts->route),
        .now_ms = now_ms,
        .forget_ms = now_ms - remembered_ms,
        .limit = BATCH,
    };
    store_write(queue->store, &queue->retire.base);
    return true;
}

static void on_round(void *arg)
{
    struct queue *queue = arg;
    queue->retention = 0;
    if (!queue->draining && !retire_from(queue, queue->route_counts))
        arm_round(queue, round_ms(queue));
}

static void on_retired(struct operation *operation)
{
    struct queue *queue = operation->arg;
    const struct retire_operation *retire = &queue->retire;
    struct route_counts *counts = queue_counts_of(queue, retire->route);
    queue->retiring = false;
    if (queue->closing)
        return;
    bool is_behind = false;
    if (operation->error.code == FERRY_OK) {
        for (int state = 0; state < JOB_STATE_COUNT; state++)
            queue_count(queue, counts, state, JOB_NOWHERE, retire->deleted[state], 0);
        is_behind = retire->count == BATCH;
    }
    if (queue->draining || !counts || !retire_from(queue, is_behind ? counts : counts->next))
        arm_round(queue, round_ms(queue));
}

void queue_start_retention(struct queue *queue)
{
    arm_round(queue, 0);
}
