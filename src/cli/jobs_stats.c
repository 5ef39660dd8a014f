/* ferry jobs stats: a table of routes and states. Main thread. */
#include "clock.h"
#include "job_shown.h"
#include "jobs_commands.h"
#include "jobs_session.h"
#include "table.h"
#include "terminal.h"
#include "when.h"

static const char help[] =
    "ferry jobs stats: how many jobs of each route are in which state, and whether it may run\n"
    "\n"
    "usage: ferry jobs stats [OPTIONS]\n"
    "\n";

static const char *const states[] = {"scheduled", "queued", "running",  "retrying",
                                     "succeeded", "dead",   "cancelled"};

enum { STATE_COUNT = sizeof states / sizeof states[0] };

static const struct table_column columns[] = {
    {"ROUTE", false},  {"SCHEDULED", true}, {"QUEUED", true},
    {"RUNNING", true}, {"RETRYING", true},  {"SUCCEEDED", true},
    {"DEAD", true},    {"CANCELLED", true}, {"GATE", false},
};

static void add_states(struct table *table, const json_t *counts)
{
    for (size_t i = 0; i < STATE_COUNT; i++)
        table_printf(table, "%lld",
                     (long long)json_integer_value(json_object_get(counts, states[i])));
}

static void add_route(struct table *table, const json_t *route)
{
    struct bytes gate = {0};
    append_gate(&gate, route, clock_wall_ms());
    table_add(table, job_text(route, "route"));
    add_states(table, json_object_get(route, "states"));
    table_add(table, bytes_text(&gate));
    bytes_fini(&gate);
}

static void print_stats(struct jobs_session *session, const json_t *stats)
{
    struct bytes out = {0};
    struct table table = {.columns = columns, .column_count = sizeof columns / sizeof columns[0]};
    size_t i;
    const json_t *route;
    json_array_foreach(json_object_get(stats, "routes"), i, route) add_route(&table, route);
    table_add(&table, "all");
    add_states(&table, json_object_get(stats, "states"));
    table_add(&table, "");
    table_write(&table, output_width(), &out);
    jobs_print(session, &out);
    table_fini(&table);
    bytes_fini(&out);
}

int jobs_stats(int argc, char **argv)
{
    struct jobs_session session = {.command = "jobs stats", .help = help};
    return jobs_tell(&session, argc, argv, "/jobs/stats", print_stats);
}
