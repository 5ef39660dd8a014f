/* A job as JSON: what is not there yet is null, so that every key is always there. No state. */
#include "job_json.h"

#include <jansson.h>
#include <string.h>

#include "ascii.h"
#include "clock.h"

static void put_text(struct bytes *out, const char *key, const char *value)
{
    bytes_printf(out, ",\"%s\":", key);
    if (value)
        bytes_append_json(out, value, strlen(value));
    else
        bytes_append_text(out, "null");
}

static void put_time(struct bytes *out, const char *key, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    put_text(out, key, wall_ms ? clock_format_rfc3339(wall_ms, text) : NULL);
}

void job_json_progress(struct bytes *out, const struct job_progress *progress)
{
    char fraction[32];
    ascii_printf(fraction, sizeof fraction, "%.4g", progress->fraction);
    bytes_printf(out, "{\"fraction\":%s,\"message\":", fraction);
    bytes_append_json(out, progress->message, strlen(progress->message));
    bytes_append_char(out, '}');
}

static void put_progress(struct bytes *out, const struct job_progress *progress)
{
    bytes_append_text(out, ",\"progress\":");
    if (progress)
        job_json_progress(out, progress);
    else
        bytes_append_text(out, "null");
}

static void put_error(struct bytes *out, const struct job_record *job)
{
    if (!job->error) {
        bytes_append_text(out, ",\"error\":null");
        return;
    }
    bytes_printf(out, ",\"error\":{\"code\":\"%s\",\"message\":", ferry_code_name(job->error_code));
    bytes_append_json(out, job->error, strlen(job->error));
    bytes_append_char(out, '}');
}

static bool is_json(const struct job_record *job)
{
    if (!job->result_type || strncmp(job->result_type, "application/json", 16) != 0)
        return false;
    json_t *parsed = json_loadb(job->result, job->result_length, JSON_DECODE_ANY, NULL);
    json_decref(parsed);
    return parsed != NULL;
}

/* Copy valid JSON without the blanks between its tokens. */
static void put_compact(struct bytes *out, const char *text, size_t length)
{
    bool in_string = false;
    for (const char *at = text; at < text + length; at++) {
        if (in_string && *at == '\\')
            bytes_append_char(out, *at++);
        else if (*at == '"')
            in_string = !in_string;
        else if (!in_string && strchr(" \t\r\n", *at))
            continue;
        bytes_append_char(out, *at);
    }
}

/* A JSON result is shown as what it is, its numbers to the digit; any other one as a string. */
static void put_body(struct bytes *out, const struct job_record *job)
{
    if (is_json(job))
        put_compact(out, job->result, job->result_length);
    else
        bytes_append_json(out, job->result, job->result_length);
}

static void put_result(struct bytes *out, const struct job_record *job)
{
    if (!job->result_status) {
        bytes_append_text(out, ",\"result\":null");
        return;
    }
    bytes_printf(out, ",\"result\":{\"status\":%d", job->result_status);
    put_text(out, "content_type", job->result_type);
    if (job->result)
        bytes_printf(out, ",\"bytes\":%zu,\"body\":", job->result_length);
    else
        bytes_append_text(out, ",\"bytes\":null,\"body\":");
    if (job->result && job->result_length <= JOB_RESULT_BYTES)
        put_body(out, job);
    else
        bytes_append_text(out, "null");
    bytes_append_char(out, '}');
}

void job_json(struct bytes *out, const struct job_record *job, const struct job_progress *progress)
{
    bytes_printf(out, "{\"id\":\"%s\",\"delivery_id\":\"%s\"", job->id, job->delivery_id);
    put_text(out, "route", job->route);
    put_text(out, "worker", job->worker);
    put_text(out, "state", job_state_name(job->state));
    bytes_printf(out, ",\"attempt\":%u,\"crashes\":%u,\"cancelling\":%s", job->attempt,
                 job->crashes, job->is_cancelling ? "true" : "false");
    put_time(out, "created_at", job->created_ms);
    put_time(out, "run_at", job->run_at_ms);
    put_time(out, "started_at", job->started_ms);
    put_time(out, "finished_at", job->finished_ms);
    put_progress(out, progress);
    put_error(out, job);
    put_result(out, job);
    bytes_append_char(out, '}');
}

void job_json_event(struct bytes *out, const struct job_record *job, int64_t now_ms)
{
    const char *state = job_state_name(job->state);
    char now[CLOCK_RFC3339_SIZE];
    bytes_printf(out, "{\"type\":\"job.%s\",\"timestamp\":\"%s\"", state,
                 clock_format_rfc3339(now_ms, now));
    bytes_printf(out, ",\"data\":{\"delivery_id\":\"%s\"", job->delivery_id);
    put_text(out, "route", job->route);
    put_text(out, "worker", job->worker);
    put_text(out, "state", state);
    bytes_printf(out, ",\"attempt\":%u", job->attempt);
    put_time(out, "created_at", job->created_ms);
    put_time(out, "finished_at", job->finished_ms);
    put_error(out, job);
    put_result(out, job);
    bytes_append_text(out, "}}");
}
