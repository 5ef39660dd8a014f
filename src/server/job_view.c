/* Jobs as they are shown now. Loop thread; no state. */
#include "job_view.h"

bool job_view_progress(struct queue *queue, const char *id, struct job_progress *progress)
{
    return queue_get_progress(queue, id, &progress->fraction, progress->message,
                              sizeof progress->message);
}

void job_view_json(struct bytes *out, const struct job_record *job, struct queue *queue)
{
    struct job_progress progress;
    bool has_progress = job->state == JOB_RUNNING && job_view_progress(queue, job->id, &progress);
    job_json(out, job, has_progress ? &progress : NULL);
}
