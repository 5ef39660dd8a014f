/* What of a job is shown. */
#include "job_shown.h"

#include <string.h>

#include "clock.h"
#include "when.h"

json_t *job_parse(struct json_span text, struct json_span *body)
{
    struct json_span result;
    struct bytes rest = {0};
    *body = (struct json_span){"", 0};
    bool has_body = json_find(text, "result", &result) && json_find(result, "body", body);
    if (has_body) {
        const char *end = body->data + body->length;
        bytes_append(&rest, text.data, (size_t)(body->data - text.data));
        bytes_append_text(&rest, "null");
        bytes_append(&rest, end, (size_t)(text.data + text.length - end));
    } else {
        bytes_append(&rest, text.data, text.length);
    }
    if (body->length == 4 && memcmp(body->data, "null", 4) == 0)
        body->length = 0;
    json_t *job = rest.failed ? NULL : json_loadb(bytes_text(&rest), rest.length, 0, NULL);
    bytes_fini(&rest);
    if (json_is_object(job))
        return job;
    json_decref(job);
    return NULL;
}

const char *job_text(const json_t *job, const char *key)
{
    const char *text = json_string_value(json_object_get(job, key));
    return text ? text : "";
}

bool job_time(const json_t *job, const char *key, int64_t *wall_ms)
{
    return clock_parse_rfc3339(job_text(job, key), wall_ms, NULL) == 0;
}

bool job_is_final(const json_t *job)
{
    const char *state = job_text(job, "state");
    return strcmp(state, "succeeded") == 0 || strcmp(state, "dead") == 0 ||
           strcmp(state, "cancelled") == 0;
}

void append_job_when(struct bytes *out, const json_t *job, int64_t now_ms)
{
    bool is_running = strcmp(job_text(job, "state"), "running") == 0;
    bool is_final = job_is_final(job);
    int64_t wall_ms;
    if (!job_time(job, is_final ? "finished_at" : is_running ? "started_at" : "run_at", &wall_ms))
        return;
    bytes_append_text(out, is_final ? "ended " : is_running ? "began " : "due ");
    append_when(out, wall_ms, now_ms);
}

void append_job_progress(struct bytes *out, const json_t *job)
{
    const json_t *progress = json_object_get(job, "progress");
    if (!json_is_object(progress))
        return;
    const char *message = job_text(progress, "message");
    double fraction = json_number_value(json_object_get(progress, "fraction"));
    bytes_printf(out, "%d%%%s%s", (int)(fraction * 100), *message ? " " : "", message);
}

void append_job_error(struct bytes *out, const json_t *job)
{
    const json_t *error = json_object_get(job, "error");
    if (json_is_object(error))
        bytes_printf(out, "%s: %s", job_text(error, "code"), job_text(error, "message"));
}

void append_job_note(struct bytes *out, const json_t *job)
{
    if (json_is_true(json_object_get(job, "cancelling")))
        bytes_append_text(out, "being cancelled");
    else if (strcmp(job_text(job, "state"), "running") == 0)
        append_job_progress(out, job);
    else if (strcmp(job_text(job, "state"), "succeeded") != 0)
        append_job_error(out, job);
}

void append_gate(struct bytes *out, const json_t *route, int64_t now_ms)
{
    int64_t until_ms;
    json_int_t failures = json_integer_value(json_object_get(route, "failures"));
    if (json_is_false(json_object_get(route, "known"))) {
        bytes_append_text(out, "not in the config");
        return;
    }
    bytes_append_text(out, job_text(route, "gate"));
    if (job_time(route, "until", &until_ms)) {
        bytes_append_text(out, ", opens ");
        append_when(out, until_ms, now_ms);
    }
    if (failures > 0)
        bytes_printf(out, " (%lld %s)", (long long)failures,
                     failures == 1 ? "failure" : "failures");
}
