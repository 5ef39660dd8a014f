/*
 * Generations. generation_open and generation_close run on any thread, where nobody else has the
 * generation; all else on the loop's.
 */
#include "generation.h"

#include <stdlib.h>
#include <string.h>

#include "callbacks.h"
#include "clock.h"
#include "digest.h"

/* ---- opening ---- */

/* Tell whether all that the pool's threads have run is in the new registry as well. */
static bool has_all_workers(const struct registry *registry, const struct pool *pool)
{
    for (size_t i = 0; i < pool->worker_count; i++) {
        if (registry_find(registry, pool->workers[i]->name) != pool->workers[i])
            return false;
    }
    return true;
}

static struct pool *share_pool(const struct generation *before, const struct registry *registry,
                               const struct config_pool *config)
{
    struct pool *pool = before ? generation_pool(before, config->name) : NULL;
    bool fits = pool && pool_is_like(pool, config) && has_all_workers(registry, pool);
    return fits ? pool_ref(pool) : NULL;
}

static int open_pools(struct generation *made, const struct generation *before, ferry_error *error)
{
    const struct config *config = made->config;
    made->pools = calloc(config->pool_count + 1, sizeof(struct pool *));
    if (!made->pools)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    for (size_t i = 0; i < config->pool_count; i++) {
        struct pool *pool = share_pool(before, made->registry, &config->pools[i]);
        made->shared_pool_count += pool != NULL;
        pool = pool ? pool : pool_new(&config->pools[i], error);
        if (!pool)
            return error->code;
        made->pools[made->pool_count++] = pool;
    }
    return 0;
}

/* A password that is proven is known by its digest. */
static int prepare_auth(const struct config *config, ferry_error *error)
{
    bool needs_digests = false;
    for (const struct config_auth *auth = config->auths; auth; auth = auth->next)
        needs_digests |= auth->has_bearer || auth->has_basic;
    if (!needs_digests || digest_prepare())
        return 0;
    return ferry_error_set(error, FERRY_INTERNAL, "auth: no digest can be made");
}

/* The executors of its pools have taken no task, so that this thread may free them. */
static void discard(struct generation *made)
{
    if (generation_close(made, 0) == 0)
        generation_free(made);
}

struct generation *generation_open(struct config *config, struct registry *registry,
                                   const struct generation *before, ferry_error *error)
{
    struct generation *made = calloc(1, sizeof *made);
    if (!made) {
        config_free(config);
        registry_free(registry);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    made->config = config;
    made->registry = registry;
    int rc =
        callbacks_open(&config->callbacks, config->state, registry, &made->callback_worker, error);
    if (rc == 0)
        rc = prepare_auth(config, error);
    if (rc == 0)
        rc = open_pools(made, before, error);
    if (rc == 0)
        return made;
    discard(made);
    return NULL;
}

/* ---- closing ---- */

static int stop_pools(struct generation *generation, int64_t deadline_ms)
{
    int64_t until_ms = clock_monotonic_ms() + deadline_ms;
    int rc = 0;
    for (size_t i = 0; i < generation->pool_count; i++) {
        if (pool_is_last(generation->pools[i]))
            pool_close(generation->pools[i]);
    }
    for (size_t i = 0; i < generation->pool_count; i++) {
        int64_t left_ms = until_ms - clock_monotonic_ms();
        if (pool_is_last(generation->pools[i]) &&
            pool_stop(generation->pools[i], left_ms > 0 ? left_ms : 0) < 0)
            rc = FERRY_DEADLINE;
    }
    return rc;
}

int generation_close(struct generation *generation, int64_t deadline_ms)
{
    if (stop_pools(generation, deadline_ms) < 0)
        return FERRY_DEADLINE;
    for (size_t i = 0; i < generation->pool_count; i++) {
        if (pool_is_last(generation->pools[i]))
            pool_release_workers(generation->pools[i]);
    }
    registry_free(generation->registry);
    config_free(generation->config);
    generation->registry = NULL;
    generation->config = NULL;
    return 0;
}

void generation_leave_pools(struct generation *generation)
{
    size_t kept = 0;
    for (size_t i = 0; i < generation->pool_count; i++) {
        struct pool *pool = generation->pools[i];
        if (pool_is_last(pool))
            generation->pools[kept++] = pool;
        else
            pool_unref(pool);
    }
    generation->pool_count = kept;
}

void generation_free(struct generation *generation)
{
    for (size_t i = 0; i < generation->pool_count; i++)
        pool_unref(generation->pools[i]);
    free(generation->pools);
    free(generation);
}

/* ---- routes ---- */

struct pool *generation_pool(const struct generation *generation, const char *name)
{
    for (size_t i = 0; i < generation->pool_count; i++) {
        if (strcmp(generation->pools[i]->config->name, name) == 0)
            return generation->pools[i];
    }
    return NULL;
}

static struct pool *pool_of(const struct generation *generation, const struct config_pool *config)
{
    return generation->pools[config - generation->config->pools];
}

static int add_routes(struct generation *generation, ferry_error *error)
{
    const struct config *config = generation->config;
    generation->routes = calloc(config->route_count + 1, sizeof(struct route *));
    if (!generation->routes)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        struct pool *pool = pool_of(generation, route->pool);
        if (!pool_add_worker(pool, route->worker))
            return ferry_error_set(error, FERRY_INTERNAL, "no memory");
        generation->routes[i] = route_new(&generation->context, route, pool, error);
        if (!generation->routes[i])
            return error->code;
        generation->route_count++;
    }
    return 0;
}

static int prepare_pools(struct generation *generation, ferry_error *error)
{
    const struct config_callbacks *callbacks = &generation->config->callbacks;
    bool complete = !callbacks->enabled || pool_add_worker(pool_of(generation, callbacks->pool),
                                                           generation->callback_worker);
    for (size_t i = 0; complete && i < generation->pool_count; i++)
        complete = pool_prepare_metrics(generation->pools[i], generation->context.metrics);
    return complete ? 0 : ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

static int add_schedules(struct generation *generation, ferry_error *error)
{
    generation->schedules = schedules_new(&(struct schedules_options){
        .loop = generation->context.loop,
        .queue = generation->context.queue,
        .metrics = generation->context.metrics,
        .schedules = generation->config->schedules,
        .count = generation->config->schedule_count,
    });
    return generation->schedules ? 0 : ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

int generation_build(struct generation *generation, const struct route_context *context,
                     ferry_error *error)
{
    const struct config_callbacks *callbacks = &generation->config->callbacks;
    generation->context = *context;
    generation->context.callbacks = callbacks->enabled ? callbacks->allow : NULL;
    int rc = prepare_pools(generation, error);
    rc = rc < 0 ? rc : add_routes(generation, error);
    return rc < 0 ? rc : add_schedules(generation, error);
}

int generation_join_queue(struct generation *generation, ferry_error *error)
{
    const struct config_callbacks *callbacks = &generation->config->callbacks;
    struct queue_route *routes = calloc(generation->route_count + 1, sizeof *routes);
    if (!routes)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    size_t count = 0;
    for (size_t i = 0; i < generation->route_count; i++)
        count += route_of_queue(generation->routes[i], &routes[count]);
    if (callbacks->enabled)
        routes[count++] = callbacks_route(callbacks, generation->callback_worker,
                                          &pool_of(generation, callbacks->pool)->deferred);
    int rc = queue_set_routes(generation->context.queue, routes, count);
    free(routes);
    return rc < 0 ? ferry_error_set(error, (ferry_code)rc, "the routes cannot join the queue") : 0;
}

void generation_unbuild(struct generation *generation)
{
    schedules_free(generation->schedules);
    generation->schedules = NULL;
    for (size_t i = 0; i < generation->route_count; i++)
        route_free(generation->routes[i]);
    free(generation->routes);
    generation->routes = NULL;
    generation->route_count = 0;
}
