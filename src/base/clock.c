/*
 * Clocks, durations and sizes. No state; any thread.
 */
#include "clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    double number = strtod(*text, &end);
    if (!(number <= quantity_max))
        return false;
    size_t digits = strspn(*text, "0123456789.");
    if ((size_t)(end - *text) != digits) /* no exponents, no hexadecimal */
        return false;
    size_t letters = 0;
    while (isalpha((unsigned char)end[letters]))
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
