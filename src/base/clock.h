/*
 * Time: the two clocks, RFC 3339, and durations as people write them.
 *
 * Monotonic time is for waiting, wall-clock time for what a person reads or what outlives the
 * process. Any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include <ferry/error.h>

enum { CLOCK_RFC3339_SIZE = sizeof "2026-11-21T10:09:14.123Z" };

int64_t clock_monotonic_us(void);
int64_t clock_monotonic_ms(void);
int64_t clock_wall_ms(void); /* since 1970, UTC */

/* Return the monotonic time of the kernel's last tick, which is up to 10 ms ago, for a third of the
 * cost: for deadlines of seconds that are set several times for each request. */
int64_t clock_coarse_ms(void);

/* Return the monotonic time `ms` from now, in microseconds; what is further off than the clock can
 * count is 100,000 years off, and what is past is now. */
int64_t clock_monotonic_us_after(int64_t ms);

/* Write wall-clock milliseconds as "2026-11-21T10:09:14.123Z"; returns `text`. */
char *clock_format_rfc3339(int64_t wall_ms, char text[CLOCK_RFC3339_SIZE]);

/* Parse "2026-11-21T10:09:14.5+01:00" (RFC 3339): any number of digits of a second, of which
 * milliseconds are kept; an offset or Z. A leap second, :60, is the second after it. Returns 0 or
 * FERRY_INVALID with a message that shows the form. */
int clock_parse_rfc3339(const char *text, int64_t *wall_ms, ferry_error *error);

/* Parse "5s", "1.5h", "250ms", "7d", "1m30s"; a bare "0" is allowed, any other number needs its
 * unit. At most 9e15 ms, so that microseconds fit as well. Returns 0 or FERRY_INVALID with a
 * message that names the units. */
int duration_parse_ms(const char *text, int64_t *ms, ferry_error *error);

/* Parse "16KiB", "8MiB", "4GiB", "512B", "1000": bytes, in powers of 1024. Returns 0 or
 * FERRY_INVALID with a message that names the units. */
int size_parse_bytes(const char *text, int64_t *bytes, ferry_error *error);

#endif
