/*
 * Clocks, durations and sizes. No state; any thread.
 */
#include "clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ascii.h"
#include "civil.h"

static int64_t clock_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_coarse_ms(void)
{
    return clock_us(CLOCK_MONOTONIC_COARSE) / 1000;
}

int64_t clock_wall_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_us_after(int64_t ms)
{
    if (ms > INT64_MAX / 2000)
        return INT64_MAX / 2;
    return clock_monotonic_us() + (ms > 0 ? ms * 1000 : 0);
}

char *clock_format_rfc3339(int64_t wall_ms, char text[CLOCK_RFC3339_SIZE])
{
    int64_t milliseconds = (wall_ms % 1000 + 1000) % 1000; /* also before 1970 */
    time_t seconds = (time_t)((wall_ms - milliseconds) / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char date[sizeof "2026-11-21T10:09:14"];
    if (strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        memcpy(date, "9999-12-31T23:59:59", sizeof date);
    snprintf(text, CLOCK_RFC3339_SIZE, "%s.%03uZ", date, (unsigned)milliseconds % 1000);
    return text;
}

/* ---- reading a time ---- */

/* Read `digits` digits at *text as a number of at most `max`, and move past them. */
static bool read_digits(const char **text, unsigned digits, int max, int *value)
{
    *value = 0;
    for (; digits > 0; digits--, ++*text) {
        if (!isdigit((unsigned char)**text))
            return false;
        *value = *value * 10 + (**text - '0');
    }
    return *value <= max;
}

static bool read_char(const char **text, const char *allowed)
{
    if (!**text || !strchr(allowed, **text))
        return false;
    ++*text;
    return true;
}

static bool read_date(const char **text, int64_t *days)
{
    int year, month, day;
    if (!read_digits(text, 4, 9999, &year) || !read_char(text, "-") ||
        !read_digits(text, 2, 12, &month) || !read_char(text, "-") ||
        !read_digits(text, 2, 31, &day) || month < 1 || day < 1 ||
        day > civil_month_length(year, month))
        return false;
    *days = civil_to_days((struct civil){year, month, day});
    return true;
}

static bool read_time(const char **text, int64_t *ms)
{
    int hour, minute, second, digit, fraction_ms = 0;
    if (!read_digits(text, 2, 23, &hour) || !read_char(text, ":") ||
        !read_digits(text, 2, 59, &minute) || !read_char(text, ":") ||
        !read_digits(text, 2, 60, &second))
        return false;
    if (read_char(text, ".")) {
        if (!isdigit((unsigned char)**text))
            return false;
        for (int weight = 100; read_digits(text, 1, 9, &digit); weight /= 10)
            fraction_ms += digit * weight;
    }
    *ms = ((hour * 60 + minute) * 60LL + second) * 1000 + fraction_ms;
    return true;
}

static bool read_offset(const char **text, int64_t *ms)
{
    int hour, minute;
    *ms = 0;
    if (read_char(text, "Zz"))
        return true;
    bool is_west = **text == '-';
    if (!read_char(text, "+-") || !read_digits(text, 2, 23, &hour) || !read_char(text, ":") ||
        !read_digits(text, 2, 59, &minute))
        return false;
    *ms = (hour * 60 + minute) * (is_west ? -60000LL : 60000LL);
    return true;
}

int clock_parse_rfc3339(const char *text, int64_t *wall_ms, ferry_error *error)
{
    const char *at = text;
    int64_t days, time_ms, offset_ms;
    if (!read_date(&at, &days) || !read_char(&at, "Tt") || !read_time(&at, &time_ms) ||
        !read_offset(&at, &offset_ms) || *at)
        return ferry_error_set(error, FERRY_INVALID,
                               "\"%s\" is not a time; write 2026-11-21T10:09:14Z or "
                               "2026-11-21T11:09:14.5+01:00",
                               text);
    *wall_ms = days * 86400000 + time_ms - offset_ms;
    return 0;
}

/* ---- durations and sizes ---- */

static const double quantity_max = 9e15; /* every whole number up to it is a double */

struct unit {
    const char *name;
    int64_t factor;
};

/* Read one "NUMBER UNIT" at *text and move past it. Returns whether it was one that fits. */
static bool quantity_read(const char **text, const struct unit *units, bool bare_allowed,
                          int64_t *value)
{
    if (!isdigit((unsigned char)**text))
        return false;
    char *end;
    double number = ascii_to_double(*text, &end);
    if (!(number <= quantity_max))
        return false;
    size_t digits = strspn(*text, "0123456789.");
    if ((size_t)(end - *text) != digits) /* no exponents, no hexadecimal */
        return false;
    size_t letters = 0;
    while (ascii_is_letter(end[letters]))
        letters++;
    if (letters == 0) {
        *text = end;
        *value = (int64_t)number;
        return bare_allowed && (double)*value == number;
    }
    for (; units->name; units++) {
        if (strlen(units->name) == letters && strncmp(units->name, end, letters) == 0) {
            number *= (double)units->factor;
            if (number > quantity_max)
                return false;
            *text = end + letters;
            *value = (int64_t)(number + 0.5);
            return true;
        }
    }
    return false;
}

int duration_parse_ms(const char *text, int64_t *ms, ferry_error *error)
{
    static const struct unit units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                        {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
    const char *at = strcmp(text, "0") == 0 ? "0s" : text;
    int64_t total = 0, part;
    do {
        if (!quantity_read(&at, units, false, &part) || total + part > (int64_t)quantity_max)
            return ferry_error_set(error, FERRY_INVALID,
                                   "\"%s\" is not a duration; write 250ms, 5s, 10m, 1h30m or 7d",
                                   text);
        total += part;
    } while (*at);
    *ms = total;
    return 0;
}

int size_parse_bytes(const char *text, int64_t *bytes, ferry_error *error)
{
    static const struct unit units[] = {{"B", 1},         {"KiB", 1 << 10},   {"MiB", 1 << 20},
                                        {"GiB", 1 << 30}, {"TiB", 1LL << 40}, {NULL, 0}};
    const char *at = text;
    if (!quantity_read(&at, units, true, bytes) || *at)
        return ferry_error_set(error, FERRY_INVALID,
                               "\"%s\" is not a size; write 512B, 16KiB, 8MiB or 4GiB", text);
    return 0;
}
