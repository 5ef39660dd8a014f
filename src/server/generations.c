/*
 * Generations, together. Loop thread.
 */
#include "generations.h"

#include "clock.h"
#include "route_metrics.h"

/* ---- the swap ---- */

static void bind_metrics(struct generations *all, const struct generation *generation)
{
    for (size_t i = 0; i < generation->pool_count; i++)
        pool_bind_metrics(generation->pools[i], all->context.metrics, true);
}

static void replace(struct generations *all, struct generation *made)
{
    struct generation *old = all->current;
    if (old) {
        schedules_stop(old->schedules);
        schedules_inherit(made->schedules, old->schedules);
        old->next = all->old;
        all->old = old;
    }
    all->current = made;
    bind_metrics(all, made);
}

int generations_install(struct generations *all, struct generation *made, ferry_error *error)
{
    ferry_http_server *http = all->context.http;
    int rc = ferry_http_routes_begin(http, error);
    if (rc < 0)
        return rc;
    all->context.route_metrics = &all->route_metrics;
    rc = generation_build(made, &all->context, error);
    rc = rc < 0 ? rc : all->bind_own(all->arg, made, error);
    rc = rc < 0 ? rc : generation_join_queue(made, error);
    ferry_http_routes_end(http, rc == 0);
    if (rc == 0)
        replace(all, made);
    else
        generation_unbuild(made);
    return rc;
}

/* ---- draining ---- */

static bool schedules_have_ended(const struct generations *all)
{
    for (const struct generation *at = all->old; at; at = at->next) {
        if (!schedules_are_idle(at->schedules))
            return false;
    }
    return true;
}

static void start_schedules(struct generations *all)
{
    struct generation *current = all->current;
    if (!all->has_started || current->has_schedules_started || !schedules_have_ended(all))
        return;
    current->has_schedules_started = true;
    schedules_take_over(current->schedules);
}

void generations_start(struct generations *all)
{
    all->has_started = true;
    all->current->has_schedules_started = true;
    schedules_start(all->current->schedules);
}

/* Pools that a newer generation has as well go on. */
static bool has_drained(const struct generation *generation)
{
    const struct route_context *context = &generation->context;
    bool has =
        context->open == 0 && context->live_calls == 0 && schedules_are_idle(generation->schedules);
    for (size_t i = 0; i < generation->pool_count; i++) {
        struct pool *pool = generation->pools[i];
        if (has && pool_is_last(pool))
            has = queue_forget_pool(context->queue, &pool->deferred);
    }
    return has;
}

/* What shows in the metrics must not be what is freed. */
static void unbind_metrics(struct generations *all, const struct generation *generation)
{
    for (size_t i = 0; i < generation->pool_count; i++) {
        struct pool *pool = generation->pools[i];
        if (!generation_pool(all->current, pool->config->name))
            pool_bind_metrics(pool, all->context.metrics, false);
    }
}

struct generation *generations_look(struct generations *all)
{
    start_schedules(all);
    struct generation **at = &all->old;
    while (*at && !has_drained(*at))
        at = &(*at)->next;
    struct generation *drained = *at;
    if (!drained)
        return NULL;
    *at = drained->next;
    unbind_metrics(all, drained);
    generation_unbuild(drained);
    return drained;
}

/* ---- the end ---- */

static unsigned live_calls(const struct generation *list)
{
    unsigned count = 0;
    for (; list; list = list->next)
        count += list->context.live_calls;
    return count;
}

unsigned generations_live_calls(const struct generations *all)
{
    return live_calls(all->old) + live_calls(all->current);
}

void generations_cancel_calls(struct generations *all)
{
    for (struct generation *at = all->old; at; at = at->next)
        routes_cancel_calls(&at->context);
    routes_cancel_calls(&all->current->context);
}

static void close_pools(const struct generation *list)
{
    for (; list; list = list->next) {
        for (size_t i = 0; i < list->pool_count; i++)
            pool_close(list->pools[i]);
    }
}

static bool stop_pools(struct generation *list, int64_t until_ms)
{
    bool ended = true;
    for (; list; list = list->next) {
        for (size_t i = 0; i < list->pool_count; i++) {
            int64_t left_ms = until_ms - clock_monotonic_ms();
            ended &= pool_leave(list->pools[i], left_ms > 0 ? left_ms : 0) == 0;
        }
    }
    return ended;
}

bool generations_stop_pools(struct generations *all, int64_t deadline_ms)
{
    int64_t until_ms = clock_monotonic_ms() + deadline_ms;
    close_pools(all->old);
    close_pools(all->current);
    bool ended = stop_pools(all->old, until_ms);
    return stop_pools(all->current, until_ms) && ended;
}

static void free_all(struct generation *list)
{
    while (list) {
        struct generation *generation = list;
        list = generation->next;
        generation_unbuild(generation);
        if (generation_close(generation, 0) == 0)
            generation_free(generation);
    }
}

void generations_free(struct generations *all)
{
    free_all(all->old);
    free_all(all->current);
    route_metrics_free(all->route_metrics);
}
