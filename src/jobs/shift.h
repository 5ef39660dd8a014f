/* Steps of the wall clock, made up for on disk. One thread at a time for each set of statements. */
#ifndef JOBS_SHIFT_H
#define JOBS_SHIFT_H

#include "statements.h"

/* The wall clock was set forward by so much (back: less than 0), to `now_ms`: move what waits for a
 * time that nobody wrote along. In a transaction of the caller's. Returns 0 or a code. */
int shift_jobs(struct statements *statements, int64_t by_ms, int64_t now_ms, ferry_error *error);

/* Do so when the clock went back while nobody ran. Returns 0 or a code. */
int shift_at_start(struct statements *statements, int64_t now_ms, ferry_error *error);

#endif
