/*
 * Notices that the wall clock was set: it and the monotonic clock then no longer differ by what
 * they did. A clock that is slewed is not taken for one that was set. No state but the struct.
 */
#ifndef JOBS_CLOCK_STEP_H
#define JOBS_CLOCK_STEP_H

#include <stdbool.h>
#include <stdint.h>

struct clock_step {
    bool is_known;
    int64_t offset_ms; /* wall clock minus monotonic, when they were last compared */
};

/* Compare the clocks. Returns by how much the wall clock was set forward (back: less than 0) since
 * the last time, 0 if it was not. */
int64_t clock_step_check(struct clock_step *step, int64_t wall_ms, int64_t monotonic_ms);

#endif
