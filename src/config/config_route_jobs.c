/*
 * What a route says of its jobs: how often they are tried, and how fast, how many and in which
 * order they run. Main thread.
 *
 * A route of mode call has no jobs; there each of these keys is a warning, not an error, so that a
 * mode can be changed for a moment and back.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "section.h"

enum { RATE_MAX = 1000000, CONCURRENCY_MAX = 100000, PRIORITY_MAX = 100, FAILURES_MAX = 10000 };

/* ---- rate ---- */

/* "10/s", "100/m", "5/h"; "0" is no bound. Returns false if it is none of them. */
static bool rate_parse(const char *text, unsigned *count, int64_t *per_ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"/s", 1000}, {"/m", 60000}, {"/h", 3600000}};
    char *end;
    if (strcmp(text, "0") == 0) {
        *count = 0;
        *per_ms = 0;
        return true;
    }
    if (!isdigit((unsigned char)text[0]))
        return false;
    unsigned long number = strtoul(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0 && number >= 1 && number <= RATE_MAX) {
            *count = (unsigned)number;
            *per_ms = units[i].ms;
            return true;
        }
    }
    return false;
}

static void read_rate(const struct tree *node, struct config_route *route,
                      struct diagnostics *diagnostics)
{
    const char *text = expect_text(node, "rate", diagnostics);
    if (!text || rate_parse(text, &route->rate_count, &route->rate_per_ms))
        return;
    diagnostics_error(diagnostics, node->mark, "\"%s\" is not a rate", text);
    diagnostics_hint(diagnostics, "10/s, 100/m or 5/h: 1 to %d of them; 0: no bound", RATE_MAX);
}

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
    field_read(nodes->concurrency, &concurrency, route, diagnostics);
    field_read(nodes->priority, &priority, route, diagnostics);
    field_read(nodes->retention, &retention, route, diagnostics);
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
    if (nodes->rate)
        read_rate(nodes->rate, route, diagnostics);
    if (nodes->breaker)
        read_breaker(nodes->breaker, where, route, diagnostics);
    read_numbers(nodes, route, diagnostics);
    if (route->mode == ROUTE_CALL)
        warn_all(nodes, diagnostics);
}
