/*
 * Retention: final jobs are deleted when their route's time to keep them is over, a batch a write,
 * so that no commit takes long and what is to be acknowledged does not wait. Loop thread.
 *
 * A round goes through all routes that have final jobs, those that are no longer in the config
 * included. The next round begins after a pause.
 *
 * The ids of deleted jobs are remembered for a time, and `max_remembered` of them: past that the
 * oldest are forgotten. Each write forgets a batch, and a round begins with as many as it takes.
 * Counting them takes a look at all, so it is done once, and their number then follows each write;
 * after one that failed it is done again.
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

static bool remembers_too_many(const struct queue *queue)
{
    return queue->remembered > queue->max_remembered;
}

/* The time before which ids are forgotten: the oldest go first, so with too many any will do. */
static int64_t forget_ms(const struct queue *queue, int64_t now_ms)
{
    int64_t remembered_ms = queue->keep_ms > REMEMBERED_MS ? queue->keep_ms : REMEMBERED_MS;
    return remembers_too_many(queue) ? INT64_MAX : now_ms - remembered_ms;
}

/* Retire jobs of a route, and forget ids; of no route: only that. */
static void retire(struct queue *queue, const char *route)
{
    int64_t now_ms = queue_wall_ms(queue);
    queue->retiring = true;
    queue->retire = (struct retire_operation){
        .base = {.kind = OPERATION_RETIRE, .done = on_retired, .arg = queue},
        .route = route,
        .before_ms = route ? now_ms - keep_ms_of(queue, route) : 0,
        .now_ms = now_ms,
        .forget_ms = forget_ms(queue, now_ms),
        .limit = BATCH,
        .counts_ids = queue->remembered < 0,
    };
    store_write(queue->store, &queue->retire.base);
}

/* Retire jobs of the first route from here on that has final ones; if none has, pause. */
static void retire_from(struct queue *queue, const struct route_counts *counts)
{
    while (counts && !has_final(counts))
        counts = counts->next;
    if (counts && !queue->draining)
        retire(queue, counts->route);
    else
        arm_round(queue, round_ms(queue));
}

static void on_round(void *arg)
{
    struct queue *queue = arg;
    queue->retention = 0;
    if (queue->draining)
        return;
    if (queue->remembered != 0)
        retire(queue, NULL);
    else
        retire_from(queue, queue->route_counts);
}

/* ---- what was retired ---- */

static void count_retired(struct queue *queue, struct route_counts *counts)
{
    const struct retire_operation *retire = &queue->retire;
    for (int state = 0; state < JOB_STATE_COUNT; state++)
        queue_count(queue, counts, state, JOB_NOWHERE, retire->deleted[state], 0);
    if (retire->counts_ids)
        queue->remembered = retire->remembered;
    else
        queue_count_remembered(queue, retire->count - retire->forgotten);
}

/* Jobs of its route are left, or too many ids, or old ones. */
static bool is_behind(const struct queue *queue)
{
    const struct retire_operation *retire = &queue->retire;
    if (retire->route)
        return retire->count >= BATCH;
    return retire->forgotten == BATCH || (retire->counts_ids && remembers_too_many(queue));
}

static void on_retired(struct operation *operation)
{
    struct queue *queue = operation->arg;
    const char *route = queue->retire.route;
    struct route_counts *counts = route ? queue_counts_of(queue, route) : NULL;
    bool is_done = operation->error.code == FERRY_OK;
    queue->retiring = false;
    if (queue->closing)
        return;
    if (is_done)
        count_retired(queue, counts);
    else
        queue->remembered = -1;
    if (is_done && is_behind(queue) && !queue->draining)
        retire(queue, route);
    else
        retire_from(queue, !route ? queue->route_counts : counts ? counts->next : NULL);
}

void queue_start_retention(struct queue *queue)
{
    arm_round(queue, 0);
}
