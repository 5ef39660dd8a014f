/*
 * Times as people say them: "3m ago", "in 5s". Pure functions.
 */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdint.h>

#include "bytes.h"

/* Append how long `ms` milliseconds are, by the one or two largest units: "5s", "1m 30s", "3h",
 * "12d". Less than a second is "0s". */
void append_duration(struct bytes *out, int64_t ms);

/* Append when `wall_ms` is, seen from `now_ms`: "3m ago", "in 5s", "now". */
void append_when(struct bytes *out, int64_t wall_ms, int64_t now_ms);

#endif
