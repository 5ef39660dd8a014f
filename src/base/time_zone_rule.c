/*
 * The rule of a time zone. No state; any thread.
 *
 * A year has two changes. Which offset is in force follows from the latest change; those of the
 * year before and of the year after count as well, since years are local and times are not.
 */
#include "time_zone_rule.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "ascii.h"
#include "civil.h"

enum { OFFSET_HOURS_MAX = 24, HOURS_MAX = 167, CHANGE_HOUR = 2 };

/* ---- reading ---- */

/* What is left to read. Each read_ moves past what it takes, and returns false if it is not there.
 */
struct reader {
    const char *at;
};

static bool read_char(struct reader *reader, char c)
{
    if (*reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool read_number(struct reader *reader, int min, int max, int *number)
{
    *number = 0;
    if (!isdigit((unsigned char)*reader->at))
        return false;
    while (isdigit((unsigned char)*reader->at) && *number <= max)
        *number = *number * 10 + (*reader->at++ - '0');
    return *number >= min && *number <= max;
}

/* "CET", "<+03>" */
static bool read_name(struct reader *reader)
{
    const char *start = reader->at;
    if (read_char(reader, '<')) {
        reader->at += strcspn(reader->at, ">");
        return read_char(reader, '>');
    }
    while (ascii_is_letter(*reader->at))
        reader->at++;
    return reader->at - start >= 3;
}

/* "-3:30", "2", "+1:00:00" */
static bool read_time(struct reader *reader, int hours_max, int32_t *seconds)
{
    bool is_negative = *reader->at == '-';
    int hours, minutes = 0, rest = 0;
    if (*reader->at == '-' || *reader->at == '+')
        reader->at++;
    if (!read_number(reader, 0, hours_max, &hours))
        return false;
    if (read_char(reader, ':') && !read_number(reader, 0, 59, &minutes))
        return false;
    if (read_char(reader, ':') && !read_number(reader, 0, 59, &rest))
        return false;
    *seconds = (hours * 60 + minutes) * 60 + rest;
    if (is_negative)
        *seconds = -*seconds;
    return true;
}

static bool read_day(struct reader *reader, struct time_zone_date *date)
{
    if (read_char(reader, 'M')) {
        date->kind = DATE_WEEKDAY;
        return read_number(reader, 1, 12, &date->month) && read_char(reader, '.') &&
               read_number(reader, 1, 5, &date->week) && read_char(reader, '.') &&
               read_number(reader, 0, 6, &date->weekday);
    }
    if (read_char(reader, 'J')) {
        date->kind = DATE_JULIAN;
        return read_number(reader, 1, 365, &date->day);
    }
    date->kind = DATE_ZERO_BASED;
    return read_number(reader, 0, 365, &date->day);
}

static bool read_date(struct reader *reader, struct time_zone_date *date)
{
    date->second = CHANGE_HOUR * 60 * 60;
    return read_char(reader, ',') && read_day(reader, date) &&
           (!read_char(reader, '/') || read_time(reader, HOURS_MAX, &date->second));
}

bool time_zone_rule_parse(struct time_zone_rule *rule, const char *text)
{
    struct reader reader = {text};
    *rule = (struct time_zone_rule){0};
    if (!read_name(&reader) || !read_time(&reader, OFFSET_HOURS_MAX, &rule->offset_s))
        return false;
    rule->offset_s = -rule->offset_s; /* POSIX counts westwards */
    if (*reader.at == '\0')
        return true;
    rule->has_summer = true;
    rule->summer_offset_s = rule->offset_s + 60 * 60;
    if (!read_name(&reader))
        return false;
    if (*reader.at != ',') {
        if (!read_time(&reader, OFFSET_HOURS_MAX, &rule->summer_offset_s))
            return false;
        rule->summer_offset_s = -rule->summer_offset_s;
    }
    return read_date(&reader, &rule->begin) && read_date(&reader, &rule->end) && *reader.at == '\0';
}

/* ---- changes ---- */

static int64_t weekday_of(const struct time_zone_date *date, int64_t year)
{
    int64_t first = civil_to_days((struct civil){year, date->month, 1});
    int day = (date->weekday - civil_weekday(first) + 7) % 7 + (date->week - 1) * 7;
    while (day >= civil_month_length(year, date->month))
        day -= 7;
    return first + day;
}

static int64_t day_of(const struct time_zone_date *date, int64_t year)
{
    int64_t first = civil_to_days((struct civil){year, 1, 1});
    bool is_leap = civil_month_length(year, 2) == 29;
    switch (date->kind) {
    case DATE_WEEKDAY:
        return weekday_of(date, year);
    case DATE_JULIAN:
        return first + date->day - 1 + (is_leap && date->day > 31 + 28);
    case DATE_ZERO_BASED:
        break;
    }
    return first + date->day;
}

struct change {
    int64_t at_s;
    int32_t offset_s; /* from then on */
};

enum { CHANGES = 10 };

/* The changes of the year of a time and of the two on either side: an hour of up to 167 can move a
 * change into a neighbouring year. An end comes before the beginning of the next year's summer:
 * where both are at once it is always summer. */
static void list_changes(const struct time_zone_rule *rule, int64_t utc_s,
                         struct change changes[CHANGES])
{
    int64_t year = civil_from_days(civil_day_of(utc_s)).year;
    for (int i = 0; i < CHANGES / 2; i++) {
        const struct time_zone_date *begin = &rule->begin, *end = &rule->end;
        int64_t of = year - CHANGES / 4 + i;
        changes[i] = (struct change){
            day_of(end, of) * CIVIL_DAY_S + end->second - rule->summer_offset_s, rule->offset_s};
        changes[CHANGES / 2 + i] =
            (struct change){day_of(begin, of) * CIVIL_DAY_S + begin->second - rule->offset_s,
                            rule->summer_offset_s};
    }
}

int32_t time_zone_rule_offset(const struct time_zone_rule *rule, int64_t utc_s)
{
    if (!rule->has_summer)
        return rule->offset_s;
    struct change changes[CHANGES], latest = {INT64_MIN, rule->offset_s};
    list_changes(rule, utc_s, changes);
    for (size_t i = 0; i < CHANGES; i++) {
        if (changes[i].at_s <= utc_s && changes[i].at_s >= latest.at_s)
            latest = changes[i];
    }
    return latest.offset_s;
}

int64_t time_zone_rule_next(const struct time_zone_rule *rule, int64_t utc_s)
{
    if (!rule->has_summer)
        return INT64_MAX;
    struct change changes[CHANGES];
    int64_t next_s = INT64_MAX;
    list_changes(rule, utc_s, changes);
    for (size_t i = 0; i < CHANGES; i++) {
        if (changes[i].at_s > utc_s && changes[i].at_s < next_s)
            next_s = changes[i].at_s;
    }
    return next_s;
}
