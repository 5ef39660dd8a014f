/*
 * ferry jobs retry, cancel, delete: one by one or in bulk; pause, resume: a route. Main thread.
 *
 * One by one, a job that cannot be changed does not keep the others from it. In bulk the server
 * does it in its own batches, and a person is asked before.
 */
#include <string.h>

#include "job_shown.h"
#include "jobs_commands.h"
#include "jobs_session.h"
#include "percent.h"
#include "terminal.h"

struct change {
    const char *verb;
    const char *done;
    const char *method;
    const char *suffix; /* of a job's path, and of /jobs in bulk */
    const char *states; /* of the jobs that it can be done to */
    const char *command;
    const char *help;
};

struct changing {
    struct jobs_session session;
    const struct change *change;
    const char *states;
    const char *route;
    bool all;
    bool yes;
};

/* ---- one by one ---- */

static void add_changed(struct changing *changing, const char *id, const struct bytes *answer,
                        struct bytes *out)
{
    struct json_span body;
    json_t *job = job_parse((struct json_span){bytes_text(answer), answer->length}, &body);
    bool is_cancelling = json_is_true(json_object_get(job, "cancelling"));
    if (changing->session.as_json && job) {
        bytes_append(out, answer->data, answer->length);
    } else if (changing->session.as_json) {
        bytes_printf(out, "{\"id\":\"%s\",\"%s\":true}\n", id, changing->change->done);
    } else {
        const char *state = job_text(job, "state");
        bytes_printf(out, "%s %s\n", id,
                     is_cancelling ? "is being cancelled"
                     : *state      ? state
                                   : changing->change->done);
    }
    json_decref(job);
}

static void change_one(struct changing *changing, const char *given)
{
    const struct change *change = changing->change;
    struct bytes path = {0}, answer = {0}, out = {0};
    const char *id = jobs_read_id(&changing->session, given);
    bytes_printf(&path, "/jobs/%s%s", id ? id : "", change->suffix);
    if (id && jobs_request(&changing->session, id, change->method, bytes_text(&path), &answer)) {
        add_changed(changing, id, &answer, &out);
        jobs_print(&changing->session, &out);
    }
    bytes_fini(&path);
    bytes_fini(&answer);
    bytes_fini(&out);
}

/* ---- in bulk ---- */

/* Whether a comma-separated list has a word. */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (; *list; list += *list == ',') {
        size_t own = strcspn(list, ",");
        if (own == length && memcmp(list, word, length) == 0)
            return true;
        list += own;
    }
    return false;
}

static long long count_route(const struct changing *changing, json_t *route)
{
    const char *states = changing->states ? changing->states : changing->change->states;
    long long count = 0;
    const char *state;
    json_t *number;
    if (changing->route && strcmp(changing->route, job_text(route, "route")) != 0)
        return 0;
    json_object_foreach(json_object_get(route, "states"), state, number) count +=
        has_word(states, state) && has_word(changing->change->states, state)
            ? json_integer_value(number)
            : 0;
    return count;
}

/* How many jobs the filter matches; -1 after telling that the server does not say. */
static long long count_jobs(struct changing *changing)
{
    struct bytes answer = {0};
    long long count = -1;
    if (jobs_request(&changing->session, NULL, "GET", "/jobs/stats", &answer)) {
        json_t *stats = json_loadb(bytes_text(&answer), answer.length, 0, NULL), *route;
        size_t i;
        count = 0;
        json_array_foreach(json_object_get(stats, "routes"), i, route) count +=
            count_route(changing, route);
        json_decref(stats);
    }
    bytes_fini(&answer);
    return count;
}

/* Returns whether a person wants it, or has said so before. */
static bool confirm(struct changing *changing)
{
    if (changing->yes)
        return true;
    long long count = count_jobs(changing);
    if (count < 0)
        return false;
    struct bytes question = {0};
    bytes_printf(&question, "%s %lld %s%s%s%s%s?", changing->change->verb, count,
                 count == 1 ? "job" : "jobs", changing->states ? ", " : "",
                 changing->states ? changing->states : "", changing->route ? ", of " : "",
                 changing->route ? changing->route : "");
    bool wanted = ask_yes(bytes_text(&question));
    bytes_fini(&question);
    if (!wanted)
        jobs_failed(&changing->session, NULL, "nothing was changed");
    return wanted;
}

static void bulk_path(const struct changing *changing, struct bytes *path)
{
    bytes_printf(path, "/jobs%s", changing->change->suffix);
    char separator = '?';
    if (changing->states) {
        bytes_printf(path, "%cstate=", separator);
        percent_encode(path, changing->states);
        separator = '&';
    }
    if (changing->route) {
        bytes_printf(path, "%croute=", separator);
        percent_encode(path, changing->route);
        separator = '&';
    }
    if (separator == '?')
        bytes_append_text(path, "?all=true");
}

static void change_bulk(struct changing *changing)
{
    struct jobs_session *session = &changing->session;
    struct bytes path = {0}, answer = {0}, out = {0};
    bulk_path(changing, &path);
    if (confirm(changing) &&
        jobs_request(session, NULL, changing->change->method, bytes_text(&path), &answer)) {
        json_t *changed = json_loadb(bytes_text(&answer), answer.length, 0, NULL);
        json_int_t count = json_integer_value(json_object_get(changed, "changed"));
        if (session->as_json)
            bytes_append(&out, answer.data, answer.length);
        else
            bytes_printf(&out, "%lld %s %s\n", (long long)count, count == 1 ? "job" : "jobs",
                         changing->change->done);
        jobs_print(session, &out);
        json_decref(changed);
    }
    bytes_fini(&path);
    bytes_fini(&answer);
    bytes_fini(&out);
}

static bool check_usage(struct changing *changing, int argc)
{
    struct jobs_session *session = &changing->session;
    bool has_filter = changing->states || changing->route;
    const char *verb = changing->change->verb;
    if (argc > 1 && (has_filter || changing->all))
        return jobs_misused(session, "either ids, or --state, --route and --all");
    if (argc < 2 && !has_filter && !changing->all)
        return jobs_misused(session, "%s which jobs? their ids, --state, --route or --all", verb);
    if (has_filter && changing->all)
        return jobs_misused(session, "either --all, or --state and --route");
    if (argc < 2 && !changing->yes && !is_interactive())
        return jobs_misused(session, "%s in bulk without a terminal to ask on needs --yes", verb);
    return jobs_check_route(session, changing->route);
}

static int change_jobs(const struct change *change, int argc, char **argv)
{
    struct changing changing = {
        .session = {.command = change->command, .help = change->help},
        .change = change,
    };
    const struct option_def defs[] = {
        JOBS_OPTION_DEFS(&changing.session),      option_text("state", 0, &changing.states),
        option_text("route", 0, &changing.route), option_flag("all", 0, &changing.all),
        option_flag("yes", 'y', &changing.yes),   {0},
    };
    struct jobs_session *session = &changing.session;
    if (jobs_begin(session, defs, &argc, argv) && check_usage(&changing, argc) &&
        jobs_connect(session)) {
        for (int i = 1; i < argc; i++)
            change_one(&changing, argv[i]);
        if (argc < 2)
            change_bulk(&changing);
    }
    return jobs_end(session);
}

#define BULK_HELP                                                                                  \
    "      --state STATES     in bulk: those in one of these states\n"                             \
    "      --route ROUTE      in bulk: those of one route\n"                                       \
    "      --all              in bulk: all of them\n"                                              \
    "  -y, --yes              do not ask\n"

int jobs_retry(int argc, char **argv)
{
    static const struct change change = {
        .verb = "retry",
        .done = "retried",
        .method = "POST",
        .suffix = "/retry",
        .states = "scheduled,queued,retrying,dead,cancelled",
        .command = "jobs retry",
        .help = "ferry jobs retry: let jobs run now that wait, are dead or were cancelled\n"
                "\n"
                "usage: ferry jobs retry ID... [OPTIONS]\n"
                "       ferry jobs retry --state dead --route /email [OPTIONS]\n"
                "\n" BULK_HELP,
    };
    return change_jobs(&change, argc, argv);
}

int jobs_cancel(int argc, char **argv)
{
    static const struct change change = {
        .verb = "cancel",
        .done = "cancelled",
        .method = "POST",
        .suffix = "/cancel",
        .states = "scheduled,queued,running,retrying",
        .command = "jobs cancel",
        .help = "ferry jobs cancel: end jobs that have not ended; what runs is told to\n"
                "\n"
                "usage: ferry jobs cancel ID... [OPTIONS]\n"
                "       ferry jobs cancel --route /email [OPTIONS]\n"
                "\n" BULK_HELP,
    };
    return change_jobs(&change, argc, argv);
}

int jobs_delete(int argc, char **argv)
{
    static const struct change change = {
        .verb = "delete",
        .done = "deleted",
        .method = "DELETE",
        .suffix = "",
        .states = "succeeded,dead,cancelled",
        .command = "jobs delete",
        .help = "ferry jobs delete: forget jobs that have ended, with their results\n"
                "\n"
                "usage: ferry jobs delete ID... [OPTIONS]\n"
                "       ferry jobs delete --state cancelled [OPTIONS]\n"
                "\n" BULK_HELP,
    };
    return change_jobs(&change, argc, argv);
}

/* ---- routes ---- */

static void change_gate(struct jobs_session *session, const char *verb, const char *route)
{
    struct bytes path = {0}, answer = {0}, out = {0};
    bytes_printf(&path, "/routes/%s?route=", verb);
    percent_encode(&path, route);
    if (jobs_request(session, NULL, "POST", bytes_text(&path), &answer)) {
        json_t *gate = json_loadb(bytes_text(&answer), answer.length, 0, NULL);
        if (session->as_json)
            bytes_append(&out, answer.data, answer.length);
        else
            bytes_printf(&out, "%s %s\n", route, job_text(gate, "gate"));
        jobs_print(session, &out);
        json_decref(gate);
    }
    bytes_fini(&path);
    bytes_fini(&answer);
    bytes_fini(&out);
}

static int change_route(struct jobs_session *session, const char *verb, int argc, char **argv)
{
    const struct option_def defs[] = {JOBS_OPTION_DEFS(session), {0}};
    bool good = jobs_begin(session, defs, &argc, argv);
    if (good && argc != 2)
        good = jobs_misused(session, argc < 2 ? "which route?" : "one route at a time");
    if (good && jobs_check_route(session, argv[1]) && jobs_connect(session))
        change_gate(session, verb, argv[1]);
    return jobs_end(session);
}

int jobs_pause(int argc, char **argv)
{
    struct jobs_session session = {
        .command = "jobs pause",
        .help =
            "ferry jobs pause: start no more jobs of a route; what runs goes on, what comes waits\n"
            "\n"
            "usage: ferry jobs pause ROUTE [OPTIONS]\n"
            "\n",
    };
    return change_route(&session, "pause", argc, argv);
}

int jobs_resume(int argc, char **argv)
{
    struct jobs_session session = {
        .command = "jobs resume",
        .help = "ferry jobs resume: start the jobs of a route again, also before a pause is over\n"
                "\n"
                "usage: ferry jobs resume ROUTE [OPTIONS]\n"
                "\n",
    };
    return change_route(&session, "resume", argc, argv);
}
