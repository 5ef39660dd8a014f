/* Counts of jobs as JSON. Loop thread; no state. */
#include "jobs_stats.h"

#include <string.h>

#include "clock.h"

struct stats {
    struct bytes routes;
    int64_t by_state[JOB_STATE_COUNT];
};

static void put_states(struct bytes *out, const int64_t by_state[JOB_STATE_COUNT])
{
    for (int state = 0; state < JOB_STATE_COUNT; state++)
        bytes_printf(out, "%s\"%s\":%lld", state ? "," : "{", job_state_name((enum job_state)state),
                     (long long)by_state[state]);
    bytes_append_char(out, '}');
}

static void put_until(struct bytes *out, const struct queue_route_status *route)
{
    char text[CLOCK_RFC3339_SIZE];
    if (route->gate == QUEUE_BROKEN)
        bytes_printf(out, "\"%s\"", clock_format_rfc3339(route->until_ms, text));
    else
        bytes_append_text(out, "null");
}

static void visit_route(void *arg, const struct queue_route_status *route)
{
    struct stats *stats = arg;
    struct bytes *out = &stats->routes;
    for (int state = 0; state < JOB_STATE_COUNT; state++)
        stats->by_state[state] += route->by_state[state];
    bytes_append_text(out, out->length ? ",\n{\"route\":" : "\n{\"route\":");
    bytes_append_json(out, route->name, strlen(route->name));
    bytes_printf(out,
                 ",\"known\":%s,\"gate\":\"%s\",\"until\":", route->is_known ? "true" : "false",
                 queue_gate_name(route->gate));
    put_until(out, route);
    bytes_printf(out, ",\"failures\":%u,\"states\":", route->failures);
    put_states(out, route->by_state);
    bytes_append_char(out, '}');
}

void jobs_stats_json(struct bytes *out, const struct queue *queue)
{
    struct stats stats = {0};
    queue_each_route(queue, visit_route, &stats);
    bytes_append_text(out, "{\"states\":");
    put_states(out, stats.by_state);
    bytes_append_text(out, ",\"routes\":[");
    bytes_append(out, bytes_text(&stats.routes), stats.routes.length);
    bytes_append_text(out, "]}\n");
    out->failed |= stats.routes.failed;
    bytes_fini(&stats.routes);
}

struct gate_search {
    const char *route;
    enum queue_gate gate;
};

static void find_gate(void *arg, const struct queue_route_status *route)
{
    struct gate_search *search = arg;
    if (strcmp(route->name, search->route) == 0)
        search->gate = route->gate;
}

void jobs_stats_gate_json(struct bytes *out, const struct queue *queue, const char *route)
{
    struct gate_search search = {.route = route};
    queue_each_route(queue, find_gate, &search);
    bytes_append_text(out, "{\"route\":");
    bytes_append_json(out, route, strlen(route));
    bytes_printf(out, ",\"gate\":\"%s\"}\n", queue_gate_name(search.gate));
}
