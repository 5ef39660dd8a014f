/*
 * When something is due by the clock on the wall, as crontab(5) writes it. A parsed one is
 * immutable; any thread.
 *
 * Five fields, with blanks between them:
 *   minute            0-59
 *   hour              0-23
 *   day of the month  1-31
 *   month             1-12, or JAN to DEC
 *   day of the week   0-7, or SUN to SAT; 0 and 7 are Sunday
 *
 * A field is "*", or a list of values and ranges: "1-5,10". A step counts through a range or a "*":
 * "10-50/20". Where neither of the two days begins with "*" one that fits is enough, else both
 * must. Instead of the five: @hourly, @daily (or @midnight), @weekly (Sunday), @monthly, @yearly
 * (or
 * @annually).
 *
 * When clocks are changed:
 *
 * Where minute or hour begins with "*" it is about how much time passes. It is due each time that
 * the clock shows what fits: twice in an hour that comes twice, not at all in one that is left out;
 * so "@hourly" is once in each hour that passes.
 *
 * Elsewhere it is about a time of the day, and due once. A time that is left out is due the first
 * moment after the gap (once, if there are several such times), one that comes twice is due the
 * first time.
 */
#ifndef BASE_CRON_H
#define BASE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include <ferry/error.h>

#include "time_zone.h"

/* Which values fit, a bit each. */
struct cron {
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;
    uint16_t months;
    uint8_t weekdays;
    bool either_day; /* a day of the month or one of the week is enough */
    bool by_elapsed; /* minute or hour begins with "*" */
};

/* Returns 0 or FERRY_INVALID, with a message that says which field is wrong. */
int cron_parse(struct cron *cron, const char *text, ferry_error *error);

/* Return when it is due next, after a time of the wall clock; INT64_MAX: never (30 February). */
int64_t cron_next(const struct cron *cron, const struct time_zone *zone, int64_t after_wall_ms);

#endif
