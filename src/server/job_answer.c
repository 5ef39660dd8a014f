/* A job's result as an answer. Loop thread; no state. */
#include "job_answer.h"

#include <assert.h>

#include "clock.h"

enum { POLL_MIN_S = 1, POLL_MAX_S = 60 };

static void error_of(const struct job_record *job, ferry_error *error)
{
    if (job->state == JOB_CANCELLED)
        ferry_error_set(error, FERRY_GONE, "the job was cancelled");
    else if (job->state == JOB_SUCCEEDED)
        ferry_error_set(error, FERRY_GONE,
                        "the job has succeeded; its result was too long to be kept");
    else
        ferry_error_set(error, job->error_code ? job->error_code : FERRY_INTERNAL, "%s",
                        job->error ? job->error : "the job has failed");
}

static bool has_result(const struct job_record *job)
{
    return job->state != JOB_CANCELLED && job->result_status && job->result;
}

bool job_answer_is_lost(const struct job_record *job)
{
    return job->state == JOB_SUCCEEDED && !has_result(job);
}

int job_answer_status(const struct job_record *job)
{
    if (has_result(job))
        return job->result_status;
    ferry_error error;
    error_of(job, &error);
    return ferry_code_status(error.code);
}

void job_answer(ferry_request *request, const struct job_record *job)
{
    ferry_error error;
    if (has_result(job)) {
        ferry_request_reply(request, job->result_status, job->result_type, job->result,
                            job->result_length);
        return;
    }
    error_of(job, &error);
    ferry_request_reply_error(request, &error);
}

unsigned job_retry_after_s(enum job_state state, int64_t run_at_ms, int64_t now_ms)
{
    if (state != JOB_SCHEDULED && state != JOB_RETRYING)
        return POLL_MIN_S;
    int64_t seconds = (run_at_ms - now_ms + 999) / 1000;
    if (seconds < POLL_MIN_S)
        return POLL_MIN_S;
    return seconds < POLL_MAX_S ? (unsigned)seconds : POLL_MAX_S;
}

void job_set_retry_after(ferry_request *request, enum job_state state, int64_t run_at_ms)
{
    int64_t now_ms = run_at_ms > 0 ? clock_wall_ms() : 0; /* one that is due needs no clock */
    unsigned seconds = job_retry_after_s(state, run_at_ms, now_ms);
    static_assert(POLL_MAX_S < 100, "two digits");
    char text[3] = {(char)('0' + seconds / 10), (char)('0' + seconds % 10), '\0'};
    ferry_request_set_header(request, "Retry-After", seconds < 10 ? text + 1 : text);
}
