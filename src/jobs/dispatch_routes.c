/*
 * The routes and pools that dispatch goes by: a list of each, and the routes of a pool in a ring.
 * Loop thread.
 */
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "queue_counts.h"

/* ---- pools ---- */

struct dispatch_pool *dispatch_pool_get(struct queue *queue, struct queue_pool *pool)
{
    for (struct dispatch_pool *at = queue->pools; at; at = at->next) {
        if (at->pool == pool)
            return at;
    }
    struct dispatch_pool *made = calloc(1, sizeof *made);
    if (made) {
        made->pool = pool;
        made->next = queue->pools;
        queue->pools = made;
    }
    return made;
}

bool dispatch_pool_forget(struct queue *queue, const struct queue_pool *pool)
{
    struct dispatch_pool **at = &queue->pools;
    while (*at && (*at)->pool != pool)
        at = &(*at)->next;
    struct dispatch_pool *found = *at;
    if (!found)
        return true;
    if (found->turn || found->held > 0)
        return false;
    *at = found->next;
    free(found);
    return true;
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

static void ring_remove(struct dispatch_pool *pool, struct dispatch_route *route)
{
    struct dispatch_route *before = route;
    while (before->next_in_pool != route)
        before = before->next_in_pool;
    before->next_in_pool = route->next_in_pool;
    if (pool->turn == route)
        pool->turn = before == route ? NULL : route->next_in_pool;
}

/* ---- routes ---- */

static struct dispatch_route *find_any(const struct queue *queue, const char *name)
{
    struct dispatch_route *at = queue->routes;
    while (at && strcmp(at->route.name, name) != 0)
        at = at->next;
    return at;
}

struct dispatch_route *dispatch_route_find(const struct queue *queue, const char *name)
{
    struct dispatch_route *found = find_any(queue, name);
    return found && found->pool ? found : NULL;
}

struct dispatch_route *dispatch_route_get(struct queue *queue, const char *name)
{
    struct dispatch_route *route = find_any(queue, name);
    if (route)
        return route;
    route = calloc(1, sizeof *route);
    char *copy = strdup(name);
    if (!route || !copy) {
        free(route);
        free(copy);
        return NULL;
    }
    route->queue = queue;
    route->route.name = copy;
    route->gate.route = &route->route;
    route->counts = queue_counts_of(queue, name);
    route->next = queue->routes;
    return queue->routes = route;
}

/* Jobs may have come to wait while the route was not known; a claim finds out. */
void dispatch_route_set(struct dispatch_route *route, const struct queue_route *settings,
                        struct dispatch_pool *pool)
{
    const char *name = route->route.name;
    if (!route->pool)
        route->next_run_at_ms = 0;
    if (route->pool != pool) {
        dispatch_route_unset(route);
        pool->held += route->pending;
        ring_insert(pool, route);
    }
    route->pool = pool;
    route->route = *settings;
    route->route.name = name;
}

void dispatch_route_unset(struct dispatch_route *route)
{
    if (!route->pool)
        return;
    ahead_give_back(route);
    route->pool->held -= route->pending;
    ring_remove(route->pool, route);
    route->pool = NULL;
}

void dispatch_free(struct queue *queue)
{
    dispatch_stop(queue);
    while (queue->routes) {
        struct dispatch_route *route = queue->routes;
        queue->routes = route->next;
        free((char *)route->route.name);
        free(route);
    }
    while (queue->pools) {
        struct dispatch_pool *pool = queue->pools;
        queue->pools = pool->next;
        free(pool);
    }
}
