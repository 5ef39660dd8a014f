/* Steps of the wall clock, made up for on disk. One thread at a time for each set of statements. */
#ifndef JOBS_SHIFT_H
#define JOBS_SHIFT_H

#include "operation.h"
#include "statements.h"

/* Move what waits along. In a transaction of the caller's. Returns 0 or a code. */
int apply_shift(struct statements *statements, struct shift_operation *shift, ferry_error *error);

/* Do so when the clock went back while nobody ran. Returns 0 or a code. */
int shift_at_start(struct statements *statements, int64_t now_ms, ferry_error *error);

#endif
