/*
 * Dispatch: free slots meet due jobs.
 *
 * Memory does not know the waiting jobs, only for each route the earliest time at which one may be
 * due. A claim takes that knowledge along: it sets the time to "none" when it is submitted, jobs
 * that come later lower it again, and the answer lowers it to what is left on disk. Since the store
 * runs operations in their order, nothing falls between.
 *
 * Jobs that take long, or of which that is not known, are claimed when there is a slot for them;
 * short ones ahead of that (ahead.h).
 *
 * A slot is held from the moment when a claim asks for it, so that no two claims count on the same
 * one; so is the route's own room, which its gate keeps (gate.h). Where several routes of a pool
 * are hungry, those of the highest priority go first, and share the free slots evenly; the turn
 * moves on past the last one served: with a single slot they alternate. What a claim ahead brings
 * goes before a lower priority as well, and keeps slots from that while the claim is under way.
 *
 * Jobs are accepted before others start: what gathers for the disk goes there first, and attempts
 * start while it is written. With one core they would only take turns with who writes, and the disk
 * would be idle meanwhile.
 *
 * Due times are on the wall clock and waiting is on the loop's: a wait is cut at RECHECK_MS, so
 * that a step of the wall clock is noticed.
 */
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "ahead.h"
#include "attempt.h"
#include "queue_counts.h"

enum {
    RECHECK_MS = 1000,
    CLAIM_PAUSE_MS = 1000, /* after a claim that failed */
    POOL_PAUSE_MS = 1000,
    MAX_CLAIM = 256,
    CLAIM_BYTES = 4 << 20, /* of what is claimed ahead */
};

/* ---- slots ---- */

static unsigned pool_free_slots(const struct dispatch_pool *pool, int64_t now_ms)
{
    if (now_ms < pool->resume_ms || pool->held >= pool->pool->slots)
        return 0;
    return pool->pool->slots - pool->held;
}

/* Tell whether what is due on disk may be so by a step of the clock only. */
static bool is_shifting(const struct queue *queue, const struct queue_now *now)
{
    return queue->shifting > 0 && now->loop_ms < queue->shift_until_ms;
}

static bool has_due(const struct dispatch_route *route, const struct queue_now *now)
{
    return !route->claiming && route->next_run_at_ms <= now->wall_ms &&
           !is_shifting(route->queue, now);
}

/* What may be claimed ahead needs no slot until it is ready. */
static bool is_hungry(const struct dispatch_route *route, const struct queue_now *now)
{
    bool has_jobs = route->ahead.count > 0 || (has_due(route, now) && ahead_limit(route) == 0);
    return has_jobs && gate_room(&route->gate, now->loop_ms) > 0;
}

/* Tell whether another route of the pool is to have the slots that are free: that is found out at
 * the turn's end. */
static bool are_slots_wanted(const struct dispatch_route *route, const struct queue_now *now)
{
    const struct dispatch_route *at = route->next_in_pool;
    while (at != route && !is_hungry(at, now))
        at = at->next_in_pool;
    return at != route;
}

/* Return how many to claim ahead: no more than there are, so that what comes in meanwhile has room.
 */
static unsigned ahead_wanted(const struct dispatch_route *route)
{
    unsigned room = ahead_room(route);
    if (!route->counts)
        return room;
    const int64_t *counts = route->counts->by_state;
    int64_t waiting =
        counts[JOB_QUEUED] + counts[JOB_SCHEDULED] + counts[JOB_RETRYING] + route->coming_to_wait;
    return waiting > 0 && waiting < room ? (unsigned)waiting : room;
}

/* Tell whether it is to claim ahead now. */
static bool may_claim_more(const struct dispatch_route *route, const struct queue_now *now)
{
    return has_due(route, now) && ahead_is_low(route) && gate_room(&route->gate, now->loop_ms) > 0;
}

/* Return the slots that a route may have: the free ones, but for those that jobs of a higher
 * priority will want, which a claim ahead brings. */
static unsigned free_slots(const struct dispatch_route *route, const struct queue_now *now)
{
    unsigned slots = pool_free_slots(route->pool, now->loop_ms), wanted = 0;
    const struct dispatch_route *at = route->next_in_pool;
    for (; at != route; at = at->next_in_pool) {
        if (at->route.priority <= route->route.priority)
            continue;
        if (at->claiming)
            wanted += at->claim.limit - at->claim_slots;
        else if (may_claim_more(at, now))
            wanted += ahead_wanted(at);
    }
    return slots > wanted ? slots - wanted : 0;
}

static void route_take(struct dispatch_route *route, unsigned count, const struct queue_now *now)
{
    route->pool->held += count;
    route->pending += count;
    gate_take(&route->gate, count, now->loop_ms);
}

/* Tell whether the claim in flight takes all that wait. If jobs that come meanwhile had to wait for
 * it, there would be some whenever it is back, and under load no end of claims. */
static bool claims_all(const struct dispatch_route *route)
{
    return route->counts &&
           route->counts->by_state[JOB_QUEUED] + route->coming_to_wait <= route->claim.limit;
}

/* Tell whether a job that comes in now is the route's next one, and its gate is open. */
static bool is_next(struct dispatch_route *route, const struct queue_now *now)
{
    return !route->queue->draining && route->next_run_at_ms > now->wall_ms &&
           (!route->claiming || claims_all(route)) && gate_room(&route->gate, now->loop_ms) > 0;
}

enum dispatch_place dispatch_take(struct dispatch_route *route, const struct queue_now *now)
{
    if (!is_next(route, now))
        return DISPATCH_WAITS;
    if (ahead_room(route) > 0) {
        route->ahead.coming++;
        return DISPATCH_AHEAD;
    }
    if (route->ahead.count + route->ahead.coming > 0 || free_slots(route, now) == 0 ||
        are_slots_wanted(route, now))
        return DISPATCH_WAITS;
    route_take(route, 1, now);
    return DISPATCH_SLOT;
}

void dispatch_come_ahead(struct dispatch_route *route, unsigned count)
{
    route->ahead.coming -= count;
}

void dispatch_give_back(struct dispatch_route *route, unsigned count)
{
    route->pending -= count;
    if (route->pool)
        route->pool->held -= count;
    gate_give_back(&route->gate, count);
}

struct dispatch_pool *dispatch_begin(struct dispatch_route *route)
{
    route->pending--;
    return route->pool;
}

void dispatch_return(struct dispatch_route *route, struct dispatch_pool *pool)
{
    pool->held--;
    gate_give_back(&route->gate, 1);
}

void dispatch_end(struct dispatch_route *route, struct dispatch_pool *pool, enum gate_end end,
                  int64_t now_ms)
{
    struct gate *gate = &route->gate;
    bool was_shut = gate->shut_until_ms != 0;
    pool->held--;
    if (gate_end(gate, end, now_ms))
        ferry_log(FERRY_LOG_WARN, "a route's jobs are paused: too many failures in a row",
                  "route=%s failures=%u pause_ms=%lld", route->route.name, gate->failures,
                  (long long)gate->shut_ms);
    else if (was_shut && gate->shut_until_ms == 0)
        ferry_log(FERRY_LOG_INFO, "a route's jobs go on: one that tried got through", "route=%s",
                  route->route.name);
}

void dispatch_shut(struct dispatch_route *route, int64_t ms)
{
    gate_shut(&route->gate, ms, ferry_loop_now_ms(route->queue->loop));
    ferry_log(FERRY_LOG_WARN, "a route's jobs are paused: its worker asked for that",
              "route=%s pause_ms=%lld", route->route.name, (long long)ms);
}

void dispatch_pause_pool(const struct queue *queue, struct dispatch_pool *pool)
{
    pool->resume_ms = ferry_loop_now_ms(queue->loop) + POOL_PAUSE_MS;
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
    dispatch_give_back(route, route->claim_slots);
    dispatch_come_ahead(route, claim->limit - route->claim_slots);
    dispatch_expect(route, queue_wall_ms(route->queue) + CLAIM_PAUSE_MS);
}

static void claim_succeeded(struct dispatch_route *route)
{
    struct queue *queue = route->queue;
    struct claim_operation *claim = &route->claim;
    struct claimed_job *jobs = claim->jobs;
    if (claim->count < route->claim_slots)
        dispatch_give_back(route, route->claim_slots - claim->count);
    dispatch_come_ahead(route, claim->limit - route->claim_slots);
    dispatch_expect(route, claim->next_run_at_ms);
    claim->jobs = NULL;
    for (unsigned i = 0; i < claim->count; i++) {
        struct job_change change = {
            .state = JOB_RUNNING,
            .attempt = jobs[i].attempt,
            .version = jobs[i].version,
        };
        queue_changed_state(queue, route->counts, jobs[i].id, (int)jobs[i].was, &change,
                            jobs[i].weight);
        attempt_start(route, &jobs[i], i < route->claim_slots);
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

/* Claim jobs that get a slot, and others ahead. */
static void claim_submit(struct dispatch_route *route, unsigned slots, unsigned ahead,
                         const struct queue_now *now)
{
    route->claim = (struct claim_operation){
        .base = {.kind = OPERATION_CLAIM, .done = on_claimed, .arg = route},
        .route = route->route.name,
        .limit = slots + ahead,
        .least = slots,
        .max_bytes = CLAIM_BYTES,
        .now_ms = now->wall_ms,
    };
    random_bytes(&route->claim.token, sizeof route->claim.token);
    route->claiming = true;
    route->next_run_at_ms = INT64_MAX;
    route->claim_slots = slots;
    route->ahead.coming += ahead;
    route_take(route, slots, now);
    store_write(route->queue->store, &route->claim.base);
}

/* Return the next hungry route of the highest priority; `equals` is how many of that priority are
 * hungry. NULL: none is. */
static struct dispatch_route *pool_next(const struct dispatch_pool *pool,
                                        const struct queue_now *now, unsigned *equals)
{
    struct dispatch_route *next = NULL, *at = pool->turn;
    if (!at)
        return NULL;
    do {
        if (is_hungry(at, now)) {
            if (!next || at->route.priority > next->route.priority) {
                next = at;
                *equals = 0;
            }
            *equals += at->route.priority == next->route.priority;
        }
        at = at->next_in_pool;
    } while (at != pool->turn);
    return next;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Give slots to jobs that are ready, or else to those that a claim will bring. */
static void route_feed(struct dispatch_route *route, unsigned slots, const struct queue_now *now)
{
    if (route->ahead.count == 0) {
        claim_submit(route, least(slots, MAX_CLAIM), 0, now);
        return;
    }
    for (struct attempt *next; slots > 0 && (next = ahead_pop(route, now->loop_ms)); slots--) {
        route_take(route, 1, now);
        attempt_run(next, now->loop_ms);
    }
}

/* Tell whether a route has the slots of its pool to itself: no other one holds any, or waits. */
static bool is_alone(const struct dispatch_route *route, const struct queue_now *now)
{
    return route->gate.running == route->pool->held && !are_slots_wanted(route, now);
}

/* Have short jobs wait in the pool for the threads that run the others: when that becomes empty the
 * loop must wake, and wake a thread, for a job or two. */
static void route_fill_pool(struct dispatch_route *route, const struct queue_now *now)
{
    struct dispatch_pool *pool = route->pool;
    unsigned limit = ahead_pool_limit(route), most = pool->pool->slots + limit;
    if (limit == 0 || pool->held > most - limit / 2 || !is_alone(route, now))
        return;
    struct attempt *next;
    while (pool->held < most && now->loop_ms >= pool->resume_ms &&
           (next = ahead_enter(route, now->loop_ms))) {
        route_take(route, 1, now);
        attempt_run(next, now->loop_ms);
    }
}

static void pool_fill(const struct dispatch_pool *pool, const struct queue_now *now)
{
    struct dispatch_route *at = pool->turn;
    if (!at)
        return;
    do {
        if (at->ahead.count > 0)
            route_fill_pool(at, now);
        at = at->next_in_pool;
    } while (at != pool->turn);
}

static void pool_claim_ahead(const struct dispatch_pool *pool, const struct queue_now *now)
{
    struct dispatch_route *at = pool->turn;
    if (!at)
        return;
    do {
        if (may_claim_more(at, now))
            claim_submit(at, 0, ahead_wanted(at), now);
        at = at->next_in_pool;
    } while (at != pool->turn);
}

static void pool_dispatch(struct dispatch_pool *pool, const struct queue_now *now)
{
    unsigned slots, equals = 0;
    struct dispatch_route *route;
    while (pool_free_slots(pool, now->loop_ms) > 0 && (route = pool_next(pool, now, &equals)) &&
           (slots = free_slots(route, now)) > 0) {
        unsigned share = (slots + equals - 1) / equals;
        pool->turn = route->next_in_pool;
        route_feed(route, least(share, gate_room(&route->gate, now->loop_ms)), now);
    }
    pool_fill(pool, now);
    pool_claim_ahead(pool, now);
}

/* ---- waking up ---- */

static int64_t longest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t nearest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Return how long this route has nothing to do, INT64_MAX when something else will wake it: a slot
 * that becomes free, a claim's answer, a job that comes in. */
static int64_t route_rest_ms(const struct dispatch_route *route, const struct queue_now *now)
{
    if (!route->pool || route->claiming || route->next_run_at_ms == INT64_MAX)
        return INT64_MAX;
    int64_t due_ms =
        route->next_run_at_ms > now->wall_ms ? route->next_run_at_ms - now->wall_ms : 0;
    int64_t gate_ms = gate_rest_ms(&route->gate, now->loop_ms);
    int64_t rest_ms = longest(longest(due_ms, gate_ms), route->pool->resume_ms - now->loop_ms);
    return rest_ms > 0 ? rest_ms : INT64_MAX; /* due, and only waiting for a slot */
}

static void on_wake(void *arg)
{
    struct queue *queue = arg;
    queue->wake = 0;
    dispatch(queue);
}

/* A timer that is early stays: it finds nothing to do, and arms anew. */
static void dispatch_arm(struct queue *queue, const struct queue_now *now)
{
    int64_t rest_ms = INT64_MAX;
    for (struct dispatch_route *at = queue->routes; at; at = at->next) {
        int64_t route_ms = route_rest_ms(at, now);
        int64_t review_ms = ahead_review_ms(at);
        rest_ms = nearest(rest_ms, route_ms);
        if (review_ms != INT64_MAX)
            rest_ms = nearest(rest_ms, review_ms - now->loop_ms);
    }
    int64_t wake_ms = now->loop_ms + nearest(rest_ms, RECHECK_MS);
    if (rest_ms == INT64_MAX || (queue->wake && queue->wake_ms <= wake_ms))
        return;
    ferry_loop_cancel(queue->loop, queue->wake);
    queue->wake = ferry_loop_call_at(queue->loop, wake_ms, on_wake, queue);
    queue->wake_ms = wake_ms;
}

static void dispatch_now(struct queue *queue)
{
    struct queue_now now = queue_now(queue);
    for (struct dispatch_route *at = queue->routes; at; at = at->next)
        ahead_review(at, now.loop_ms);
    for (struct dispatch_pool *pool = queue->pools; pool; pool = pool->next)
        pool_dispatch(pool, &now);
    dispatch_arm(queue, &now);
}

static void on_turn(void *arg)
{
    struct queue *queue = arg;
    queue->turn = 0;
    queue->is_behind_batch = store_is_gathering(queue->store);
    if (!queue->is_behind_batch)
        dispatch_now(queue);
}

void dispatch_batch_gone(struct queue *queue)
{
    bool was_behind = queue->is_behind_batch;
    queue->is_behind_batch = false;
    if (was_behind)
        dispatch_now(queue);
}

bool dispatch_is_due(const struct queue *queue)
{
    return queue->turn || queue->is_behind_batch;
}

void dispatch(struct queue *queue)
{
    if (!queue->started || queue->draining || dispatch_is_due(queue))
        return;
    queue->turn = ferry_loop_call_later(queue->loop, 0, on_turn, queue);
    if (!queue->turn)
        dispatch_now(queue);
}

void dispatch_stop(struct queue *queue)
{
    ferry_loop_cancel(queue->loop, queue->wake);
    ferry_loop_cancel(queue->loop, queue->turn);
    queue->wake = queue->turn = 0;
    queue->is_behind_batch = false;
}
