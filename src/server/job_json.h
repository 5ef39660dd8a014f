/* A job as JSON. */
#ifndef SERVER_JOB_JSON_H
#define SERVER_JOB_JSON_H

#include "bytes.h"
#include "job.h"

/* The progress of a running job; `message` may be empty. */
struct job_progress {
    double fraction;
    char message[160];
};

/* Append the object of DESIGN's job resource. `progress` may be NULL. Any thread. */
void job_json(struct bytes *out, const struct job_record *job, const struct job_progress *progress);

#endif
