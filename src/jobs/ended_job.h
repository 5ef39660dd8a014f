/* A job that has succeeded in its first attempt, which began when it came. */
#ifndef JOBS_ENDED_JOB_H
#define JOBS_ENDED_JOB_H

#include "statements.h"

/* Pointers point into what it was read from. */
struct ended_job {
    int64_t job;
    const unsigned char *id; /* RANDOM_ID_BYTES, as the next one */
    const unsigned char *delivery_id;
    const char *route;
    const char *worker;
    int64_t input_bytes;
    int64_t created_ms;
    int64_t finished_ms;
    int result_status;       /* 0: no result */
    const char *result_type; /* may be NULL */
    const char *result;      /* may be NULL */
    size_t result_length;
};

/* Make a record of it, which is the caller's; `has_body`: with the result's body. Returns 0, or
 * FERRY_INTERNAL without memory, and then the record is empty. */
int ended_job_record(const struct ended_job *job, bool has_body, struct job_record *record,
                     ferry_error *error);

/* Give each of so many jobs a row: all with one statement, if they are SUCCEEDED_ROWS. Returns 0 or
 * a code. */
int ended_jobs_insert(struct statements *statements, const struct ended_job *jobs, unsigned count,
                      ferry_error *error);

#endif
