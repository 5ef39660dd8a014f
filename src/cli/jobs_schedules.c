/* ferry jobs schedules: a table of schedules, and when each is due. Main thread. */
#include <stdio.h>

#include "clock.h"
#include "job_shown.h"
#include "jobs_commands.h"
#include "jobs_session.h"
#include "table.h"
#include "terminal.h"
#include "when.h"

static const char help[] =
    "ferry jobs schedules: when each schedule is due, and what came of its runs since the start\n"
    "\n"
    "usage: ferry jobs schedules [OPTIONS]\n"
    "\n";

static const struct table_column columns[] = {
    {"SCHEDULE", false}, {"ROUTE", false},  {"NEXT", false},  {"LAST", false},
    {"RUNS", true},      {"SKIPPED", true}, {"MISSED", true}, {"REFUSED", true},
};

static void add_when(struct table *table, const json_t *schedule, const char *key)
{
    struct bytes when = {0};
    int64_t wall_ms;
    if (job_time(schedule, key, &wall_ms))
        append_when(&when, wall_ms, clock_wall_ms());
    table_add(table, bytes_text(&when));
    bytes_fini(&when);
}

static long long runs_of(const json_t *schedule, const char *outcome)
{
    const json_t *runs = json_object_get(schedule, "runs");
    return (long long)json_integer_value(json_object_get(runs, outcome));
}

static void add_schedule(struct table *table, const json_t *schedule)
{
    bool is_pending = json_is_string(json_object_get(schedule, "pending_at"));
    table_add(table, job_text(schedule, "name"));
    table_add(table, job_text(schedule, "route"));
    add_when(table, schedule, is_pending ? "pending_at" : "next_at");
    add_when(table, schedule, "last_at");
    table_printf(table, "%lld", runs_of(schedule, "added"));
    table_printf(table, "%lld", runs_of(schedule, "overlap") + runs_of(schedule, "taken"));
    table_printf(table, "%lld", runs_of(schedule, "missed"));
    table_printf(table, "%lld", runs_of(schedule, "refused"));
}

static void print_schedules(struct jobs_session *session, const json_t *answer)
{
    const json_t *schedules = json_object_get(answer, "schedules"), *schedule;
    struct table table = {.columns = columns, .column_count = sizeof columns / sizeof columns[0]};
    struct bytes out = {0};
    size_t i;
    if (json_array_size(schedules) == 0) {
        fputs("no schedules\n", stderr);
        return;
    }
    json_array_foreach(schedules, i, schedule) add_schedule(&table, schedule);
    table_write(&table, output_width(), &out);
    jobs_print(session, &out);
    table_fini(&table);
    bytes_fini(&out);
}

int jobs_schedules(int argc, char **argv)
{
    struct jobs_session session = {.command = "jobs schedules", .help = help};
    return jobs_tell(&session, argc, argv, "/schedules", print_schedules);
}
