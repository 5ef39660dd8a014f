/*
 * The routes that the queue knows, and replacing them while jobs run. Loop thread.
 *
 * A route keeps its dispatch_route for the queue's life, by its name: so its gate stays as it is
 * (paused, shut, its rate and what runs of it), and attempts, claims and inserts under way find it.
 * An attempt ends under the worker and in the pool that it began with; what is claimed after the
 * change, and what a claim under way brings, goes by the new ones.
 */
#include <string.h>

#include <ferry/log.h>

#include "dispatch.h"
#include "queue_metrics.h"

/* Make what a route needs. Returns false without memory. */
static bool prepare(struct queue *queue, const struct queue_route *route)
{
    struct dispatch_route *made = dispatch_route_get(queue, route->name);
    if (!made || !dispatch_pool_get(queue, route->pool))
        return false;
    for (int i = 0; i < ATTEMPT_OUTCOME_COUNT; i++) {
        if (!made->outcomes[i])
            made->outcomes[i] =
                queue_metrics_outcome(queue->metrics, route->name, (enum attempt_outcome)i);
    }
    queue_metrics_bind_route(made, true);
    return true;
}

/* A pause on disk is that of a route which was not known before; later ones its gate has. */
static void take(struct queue *queue, const struct queue_route *route)
{
    struct dispatch_route *made = dispatch_route_get(queue, route->name);
    bool is_new = made->route.attempts == 0;
    dispatch_route_set(made, route, dispatch_pool_get(queue, route->pool));
    if (!is_new || !named_time_find(queue->paused, route->name))
        return;
    made->gate.is_paused = true;
    ferry_log(FERRY_LOG_WARN, "the jobs of a route are paused", "route=%s hint=%s", route->name,
              "ferry jobs resume");
}

static bool is_among(const char *name, const struct queue_route *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].name, name) == 0)
            return true;
    }
    return false;
}

int queue_set_routes(struct queue *queue, const struct queue_route *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!prepare(queue, &routes[i])) {
            for (size_t k = 0; k <= i; k++)
                dispatch_pool_forget(queue, routes[k].pool);
            return FERRY_INTERNAL;
        }
    }
    for (struct dispatch_route *at = queue->routes; at; at = at->next) {
        if (!is_among(at->route.name, routes, count))
            dispatch_route_unset(at);
    }
    for (size_t i = 0; i < count; i++)
        take(queue, &routes[i]);
    if (queue->started)
        queue_report_unknown(queue);
    dispatch(queue);
    return 0;
}

bool queue_forget_pool(struct queue *queue, const struct queue_pool *pool)
{
    return dispatch_pool_forget(queue, pool);
}

void queue_set_limits(struct queue *queue, int64_t max_pending, int64_t max_bytes, int64_t keep_ms)
{
    queue->max_pending = max_pending;
    queue->max_bytes = max_bytes;
    queue->keep_ms = keep_ms;
}

void queue_report_unknown(const struct queue *queue)
{
    for (const struct route_counts *at = queue->route_counts; at; at = at->next) {
        int64_t waiting =
            at->by_state[JOB_SCHEDULED] + at->by_state[JOB_QUEUED] + at->by_state[JOB_RETRYING];
        if (waiting > 0 && !dispatch_route_find(queue, at->route))
            ferry_log(FERRY_LOG_WARN, "jobs of a route that is not configured stay as they are",
                      "route=%s jobs=%lld", at->route, (long long)waiting);
    }
}
