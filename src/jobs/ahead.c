/*
 * Jobs that are claimed ahead: how many, the list of those that are ready, and those that wait for
 * a thread in the pool. Loop thread.
 *
 * How long an attempt takes is the longest one lately: it rises with a single long one at once, and
 * falls by a part with each short one.
 */
#include "ahead.h"

#include <string.h>

#include "attempt_struct.h"

enum {
    SHORT_US = 50000,
    WINDOW_US = 15000,   /* what is claimed ahead is through within this time */
    PATIENCE_MS = 200,   /* or is given back when none has got a slot for this one */
    LIMIT_MAX = 512,     /* of a route */
    LIMIT_MIN = 8,       /* fewer are not worth it */
    POOL_PART = 8,       /* a part of them may wait in the pool: some 2 ms of work */
    FALL = 16,           /* a part of so many, with each attempt */
    BYTES_MAX = 4 << 20, /* of inputs in memory */
};

/* ---- how many ---- */

static bool may_claim_ahead(const struct dispatch_route *route)
{
    const struct gate *gate = &route->gate;
    return route->pool && route->ahead.is_known && store_started(route->queue->store) &&
           !route->route.concurrency && !route->route.rate_count &&
           route->route.max_result_bytes <= JOB_RESULT_BYTES && !gate->is_paused &&
           !gate->shut_until_ms;
}

unsigned ahead_limit(const struct dispatch_route *route)
{
    if (!may_claim_ahead(route))
        return 0;
    int64_t run_us = route->ahead.run_us > 0 ? route->ahead.run_us : 1;
    int64_t limit = WINDOW_US * (int64_t)route->pool->pool->slots / run_us;
    if (limit < LIMIT_MIN)
        return 0;
    return limit < LIMIT_MAX ? (unsigned)limit : LIMIT_MAX;
}

bool ahead_is_short(const struct dispatch_route *route)
{
    return route->ahead.is_known && route->ahead.run_us <= SHORT_US;
}

unsigned ahead_room(const struct dispatch_route *route)
{
    const struct ahead *ahead = &route->ahead;
    unsigned limit = ahead_limit(route), used = ahead->count + ahead->coming + ahead->in_pool;
    return used < limit && ahead->bytes < BYTES_MAX ? limit - used : 0;
}

/* A breaker counts failures one by one: nothing is to start behind its back. */
unsigned ahead_pool_limit(const struct dispatch_route *route)
{
    if (route->route.breaker_failures)
        return 0;
    unsigned limit = ahead_limit(route) / POOL_PART,
             most = route->pool ? route->pool->pool->ahead : 0;
    return limit < most ? limit : most;
}

bool ahead_is_low(const struct dispatch_route *route)
{
    return ahead_room(route) > ahead_limit(route) / 2;
}

void ahead_measure(struct dispatch_route *route, int64_t run_us)
{
    struct ahead *ahead = &route->ahead;
    ahead->is_known = true;
    ahead->run_us -= ahead->run_us / FALL;
    if (run_us > ahead->run_us)
        ahead->run_us = run_us;
}

/* ---- those that are ready ---- */

void ahead_push(struct dispatch_route *route, struct attempt *attempt)
{
    struct ahead *ahead = &route->ahead;
    if (!ahead->first)
        ahead->moved_ms = ferry_loop_now_ms(route->queue->loop);
    attempt->next = NULL;
    attempt->link = ahead->first ? ahead->end : &ahead->first;
    *attempt->link = attempt;
    ahead->end = &attempt->next;
    ahead->count++;
    ahead->bytes += (int64_t)attempt->input.length;
}

static void ahead_remove(struct dispatch_route *route, struct attempt *attempt)
{
    struct ahead *ahead = &route->ahead;
    *attempt->link = attempt->next;
    if (attempt->next)
        attempt->next->link = attempt->link;
    else
        ahead->end = attempt->link;
    ahead->count--;
    ahead->bytes -= (int64_t)attempt->input.length;
}

struct attempt *ahead_pop(struct dispatch_route *route, int64_t now_ms)
{
    struct attempt *first = route->ahead.first;
    if (first)
        ahead_remove(route, first);
    route->ahead.moved_ms = now_ms;
    return first;
}

struct attempt *ahead_enter(struct dispatch_route *route, int64_t now_ms)
{
    struct attempt *first = ahead_pop(route, now_ms);
    if (first) {
        first->is_ahead = true;
        route->ahead.in_pool++;
        route->ahead.bytes += (int64_t)first->input.length;
    }
    return first;
}

void ahead_leave(struct attempt *attempt, int64_t now_ms)
{
    if (!attempt->is_ahead)
        return;
    struct ahead *ahead = &attempt->route->ahead;
    attempt->is_ahead = false;
    ahead->in_pool--;
    ahead->bytes -= (int64_t)attempt->input.length;
    ahead->moved_ms = now_ms;
}

struct attempt *ahead_take(struct queue *queue, const char *id)
{
    for (struct dispatch_route *route = queue->routes; route; route = route->next) {
        for (struct attempt *at = route->ahead.first; at; at = at->next) {
            if (strcmp(at->id, id) == 0) {
                ahead_remove(route, at);
                return at;
            }
        }
    }
    return NULL;
}

/* ---- giving back ---- */

static bool has_any(const struct dispatch_route *route)
{
    return route->ahead.first || route->ahead.in_pool > 0;
}

void ahead_give_back(struct dispatch_route *route)
{
    struct attempt *attempt;
    while ((attempt = route->ahead.first)) {
        ahead_remove(route, attempt);
        attempt_give_back(attempt);
    }
    if (route->ahead.in_pool > 0)
        attempts_withdraw(route);
}

void ahead_review(struct dispatch_route *route, int64_t now_ms)
{
    if (!has_any(route))
        return;
    if (now_ms >= ahead_review_ms(route))
        ahead_measure(route, PATIENCE_MS * INT64_C(1000));
    if (ahead_limit(route) == 0)
        ahead_give_back(route);
}

int64_t ahead_review_ms(const struct dispatch_route *route)
{
    return has_any(route) ? route->ahead.moved_ms + PATIENCE_MS : INT64_MAX;
}
