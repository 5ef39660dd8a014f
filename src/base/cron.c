/*
 * Cron. No state; any thread.
 *
 * Local time is taken for a count of seconds like any other: a civil day has 86,400 of them. What
 * fits is found there, and then carried over to UTC, which is where a change of clocks matters.
 */
#include "cron.h"

#include <ctype.h>
#include <string.h>

#include "ascii.h"
#include "civil.h"

/* ---- reading ---- */

struct cron_field {
    const char *name;
    int min;
    int max;
    const char *const *words; /* of the values from min on, NULL-terminated; may be NULL */
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const char *const month_words[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL",
                                          "AUG", "SEP", "OCT", "NOV", "DEC", NULL};
static const char *const weekday_words[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL};

static const struct cron_field cron_fields[FIELDS] = {
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day of the month", 1, 31, NULL},
    {"month", 1, 12, month_words},
    {"day of the week", 0, 7, weekday_words},
};

static bool is_end(char c)
{
    return c == '\0' || c == ' ' || c == '\t';
}

/* Read a number or a name and move past it; -1 if it is neither. */
static int read_value(const char **at, const struct cron_field *field)
{
    int value = 0;
    if (isdigit((unsigned char)**at)) {
        for (; isdigit((unsigned char)**at); ++*at)
            value = value < 1000 ? value * 10 + (**at - '0') : value; /* out of any range */
        return value;
    }
    for (int i = 0; field->words && field->words[i]; i++) {
        if (ascii_compare_n(*at, field->words[i], 3) == 0 && !ascii_is_letter((*at)[3])) {
            *at += 3;
            return field->min + i;
        }
    }
    return -1;
}

/* Return what is wrong with a part of a list, "*", "5", "1-5" or one of them with "/2", NULL if
 * nothing is: then it has been added to `set`. */
static const char *read_part(const char **at, const struct cron_field *field, uint64_t *set)
{
    int first = field->min, last = field->max, step = 1;
    bool is_range = **at == '*';
    if (is_range) {
        ++*at;
        last -= field->words == weekday_words; /* Sunday once */
    } else if ((first = last = read_value(at, field)) < 0) {
        return "is not a value of it";
    }
    if (**at == '-' && !is_range) {
        ++*at;
        is_range = true;
        if ((last = read_value(at, field)) < 0)
            return "is not a value of it";
        if (field->words == weekday_words && last == 0 && first > 0)
            last = 7; /* FRI-SUN */
    }
    if (**at == '/') {
        ++*at;
        if (!is_range)
            return "is wrong: a step needs a range, such as 10-59/10";
        if ((step = read_value(at, &cron_fields[MINUTE])) < 1)
            return "is wrong: a step is a number from 1 on";
    }
    if (first < field->min || last > field->max || first > last)
        return "is out of range";
    for (int value = first; value <= last; value += step)
        *set |= UINT64_C(1) << value;
    return NULL;
}

static int read_field(const char **at, const struct cron_field *field, uint64_t *set,
                      ferry_error *error)
{
    const char *start = *at, *problem;
    *set = 0;
    while (!(problem = read_part(at, field, set)) && **at == ',')
        ++*at;
    if (!problem && !is_end(**at))
        problem = "is not a value of it";
    if (!problem)
        return 0;
    return ferry_error_set(error, FERRY_INVALID, "%s: \"%.*s\" %s", field->name,
                           (int)strcspn(start, " \t"), start, problem);
}

/* Return the five fields that a name such as @daily stands for, NULL for none. */
static const char *named(const char *text)
{
    static const struct {
        const char *name;
        const char *fields;
    } names[] = {{"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
                 {"@weekly", "0 0 * * 0"},  {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
                 {"@annually", "0 0 1 1 *"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, text) == 0)
            return names[i].fields;
    }
    return NULL;
}

int cron_parse(struct cron *cron, const char *text, ferry_error *error)
{
    uint64_t sets[FIELDS];
    bool has_star[FIELDS];
    const char *at = text[0] == '@' ? named(text) : text;
    if (!at)
        return ferry_error_set(error, FERRY_INVALID,
                               "\"%s\" is not known: @hourly, @daily, @midnight, @weekly, @monthly "
                               "and @yearly are",
                               text);
    for (int i = 0; i < FIELDS; i++) {
        at += strspn(at, " \t");
        if (*at == '\0')
            return ferry_error_set(error, FERRY_INVALID, "the %s is missing", cron_fields[i].name);
        has_star[i] = *at == '*';
        if (read_field(&at, &cron_fields[i], &sets[i], error) < 0)
            return FERRY_INVALID;
    }
    if (at[strspn(at, " \t")] != '\0')
        return ferry_error_set(error, FERRY_INVALID, "there are more than five fields");
    *cron = (struct cron){
        .minutes = sets[MINUTE],
        .hours = (uint32_t)sets[HOUR],
        .days = (uint32_t)sets[DAY],
        .months = (uint16_t)sets[MONTH],
        .weekdays = (uint8_t)((sets[WEEKDAY] | sets[WEEKDAY] >> 7) & 0x7F),
        .either_day = !has_star[DAY] && !has_star[WEEKDAY],
        .by_elapsed = has_star[MINUTE] || has_star[HOUR],
    };
    return 0;
}

/* ---- local time ---- */

enum { YEARS_AHEAD = 400 /* then the calendar repeats */ };

static bool has_bit(uint64_t set, int bit)
{
    return set >> bit & 1;
}

static bool fits_day(const struct cron *cron, int64_t days, int day)
{
    bool of_month = has_bit(cron->days, day);
    bool of_week = has_bit(cron->weekdays, civil_weekday(days));
    return cron->either_day ? of_month || of_week : of_month && of_week;
}

/* Return the first day that fits, from a day on; INT64_MAX if there is none. */
static int64_t next_day(const struct cron *cron, int64_t days)
{
    struct civil date = civil_from_days(days);
    int64_t last_year = date.year + YEARS_AHEAD;
    while (date.year <= last_year) {
        int length = civil_month_length(date.year, date.month);
        days = civil_to_days(date);
        for (int day = date.day; has_bit(cron->months, date.month) && day <= length; day++) {
            if (fits_day(cron, days + day - date.day, day))
                return days + day - date.day;
        }
        date = (struct civil){date.year + date.month / 12, date.month % 12 + 1, 1};
    }
    return INT64_MAX;
}

/* Return the first minute of a day that fits, from a minute on; -1 if there is none. */
static int next_minute(const struct cron *cron, int minute)
{
    for (; minute < 24 * 60; minute++) {
        if (!has_bit(cron->hours, minute / 60))
            minute = minute / 60 * 60 + 59;
        else if (has_bit(cron->minutes, minute % 60))
            return minute;
    }
    return -1;
}

/* Return the first local time that fits, not before one; INT64_MAX if there is none. */
static int64_t next_local(const struct cron *cron, int64_t local_s)
{
    int64_t days = civil_day_of(local_s);
    int64_t day = next_day(cron, days);
    int64_t of_day = local_s - days * CIVIL_DAY_S;
    int minute = day == days ? next_minute(cron, (int)((of_day + 59) / 60)) : -1;
    if (day == days && minute < 0)
        day = next_day(cron, days + 1);
    if (day == INT64_MAX)
        return INT64_MAX;
    if (minute < 0)
        minute = next_minute(cron, 0);
    return day * CIVIL_DAY_S + INT64_C(60) * minute;
}

/* ---- and UTC ---- */

/* Look through the stretches of one offset, each up to the next change. */
static int64_t next_elapsed(const struct cron *cron, const struct time_zone *zone, int64_t from_s)
{
    for (;;) {
        int32_t offset_s = time_zone_offset(zone, from_s);
        int64_t local_s = next_local(cron, from_s + offset_s);
        int64_t end_s = time_zone_next_change(zone, from_s);
        if (local_s == INT64_MAX || local_s - offset_s < end_s)
            return local_s == INT64_MAX ? INT64_MAX : local_s - offset_s;
        from_s = end_s;
    }
}

/* Local times in their order are due in the same order, some at once. Those that came before what
 * the clock shows now are due no more. */
static int64_t next_of_day(const struct cron *cron, const struct time_zone *zone, int64_t from_s)
{
    int64_t local_s = next_local(cron, from_s + time_zone_offset(zone, from_s));
    while (local_s != INT64_MAX) {
        int64_t due_s = time_zone_first(zone, local_s);
        if (due_s >= from_s)
            return due_s;
        local_s = next_local(cron, local_s + 60);
    }
    return INT64_MAX;
}

int64_t cron_next(const struct cron *cron, const struct time_zone *zone, int64_t after_wall_ms)
{
    int64_t from_s = after_wall_ms / 1000 - (after_wall_ms % 1000 < 0) + 1;
    int64_t due_s =
        cron->by_elapsed ? next_elapsed(cron, zone, from_s) : next_of_day(cron, zone, from_s);
    return due_s == INT64_MAX ? INT64_MAX : due_s * 1000;
}
