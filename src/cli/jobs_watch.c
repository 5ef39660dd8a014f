/*
 * ferry jobs watch: follow a job by its server-sent events, until it has ended. Main thread.
 *
 * A stream that breaks off is taken up again behind the last event; the server sends nothing twice.
 * It is tried for as long as a restart of the server may take, and then given up.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "event_reader.h"
#include "job_shown.h"
#include "jobs_commands.h"
#include "jobs_session.h"
#include "progress_bar.h"
#include "when.h"

enum { RETRY_MS = 2000, RETRY_MIN_MS = 100, RETRY_MAX_MS = 30000, TRIES_MAX = 30 };

static const char help[] = "ferry jobs watch: follow a job until it has ended\n"
                           "\n"
                           "usage: ferry jobs watch ID [OPTIONS]\n"
                           "\n"
                           "Exit code: 0 it succeeded; 1 it is dead or cancelled.\n"
                           "\n";

struct watch {
    struct jobs_session session;
    struct event_reader reader;
    struct progress_bar bar;
    struct bytes state; /* the words that stand before the progress */
    bool has_ended;
    unsigned tries; /* since the last event */
};

/* ---- what is shown ---- */

static void show_progress(struct watch *watch, const json_t *progress)
{
    const json_t *fraction = json_object_get(progress, "fraction");
    const char *message = job_text(progress, "message");
    progress_bar_show(&watch->bar, json_is_number(fraction) ? json_number_value(fraction) : -1,
                      *message ? message : bytes_text(&watch->state));
}

/* "running", "retrying, attempt 2, due in 5s: transient: connection refused" */
static void describe_state(struct bytes *out, const json_t *job)
{
    json_int_t attempt = json_integer_value(json_object_get(job, "attempt"));
    bool is_running = strcmp(job_text(job, "state"), "running") == 0;
    bytes_append_text(out, job_text(job, "state"));
    if (attempt > 1)
        bytes_printf(out, ", attempt %lld", (long long)attempt);
    if (is_running)
        return;
    bytes_append_text(out, ", ");
    append_job_when(out, job, clock_wall_ms());
    if (json_is_object(json_object_get(job, "error"))) {
        bytes_append_text(out, ": ");
        append_job_error(out, job);
    }
}

static void show_state(struct watch *watch, const json_t *job)
{
    const json_t *progress = json_object_get(job, "progress");
    bytes_clear(&watch->state);
    describe_state(&watch->state, job);
    if (strcmp(job_text(job, "state"), "running") == 0 && json_is_object(progress))
        show_progress(watch, progress);
    else
        progress_bar_show(&watch->bar, -1, bytes_text(&watch->state));
}

/* "succeeded after 3m, attempt 2", "dead: invalid: no such address" */
static void show_end(struct watch *watch, const json_t *job)
{
    struct bytes text = {0};
    int64_t created_ms, finished_ms;
    json_int_t attempt = json_integer_value(json_object_get(job, "attempt"));
    bytes_append_text(&text, job_text(job, "state"));
    if (job_time(job, "created_at", &created_ms) && job_time(job, "finished_at", &finished_ms)) {
        bytes_append_text(&text, " after ");
        append_duration(&text, finished_ms - created_ms);
    }
    if (attempt > 1)
        bytes_printf(&text, ", attempt %lld", (long long)attempt);
    if (json_is_object(json_object_get(job, "error"))) {
        bytes_append_text(&text, ": ");
        append_job_error(&text, job);
    }
    progress_bar_clear(&watch->bar);
    progress_bar_show(&watch->bar, -1, bytes_text(&text));
    if (watch->bar.is_terminal)
        putchar('\n');
    bytes_clear(&watch->bar.shown); /* it stays where it is */
    bytes_fini(&text);
}

/* ---- events ---- */

static bool on_event(void *arg, const char *name, const struct bytes *data)
{
    struct watch *watch = arg;
    struct json_span body;
    json_t *told = job_parse((struct json_span){bytes_text(data), data->length}, &body);
    bool is_end = told && strcmp(name, "end") == 0;
    watch->tries = 0;
    if (watch->session.as_json) {
        printf("%s\n", bytes_text(data));
        fflush(stdout);
    } else if (is_end) {
        show_end(watch, told);
    } else if (told && strcmp(name, "state") == 0) {
        show_state(watch, told);
    } else if (told && strcmp(name, "progress") == 0) {
        show_progress(watch, told);
    }
    if (is_end) {
        watch->has_ended = true;
        watch->session.rc =
            strcmp(job_text(told, "state"), "succeeded") == 0 ? EXIT_OK : EXIT_RUNTIME;
    }
    json_decref(told);
    return !is_end;
}

static bool on_piece(void *arg, const char *data, size_t length)
{
    struct watch *watch = arg;
    return event_reader_feed(&watch->reader, data, length);
}

/* ---- connecting, again and again ---- */

static void wait_ms(int64_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static int64_t retry_ms(const struct watch *watch)
{
    int64_t ms = watch->reader.retry_ms ? watch->reader.retry_ms : RETRY_MS;
    return ms < RETRY_MIN_MS ? RETRY_MIN_MS : ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms;
}

/* Whether an error is one that a server may give which starts or ends just now. Before the first
 * event it is told at once. */
static bool may_pass(const struct watch *watch, const ferry_error *error)
{
    bool was_there = watch->reader.last_id.length > 0;
    return was_there && ferry_code_is_transient(error->code) && watch->tries < TRIES_MAX;
}

static void follow(struct watch *watch, const char *id)
{
    char path[128];
    snprintf(path, sizeof path, "/jobs/%s/events", id);
    while (!watch->has_ended) {
        ferry_error error = {0};
        event_reader_restart(&watch->reader);
        admin_stream(watch->session.client, path, bytes_text(&watch->reader.last_id), on_piece,
                     watch, &error);
        if (watch->has_ended)
            break;
        if (!error.code)
            ferry_error_set(&error, FERRY_TRANSIENT, "the server ended the stream before the job");
        watch->tries++;
        if (!may_pass(watch, &error)) {
            progress_bar_clear(&watch->bar);
            jobs_failed(&watch->session, error.code == FERRY_TRANSIENT ? NULL : id, error.message);
            break;
        }
        if (!watch->session.as_json)
            progress_bar_show(&watch->bar, -1, "the connection is lost; connecting again");
        wait_ms(retry_ms(watch));
    }
}

int jobs_watch(int argc, char **argv)
{
    struct watch watch = {
        .session = {.command = "jobs watch", .help = help},
        .bar = {.out = stdout, .is_terminal = isatty(STDOUT_FILENO) == 1},
    };
    watch.reader.on_event = on_event;
    watch.reader.arg = &watch;
    struct jobs_session *session = &watch.session;
    const struct option_def defs[] = {JOBS_OPTION_DEFS(session), {0}};
    bool good = jobs_begin(session, defs, &argc, argv);
    if (good && argc != 2)
        good = jobs_misused(session, argc < 2 ? "which job?" : "one job at a time");
    const char *id = good ? jobs_read_id(session, argv[1]) : NULL;
    if (id && jobs_connect(session))
        follow(&watch, id);
    progress_bar_fini(&watch.bar);
    event_reader_fini(&watch.reader);
    bytes_fini(&watch.state);
    return jobs_end(session);
}
