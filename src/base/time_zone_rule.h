/*
 * The rule that a time zone follows from now on, as POSIX writes it in TZ: "CET-1CEST,M3.5.0,
 * M10.5.0/3". No state; any thread.
 */
#ifndef BASE_TIME_ZONE_RULE_H
#define BASE_TIME_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

/* The day of a year, and the second of it, at which a clock is changed. */
struct time_zone_date {
    enum { DATE_WEEKDAY, DATE_JULIAN, DATE_ZERO_BASED } kind;
    int month; /* DATE_WEEKDAY: the week-th such weekday of the month, the last one if it is 5 */
    int week;
    int weekday;
    int day; /* DATE_JULIAN: 1 to 365, never 29 February; DATE_ZERO_BASED: 0 to 365 */
    int32_t second;
};

struct time_zone_rule {
    int32_t offset_s; /* of standard time, east of Greenwich */
    bool has_summer;  /* what follows counts */
    int32_t summer_offset_s;
    struct time_zone_date begin; /* by the clock that is in force until then */
    struct time_zone_date end;
};

/* Read a rule up to its end. Returns false if it is none. */
bool time_zone_rule_parse(struct time_zone_rule *rule, const char *text);

/* Return the offset in force at a time in UTC. */
int32_t time_zone_rule_offset(const struct time_zone_rule *rule, int64_t utc_s);

/* Return the first change after a time in UTC; INT64_MAX if there is none. */
int64_t time_zone_rule_next(const struct time_zone_rule *rule, int64_t utc_s);

#endif
