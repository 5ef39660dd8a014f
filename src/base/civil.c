/*
 * Dates as counts of days. No state; any thread.
 *
 * Years are counted from March here, so that the day that comes and goes is the last of its year;
 * 400 such years have always the same number of days (an era).
 */
#include "civil.h"

#include <stdbool.h>

enum { ERA_YEARS = 400, ERA_DAYS = 146097, DAYS_TO_1970 = 719468 /* from 1 March of year 0 */ };

static int64_t divide_down(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t civil_to_days(struct civil date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = divide_down(year, ERA_YEARS);
    int64_t of_era = year - era * ERA_YEARS;
    int month = (date.month + 9) % 12; /* March is 0 */
    int64_t day = (153 * month + 2) / 5 + date.day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + day - DAYS_TO_1970;
}

struct civil civil_from_days(int64_t days)
{
    days += DAYS_TO_1970;
    int64_t era = divide_down(days, ERA_DAYS);
    int64_t of_era = days - era * ERA_DAYS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = (int)(of_era - (365 * year + year / 4 - year / 100));
    int month = (5 * of_year + 2) / 153;
    struct civil date = {
        .day = of_year - (153 * month + 2) / 5 + 1,
        .month = month < 10 ? month + 3 : month - 9,
    };
    date.year = year + era * ERA_YEARS + (date.month <= 2);
    return date;
}

int civil_month_length(int64_t year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return lengths[month - 1] + (month == 2 && is_leap);
}

int civil_weekday(int64_t days)
{
    return (int)(((days + 4) % 7 + 7) % 7); /* 1 January 1970 was a Thursday */
}

int64_t civil_day_of(int64_t seconds)
{
    return divide_down(seconds, CIVIL_DAY_S);
}
