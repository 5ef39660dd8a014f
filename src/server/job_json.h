/* A job as JSON. */
#ifndef SERVER_JOB_JSON_H
#define SERVER_JOB_JSON_H

#include "bytes.h"
#include "job.h"
#include "queue.h"

/* The progress of a running job; `message` may be empty. */
struct job_progress {
    double fraction;
    char message[160];
};

/* Append the object that GET /jobs/ID answers. `progress` may be NULL. Any thread. */
void job_json(struct bytes *out, const struct job_record *job, const struct job_progress *progress);

/* The same, with the progress that the job has in the queue now. Loop thread. */
void job_json_now(struct bytes *out, const struct job_record *job, struct queue *queue);

/* Append the object of a progress. Any thread. */
void job_json_progress(struct bytes *out, const struct job_progress *progress);

#endif
