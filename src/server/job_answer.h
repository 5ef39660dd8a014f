/* A job's result as an answer: what a live call would have said. Loop thread; no state. */
#ifndef SERVER_JOB_ANSWER_H
#define SERVER_JOB_ANSWER_H

#include <ferry/http.h>

#include "job.h"

/* Return the status of a final job's answer: of the worker's reply, or of the error of a dead job;
 * 410 of a cancelled one. */
int job_answer_status(const struct job_record *job);

/* Tell whether a job has succeeded and has no answer: its result was too long to be kept. */
bool job_answer_is_lost(const struct job_record *job);

/* Reply with it. */
void job_answer(ferry_request *request, const struct job_record *job);

/* Say when to ask for a job again that is not final: soon, or when it is due. */
void job_set_retry_after(ferry_request *request, enum job_state state, int64_t run_at_ms);

/* Return that in seconds, from 1 to 60. */
unsigned job_retry_after_s(enum job_state state, int64_t run_at_ms, int64_t now_ms);

#endif
