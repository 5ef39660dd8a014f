/* ferry jobs show: one job, in lines of key and value, and its result. Main thread. */
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "job_shown.h"
#include "jobs_commands.h"
#include "jobs_session.h"
#include "table.h"
#include "when.h"

enum {
    KEY_WIDTH = 13,
    BODY_MAX = 64 << 10, /* a longer one is not told with its job */
};

static const char help[] = "ferry jobs show: all of one job, with its result\n"
                           "\n"
                           "usage: ferry jobs show ID [OPTIONS]\n"
                           "\n";

static void add_line(struct bytes *out, const char *key, const char *value)
{
    if (*value == '\0')
        return;
    bytes_printf(out, "%-*s", KEY_WIDTH, key);
    append_plain(out, value);
    bytes_append_char(out, '\n');
}

static void add_number(struct bytes *out, const char *key, const json_t *job)
{
    bytes_printf(out, "%-*s%lld\n", KEY_WIDTH, key,
                 (long long)json_integer_value(json_object_get(job, key)));
}

/* Both as it was written and as people say it. */
static void add_time(struct bytes *out, const char *key, const json_t *job, const char *member)
{
    int64_t wall_ms;
    if (!job_time(job, member, &wall_ms))
        return;
    bytes_printf(out, "%-*s%s  (", KEY_WIDTH, key, job_text(job, member));
    append_when(out, wall_ms, clock_wall_ms());
    bytes_append_text(out, ")\n");
}

static void add_made(struct bytes *out, const char *key, const json_t *job,
                     void (*make)(struct bytes *out, const json_t *job))
{
    struct bytes value = {0};
    make(&value, job);
    add_line(out, key, bytes_text(&value));
    bytes_fini(&value);
}

static void add_result(struct bytes *out, const json_t *job)
{
    const json_t *result = json_object_get(job, "result");
    if (json_is_object(result))
        bytes_printf(out, "%lld %s",
                     (long long)json_integer_value(json_object_get(result, "status")),
                     job_text(result, "content_type"));
}

/* A body that is no JSON comes as a string. What would steer a terminal is taken out for one. */
static void add_body(struct bytes *out, struct json_span body)
{
    struct bytes text = {0};
    json_t *string = NULL;
    if (body.length == 0)
        return;
    if (body.data[0] != '"')
        json_indent(&text, body);
    else
        string = json_loadb(body.data, body.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (string)
        bytes_append(&text, json_string_value(string), json_string_length(string));
    bytes_append_char(out, '\n');
    if (isatty(STDOUT_FILENO))
        append_plain_lines(out, bytes_text(&text), text.length);
    else
        bytes_append(out, text.data, text.length);
    out->failed |= text.failed;
    if (out->length > 0 && out->data[out->length - 1] != '\n')
        bytes_append_char(out, '\n');
    json_decref(string);
    bytes_fini(&text);
}

/* Say why there is no body: it may be a null of JSON. */
static void add_no_body(struct bytes *out, const json_t *result)
{
    const json_t *bytes = json_object_get(result, "bytes");
    long long length = json_integer_value(bytes);
    struct bytes text = {0};
    if (!json_is_integer(bytes))
        bytes_append_text(&text, "too long to be kept");
    else if (length > BODY_MAX)
        bytes_printf(&text, "%lld bytes: /jobs/ID/result has it", length);
    else
        bytes_append_text(&text, "null");
    add_line(out, "body", bytes_text(&text));
    bytes_fini(&text);
}

static void describe(struct bytes *out, const json_t *job, struct json_span body, const char *gate)
{
    add_line(out, "id", job_text(job, "id"));
    add_line(out, "delivery id", job_text(job, "delivery_id"));
    add_line(out, "route", job_text(job, "route"));
    add_line(out, "worker", job_text(job, "worker"));
    bool is_cancelling = json_is_true(json_object_get(job, "cancelling"));
    bytes_printf(out, "%-*s", KEY_WIDTH, "state");
    append_plain(out, job_text(job, "state"));
    bytes_append_text(out, is_cancelling ? ", being cancelled\n" : "\n");
    add_number(out, "attempt", job);
    add_number(out, "crashes", job);
    add_time(out, "created", job, "created_at");
    if (!job_is_final(job))
        add_time(out, "due", job, "run_at");
    add_line(out, "gate", gate);
    add_time(out, "began", job, "started_at");
    add_time(out, "ended", job, "finished_at");
    add_made(out, "progress", job, append_job_progress);
    add_made(out, "error", job, append_job_error);
    add_made(out, "result", job, add_result);
    if (body.length == 0 && json_is_object(json_object_get(job, "result")))
        add_no_body(out, json_object_get(job, "result"));
    add_body(out, body);
}

static bool is_waiting(const json_t *job)
{
    return !job_is_final(job) && strcmp(job_text(job, "state"), "running") != 0;
}

/* Find out what keeps the jobs of a route from running; nothing if nothing does. */
static void read_gate(struct jobs_session *session, const char *name, struct bytes *gate)
{
    struct bytes answer = {0};
    bool is_told = jobs_request(session, NULL, "GET", "/jobs/stats", &answer);
    json_t *stats = is_told ? json_loadb(bytes_text(&answer), answer.length, 0, NULL) : NULL,
           *route;
    size_t i;
    json_array_foreach(json_object_get(stats, "routes"), i, route)
    {
        if (strcmp(job_text(route, "route"), name) == 0 &&
            (strcmp(job_text(route, "gate"), "open") != 0 ||
             json_is_false(json_object_get(route, "known"))))
            append_gate(gate, route, clock_wall_ms());
    }
    json_decref(stats);
    bytes_fini(&answer);
}

static void describe_job(struct jobs_session *session, const json_t *job, struct json_span body,
                         struct bytes *out)
{
    struct bytes gate = {0};
    if (is_waiting(job))
        read_gate(session, job_text(job, "route"), &gate);
    describe(out, job, body, bytes_text(&gate));
    bytes_fini(&gate);
}

static void show(struct jobs_session *session, const char *id)
{
    struct bytes path = {0}, answer = {0}, out = {0};
    bytes_printf(&path, "/jobs/%s", id);
    if (jobs_request(session, id, "GET", bytes_text(&path), &answer)) {
        struct json_span body;
        json_t *job = job_parse((struct json_span){bytes_text(&answer), answer.length}, &body);
        if (job && session->as_json)
            jobs_print(session, &answer);
        else if (job)
            describe_job(session, job, body, &out);
        else
            jobs_failed(session, NULL, "the answer is not that of ferry's admin");
        jobs_print(session, &out);
        json_decref(job);
    }
    bytes_fini(&path);
    bytes_fini(&answer);
    bytes_fini(&out);
}

int jobs_show(int argc, char **argv)
{
    struct jobs_session session = {.command = "jobs show", .help = help};
    const struct option_def defs[] = {JOBS_OPTION_DEFS(&session), {0}};
    bool good = jobs_begin(&session, defs, &argc, argv);
    if (good && argc != 2)
        good = jobs_misused(&session, argc < 2 ? "which job?" : "one job at a time");
    const char *id = good ? jobs_read_id(&session, argv[1]) : NULL;
    if (id && jobs_connect(&session))
        show(&session, id);
    return jobs_end(&session);
}
