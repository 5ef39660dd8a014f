/* Callbacks: jobs that tell somebody of the end of another one. One thread at a time for each set
 * of statements. */
#ifndef JOBS_CALLBACK_H
#define JOBS_CALLBACK_H

#include "operation.h"
#include "statements.h"

/* Add the callback of a job that has just become final, in the same transaction, and count it.
 * Returns 0 or a code. */
int callback_add(struct statements *statements, int64_t job, int64_t now_ms,
                 struct callbacks_added *added, ferry_error *error);

#endif
