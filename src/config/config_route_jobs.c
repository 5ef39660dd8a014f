/*
 * What a route says of its jobs: how often they are tried, and how fast, how many and in which
 * order they run. Main thread.
 *
 * A route of mode call has no jobs; there each of these keys is a warning, not an error, so that a
 * mode can be changed for a moment and back.
 */
#include <stdlib.h>

#include "config_check.h"
#include "section.h"

enum { CONCURRENCY_MAX = 100000, PRIORITY_MAX = 100, FAILURES_MAX = 10000 };

/* ---- breaker ---- */

static void read_breaker(const struct tree *breaker, const char *where, struct config_route *route,
                         struct diagnostics *diagnostics)
{
    static const struct field fields[] = {
        {"failures", FIELD_NUMBER, FIELD_AT(struct config_route, breaker_failures), 0, FAILURES_MAX,
         NULL},
        {"pause", FIELD_DURATION, FIELD_AT(struct config_route, breaker_pause_ms), 1,
         INT64_C(7) * DAY_MS, NULL},
        {0},
    };
    char *section = text_printf("%s.breaker", where);
    if (section)
        section_read(breaker, section, fields, route, diagnostics);
    diagnostics->no_memory |= !section;
    free(section);
    const struct tree *pause = tree_find(breaker, "pause");
    if (!pause || tree_find(breaker, "failures"))
        return;
    diagnostics_warning(diagnostics, pause->key_mark, "pause has no effect without failures");
    diagnostics_hint(diagnostics, "breaker: {failures: 5, pause: 1m}");
}

/* ---- all of them ---- */

static void read_numbers(const struct job_nodes *nodes, struct config_route *route,
                         struct diagnostics *diagnostics)
{
    static const struct field concurrency = {
        "concurrency",   FIELD_NUMBER, FIELD_AT(struct config_route, concurrency), 0,
        CONCURRENCY_MAX, NULL};
    static const struct field priority = {
        "priority",    FIELD_NUMBER, FIELD_AT(struct config_route, priority),
        -PRIORITY_MAX, PRIORITY_MAX, NULL};
    static const struct field retention = {
        "retention", FIELD_DURATION,         FIELD_AT(struct config_route, keep_ms),
        0,           INT64_C(3650) * DAY_MS, NULL};
    static const struct field max_result = {
        "max_result", FIELD_SIZE, FIELD_AT(struct config_route, max_result_bytes),
        1 << 10,      16 << 20,   NULL};
    field_read(nodes->concurrency, &concurrency, route, diagnostics);
    field_read(nodes->priority, &priority, route, diagnostics);
    field_read(nodes->retention, &retention, route, diagnostics);
    field_read(nodes->max_result, &max_result, route, diagnostics);
}

static void warn_no_jobs(const struct tree *node, const char *hint, struct diagnostics *diagnostics)
{
    if (!node)
        return;
    diagnostics_warning(diagnostics, node->key_mark, "%s has no effect on a route of mode call",
                        node->key);
    diagnostics_hint(diagnostics, "%s: mode: defer, or either", hint);
}

static void warn_all(const struct job_nodes *nodes, struct diagnostics *diagnostics)
{
    warn_no_jobs(nodes->retry, "only a job is tried again", diagnostics);
    warn_no_jobs(nodes->rate, "only jobs can wait for their turn", diagnostics);
    warn_no_jobs(nodes->concurrency, "only jobs can wait for their turn", diagnostics);
    warn_no_jobs(nodes->priority, "only jobs have one", diagnostics);
    warn_no_jobs(nodes->breaker, "only jobs can wait for the end of a pause", diagnostics);
    warn_no_jobs(nodes->retention, "only a job is kept", diagnostics);
    warn_no_jobs(nodes->max_result, "only a job's result is kept", diagnostics);
}

void check_route_jobs(struct checking *checking, const struct job_nodes *nodes, const char *where,
                      struct config_route *route)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    struct retry_values retry = {route->attempts, route->backoff_min_ms, route->backoff_max_ms};
    check_retry(checking, nodes->retry, where, &retry);
    route->attempts = retry.attempts;
    route->backoff_min_ms = retry.backoff_min_ms;
    route->backoff_max_ms = retry.backoff_max_ms;
    struct rate_value rate = {route->rate_count, route->rate_per_ms};
    check_rate(checking, nodes->rate, "rate", &rate);
    route->rate_count = rate.count;
    route->rate_per_ms = rate.per_ms;
    if (nodes->breaker)
        read_breaker(nodes->breaker, where, route, diagnostics);
    read_numbers(nodes, route, diagnostics);
    if (route->mode == ROUTE_CALL)
        warn_all(nodes, diagnostics);
}
