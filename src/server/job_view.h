/* A job as it is shown now: its record, with the progress of an attempt that runs. Loop thread. */
#ifndef SERVER_JOB_VIEW_H
#define SERVER_JOB_VIEW_H

#include "job_json.h"
#include "queue.h"

/* Append the job's JSON. */
void job_view_json(struct bytes *out, const struct job_record *job, struct queue *queue);

/* Ask for the progress of a job that runs. Returns whether there is any. */
bool job_view_progress(struct queue *queue, const char *id, struct job_progress *progress);

#endif
