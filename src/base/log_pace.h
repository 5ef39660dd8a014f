/*
 * A pace for lines of the log that a stranger can cause, or a shortage: a flood of those must not
 * become one of lines. Any thread, one pace each.
 */
#ifndef BASE_LOG_PACE_H
#define BASE_LOG_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* A zeroed struct is ready. */
struct log_pace {
    int64_t next_ms;   /* not before */
    unsigned left_out; /* since the last line */
};

/* Tell whether to write a line, once in ten seconds. Then `left_out` gets how many were not written
 * since the last one; else this one is counted. */
bool log_pace_allows(struct log_pace *pace, unsigned *left_out);

#endif
