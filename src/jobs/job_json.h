/* A job as JSON. Any thread. */
#ifndef JOBS_JOB_JSON_H
#define JOBS_JOB_JSON_H

#include "bytes.h"
#include "job.h"

/* The progress of a running job; `message` may be empty. */
struct job_progress {
    double fraction;
    char message[160];
};

/* Append the job as its owner sees it. `progress` may be NULL. */
void job_json(struct bytes *out, const struct job_record *job, const struct job_progress *progress);

/* Append a progress alone. */
void job_json_progress(struct bytes *out, const struct job_progress *progress);

/* Append what a callback tells of a job that has ended. Without the id: that is a permission. */
void job_json_event(struct bytes *out, const struct job_record *job, int64_t now_ms);

#endif
