/* ferry jobs list: the jobs, page by page. Main thread. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "job_shown.h"
#include "jobs_commands.h"
#include "jobs_session.h"
#include "percent.h"
#include "table.h"
#include "terminal.h"
#include "when.h"

enum { USUAL_LIMIT = 50, PAGE_MAX = 100 };

static const char help[] =
    "ferry jobs list: the jobs of a running server, the newest first\n"
    "\n"
    "usage: ferry jobs list [OPTIONS]\n"
    "\n"
    "With --json it is an array of jobs as in GET /jobs, of all its pages; [] where there are "
    "none.\n"
    "\n"
    "      --state STATES     only those in one of these states, such as dead,running: scheduled,\n"
    "                         queued, running, retrying, succeeded, dead, cancelled\n"
    "      --route ROUTE      only those of one route, such as /email\n"
    "      --limit N          this many at most (50)\n";

static const struct table_column columns[] = {
    {"ID", false},      {"STATE", false}, {"ROUTE", false}, {"ATTEMPT", true},
    {"CREATED", false}, {"WHEN", false},  {"NOTE", false},
};

struct listing {
    struct jobs_session session;
    const char *states;
    const char *route;
    unsigned limit;
    unsigned count;      /* listed so far */
    struct bytes cursor; /* of the next page */
    bool has_more;
    struct table table;
    struct bytes json; /* an array in the making */
};

static bool add_row(struct listing *listing, struct json_span text)
{
    struct json_span body;
    json_t *job = job_parse(text, &body);
    if (!job)
        return false;
    int64_t now_ms = clock_wall_ms(), created_ms;
    struct bytes created = {0}, when = {0}, note = {0};
    struct table *table = &listing->table;
    if (job_time(job, "created_at", &created_ms))
        append_when(&created, created_ms, now_ms);
    append_job_when(&when, job, now_ms);
    append_job_note(&note, job);
    table_add(table, job_text(job, "id"));
    table_add(table, job_text(job, "state"));
    table_add(table, job_text(job, "route"));
    table_printf(table, "%lld", (long long)json_integer_value(json_object_get(job, "attempt")));
    table_add(table, bytes_text(&created));
    table_add(table, bytes_text(&when));
    table_add(table, bytes_text(&note));
    bytes_fini(&created);
    bytes_fini(&when);
    bytes_fini(&note);
    json_decref(job);
    return true;
}

static bool add_job(struct listing *listing, struct json_span text)
{
    if (!listing->session.as_json)
        return add_row(listing, text);
    bytes_append_text(&listing->json, listing->count ? ",\n" : "");
    bytes_append(&listing->json, text.data, text.length);
    return true;
}

/* Take the cursor of the next page out of a page. */
static void read_next(struct listing *listing, struct json_span page)
{
    struct json_span next = {"", 0};
    json_find(page, "next", &next);
    json_t *cursor = json_loadb(next.data, next.length, JSON_DECODE_ANY, NULL);
    listing->has_more = json_is_string(cursor);
    bytes_clear(&listing->cursor);
    if (listing->has_more)
        bytes_append_text(&listing->cursor, json_string_value(cursor));
    json_decref(cursor);
}

static bool read_page(struct listing *listing, const struct bytes *body)
{
    struct json_span page = {bytes_text(body), body->length}, jobs, job;
    bool good = json_find(page, "jobs", &jobs);
    while (good && listing->count < listing->limit && json_next(&jobs, &job)) {
        good = add_job(listing, job);
        listing->count++;
    }
    read_next(listing, page);
    return good || jobs_failed(&listing->session, NULL, "the answer is not that of ferry's admin");
}

static void page_path(const struct listing *listing, struct bytes *path)
{
    unsigned left = listing->limit - listing->count;
    bytes_printf(path, "/jobs?limit=%u", left < PAGE_MAX ? left : PAGE_MAX);
    if (listing->states) {
        bytes_append_text(path, "&state=");
        percent_encode(path, listing->states);
    }
    if (listing->route) {
        bytes_append_text(path, "&route=");
        percent_encode(path, listing->route);
    }
    if (listing->cursor.length > 0) {
        bytes_append_text(path, "&after=");
        percent_encode(path, bytes_text(&listing->cursor));
    }
}

/* Returns whether all pages came. A page may be empty and yet have one after it. */
static bool fetch(struct listing *listing)
{
    bool good;
    do {
        struct bytes path = {0}, body = {0};
        page_path(listing, &path);
        good = jobs_request(&listing->session, NULL, "GET", bytes_text(&path), &body) &&
               read_page(listing, &body);
        bytes_fini(&path);
        bytes_fini(&body);
    } while (good && listing->has_more && listing->count < listing->limit);
    return good;
}

static void print_json(struct listing *listing)
{
    struct bytes out = {0};
    bytes_append_char(&out, '[');
    bytes_append(&out, listing->json.data, listing->json.length);
    bytes_append_text(&out, "]\n");
    out.failed |= listing->json.failed;
    jobs_print(&listing->session, &out);
    bytes_fini(&out);
}

static void print_table(struct listing *listing)
{
    struct bytes out = {0};
    if (listing->count > 0)
        table_write(&listing->table, output_width(), &out);
    jobs_print(&listing->session, &out);
    bytes_fini(&out);
    if (listing->count == 0 && listing->route) /* a typo, perhaps */
        fprintf(stderr, "no such jobs of %s; ferry jobs stats names the routes that have some\n",
                listing->route);
    else if (listing->count == 0)
        fputs("no jobs\n", stderr);
    else if (listing->has_more)
        fprintf(stderr, "these are %u; there may be more: --limit N\n", listing->count);
}

int jobs_list(int argc, char **argv)
{
    struct listing listing = {
        .session = {.command = "jobs list", .help = help},
        .limit = USUAL_LIMIT,
        .table = {.columns = columns, .column_count = sizeof columns / sizeof columns[0]},
    };
    const struct option_def defs[] = {
        JOBS_OPTION_DEFS(&listing.session),
        option_text("state", 0, &listing.states),
        option_text("route", 0, &listing.route),
        option_number("limit", &listing.limit),
        {0},
    };
    struct jobs_session *session = &listing.session;
    bool good = jobs_begin(session, defs, &argc, argv);
    if (good && argc > 1)
        good = jobs_misused(session, "what is \"%s\"? filter by --state and --route", argv[1]);
    if (good && jobs_check_route(session, listing.route) && jobs_connect(session) &&
        fetch(&listing)) {
        if (session->as_json)
            print_json(&listing);
        else
            print_table(&listing);
    }
    bytes_fini(&listing.cursor);
    bytes_fini(&listing.json);
    table_fini(&listing.table);
    return jobs_end(session);
}
