/*
 * Dispatch: free slots meet due jobs.
 *
 * Memory does not know the waiting jobs, only for each route the earliest time at which one may be
 * due. A claim takes that knowledge along: it sets the time to "none" when it is submitted, jobs
 * that come later lower it again, and the answer lowers it to what is left on disk. Since the store
 * runs operations in their order, nothing falls between.
 *
 * A slot is held from the moment when a claim asks for it, so that no two claims count on the same
 * one. Where several routes of a pool are hungry, they share its free slots evenly, and the turn
 * moves on past the last one served: with a single slot they alternate.
 *
 * Due times are on the wall clock and waiting is on the loop's: a wait is cut at RECHECK_MS, so
 * that a step of the wall clock is noticed.
 */
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "attempt.h"
#include "clock.h"
#include "queue_metrics.h"

enum {
    RECHECK_MS = 30000,
    CLAIM_PAUSE_MS = 1000, /* after a claim that failed */
    POOL_PAUSE_MS = 1000,
    MAX_CLAIM = 256,
};

/* ---- slots ---- */

static unsigned pool_free_slots(const struct dispatch_pool *pool, int64_t now_ms)
{
    if (now_ms < pool->resume_ms || pool->held >= pool->pool->slots)
        return 0;
    return pool->pool->slots - pool->held;
}

static bool is_hungry(const struct dispatch_route *route, int64_t wall_ms)
{
    return !route->claiming && route->next_run_at_ms <= wall_ms;
}

bool dispatch_take_slot(struct dispatch_route *route)
{
    const struct queue *queue = route->queue;
    if (!queue->started || queue->draining || route->claiming ||
        is_hungry(route, clock_wall_ms()) ||
        pool_free_slots(route->pool, ferry_loop_now_ms(queue->loop)) == 0)
        return false;
    route->pool->held++;
    return true;
}

void dispatch_free_slot(struct dispatch_route *route)
{
    route->pool->held--;
}

void dispatch_pause_pool(struct dispatch_route *route)
{
    route->pool->resume_ms = ferry_loop_now_ms(route->queue->loop) + POOL_PAUSE_MS;
}

void dispatch_expect(struct dispatch_route *route, int64_t run_at_ms)
{
    if (run_at_ms < route->next_run_at_ms)
        route->next_run_at_ms = run_at_ms;
}

/* ---- claims ---- */

/* A failed claim has changed nothing, as far as it is known. */
static void claim_failed(struct dispatch_route *route)
{
    struct claim_operation *claim = &route->claim;
    ferry_log(FERRY_LOG_WARN, "jobs could not be claimed", "route=%s error=%s", route->route.name,
              claim->base.error.message);
    if (claim->base.in_doubt)
        queue_undo(route->queue, NULL, claim->token);
    claim_operation_fini(claim);
    route->pool->held -= claim->limit;
    dispatch_expect(route, clock_wall_ms() + CLAIM_PAUSE_MS);
}

static void claim_succeeded(struct dispatch_route *route)
{
    struct queue *queue = route->queue;
    struct claim_operation *claim = &route->claim;
    struct claimed_job *jobs = claim->jobs;
    route->pool->held -= claim->limit - claim->count;
    dispatch_expect(route, claim->next_run_at_ms);
    claim->jobs = NULL;
    for (unsigned i = 0; i < claim->count; i++) {
        queue_count(queue, jobs[i].was, -1);
        queue_count(queue, JOB_RUNNING, +1);
        attempt_start(route, &jobs[i]);
    }
    free(jobs);
}

static void on_claimed(struct operation *operation)
{
    struct dispatch_route *route = operation->arg;
    if (operation->error.code)
        claim_failed(route);
    else
        claim_succeeded(route);
    route->claiming = false; /* only now: the loop above reads the claim */
    dispatch(route->queue);
}

static void claim_submit(struct dispatch_route *route, unsigned limit)
{
    route->claim = (struct claim_operation){
        .base = {.kind = OPERATION_CLAIM, .done = on_claimed, .arg = route},
        .route = route->route.name,
        .limit = limit,
        .now_ms = clock_wall_ms(),
    };
    random_bytes(&route->claim.token, sizeof route->claim.token);
    route->claiming = true;
    route->next_run_at_ms = INT64_MAX;
    route->pool->held += limit;
    store_write(route->queue->store, &route->claim.base);
}

static unsigned pool_count_hungry(const struct dispatch_pool *pool, int64_t wall_ms)
{
    unsigned hungry = 0;
    const struct dispatch_route *at = pool->turn;
    do {
        hungry += is_hungry(at, wall_ms);
        at = at->next_in_pool;
    } while (at != pool->turn);
    return hungry;
}

static void pool_dispatch(struct queue *queue, struct dispatch_pool *pool)
{
    int64_t wall_ms = clock_wall_ms();
    unsigned hungry = pool_count_hungry(pool, wall_ms);
    unsigned slots;
    struct dispatch_route *at = pool->turn;
    while (hungry > 0 && (slots = pool_free_slots(pool, ferry_loop_now_ms(queue->loop))) > 0) {
        if (is_hungry(at, wall_ms)) {
            unsigned share = (slots + hungry - 1) / hungry;
            claim_submit(at, share < MAX_CLAIM ? share : MAX_CLAIM);
            hungry--;
            pool->turn = at->next_in_pool;
        }
        at = at->next_in_pool;
    }
}

/* ---- waking up ---- */

/* Return how long this route has nothing to do, INT64_MAX when something else will wake it: a slot
 * that becomes free, a claim's answer, a job that comes in. */
static int64_t route_rest_ms(const struct dispatch_route *route, int64_t wall_ms, int64_t now_ms)
{
    if (route->claiming || route->next_run_at_ms == INT64_MAX)
        return INT64_MAX;
    int64_t rest_ms = route->next_run_at_ms - wall_ms;
    int64_t pause_ms = route->pool->resume_ms - now_ms;
    if (rest_ms <= 0 && pause_ms <= 0)
        return INT64_MAX; /* due, and only waiting for a slot */
    return rest_ms > pause_ms ? rest_ms : pause_ms;
}

static void on_wake(void *arg)
{
    struct queue *queue = arg;
    queue->wake = 0;
    dispatch(queue);
}

static void dispatch_arm(struct queue *queue)
{
    int64_t wall_ms = clock_wall_ms(), now_ms = ferry_loop_now_ms(queue->loop);
    int64_t rest_ms = INT64_MAX;
    for (struct dispatch_route *at = queue->routes; at; at = at->next) {
        int64_t route_ms = route_rest_ms(at, wall_ms, now_ms);
        rest_ms = route_ms < rest_ms ? route_ms : rest_ms;
    }
    ferry_loop_cancel(queue->loop, queue->wake);
    queue->wake = 0;
    if (rest_ms == INT64_MAX)
        return;
    queue->wake = ferry_loop_call_later(queue->loop, rest_ms < RECHECK_MS ? rest_ms : RECHECK_MS,
                                        on_wake, queue);
}

void dispatch(struct queue *queue)
{
    if (!queue->started || queue->draining)
        return;
    for (struct dispatch_pool *pool = queue->pools; pool; pool = pool->next)
        pool_dispatch(queue, pool);
    dispatch_arm(queue);
}

/* ---- routes and pools ---- */

static struct dispatch_pool *pool_get(struct queue *queue, struct queue_pool *wanted)
{
    for (struct dispatch_pool *at = queue->pools; at; at = at->next) {
        if (at->pool == wanted)
            return at;
    }
    struct dispatch_pool *pool = calloc(1, sizeof *pool);
    if (pool) {
        pool->pool = wanted;
        pool->next = queue->pools;
        queue->pools = pool;
    }
    return pool;
}

static void ring_insert(struct dispatch_pool *pool, struct dispatch_route *route)
{
    if (!pool->turn) {
        pool->turn = route;
        route->next_in_pool = route;
        return;
    }
    route->next_in_pool = pool->turn->next_in_pool;
    pool->turn->next_in_pool = route;
}

struct dispatch_route *dispatch_route_new(struct queue *queue, const struct queue_route *route)
{
    struct dispatch_route *made = calloc(1, sizeof *made);
    struct dispatch_pool *pool = made ? pool_get(queue, route->pool) : NULL;
    if (!pool) {
        free(made);
        return NULL;
    }
    made->queue = queue;
    made->route = *route;
    made->pool = pool;
    ring_insert(pool, made);
    made->next = queue->routes;
    queue->routes = made;
    return made;
}

struct dispatch_route *dispatch_route_find(const struct queue *queue, const char *name)
{
    struct dispatch_route *at = queue->routes;
    while (at && strcmp(at->route.name, name) != 0)
        at = at->next;
    return at;
}

void dispatch_free(struct queue *queue)
{
    ferry_loop_cancel(queue->loop, queue->wake);
    while (queue->routes) {
        struct dispatch_route *route = queue->routes;
        queue->routes = route->next;
        free(route);
    }
    while (queue->pools) {
        struct dispatch_pool *pool = queue->pools;
        queue->pools = pool->next;
        free(pool);
    }
}
