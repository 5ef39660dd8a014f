/*
 * Dates of the Gregorian calendar, before and after 1970, as counts of days. No state; any thread.
 */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include <stdint.h>

enum { CIVIL_DAY_S = 24 * 60 * 60 };

struct civil {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

/* Days since 1 January 1970, and back. */
int64_t civil_to_days(struct civil date);
struct civil civil_from_days(int64_t days);

int civil_month_length(int64_t year, int month);

/* 0 is Sunday. */
int civil_weekday(int64_t days);

/* The day that a second belongs to, of seconds since 1970; rounds down. */
int64_t civil_day_of(int64_t seconds);

#endif
