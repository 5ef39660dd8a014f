/* One attempt: a claimed job whose worker runs. Loop thread. */
#ifndef JOBS_ATTEMPT_H
#define JOBS_ATTEMPT_H

#include "dispatch.h"

/* Run a claimed job, whose slot is held; one that has none is ready from now on (ahead.h). Takes
 * over job->block and job->memory. While the queue drains or the route is paused, or when that is
 * not known any more, the job is given back instead. */
void attempt_start(struct dispatch_route *route, const struct claimed_job *job, bool has_slot);

/* Run one that was ready, and has been taken out of the list; its slot is held. `now_ms` is the
 * loop's clock. */
void attempt_run(struct attempt *attempt, int64_t now_ms);

/* Give such a one back, as if its job had not been claimed. */
void attempt_give_back(struct attempt *attempt);

/* Tell the attempt that runs the job of this id, if one does, that the job is cancelled; one that
 * is only ready ends by that. */
void attempt_cancel(struct queue *queue, const char *id);

/* Take the jobs of a route back that wait in their pool ahead of a slot, as far as they have not
 * started: they are released when they are back. */
void attempts_withdraw(struct dispatch_route *route);

/* Give all running jobs back, with no crash counted; cancel their calls, and ignore what becomes of
 * them. */
void attempts_interrupt(struct queue *queue);

/* The progress of the attempt that runs the job of this id. */
bool attempts_get_progress(const struct queue *queue, const char *id, double *fraction,
                           char *message, size_t size);

#endif
