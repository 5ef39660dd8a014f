/* Time zones: all there are against the C library's, the gaps and the hours that come twice, and
 * files that are none. */
#include "time_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "support.h"

static struct time_zone *open_zone(const char *name)
{
    ferry_error error = {0};
    struct time_zone *zone = time_zone_open(name, &error);
    if (!zone)
        fail_msg("%s: %s", name, error.message);
    return zone;
}

/* ---- against the C library ---- */

static void check_at(const struct time_zone *zone, const char *name, int64_t at)
{
    time_t seconds = (time_t)at;
    struct tm expected;
    assert_non_null(localtime_r(&seconds, &expected));
    if (time_zone_offset(zone, at) != expected.tm_gmtoff)
        fail_msg("%s at %lld: %d, not %ld", name, (long long)at, (int)time_zone_offset(zone, at),
                 expected.tm_gmtoff);
}

/* From 1970 to 2100: each month or so, and on either side of each change. */
static void check_zone(const char *name)
{
    struct time_zone *zone = open_zone(name);
    setenv("TZ", name, 1);
    tzset();
    for (int64_t at = 0; at < 4102444800; at += 2999999)
        check_at(zone, name, at);
    int64_t change = time_zone_next_change(zone, 0);
    while (change < 4102444800) {
        check_at(zone, name, change - 1);
        check_at(zone, name, change);
        int64_t next = time_zone_next_change(zone, change);
        assert_true(next > change);
        change = next;
    }
    time_zone_free(zone);
}

static void test_every_zone_against_the_c_library(void **state)
{
    (void)state;
    FILE *list = fopen("/usr/share/zoneinfo/tzdata.zi", "r");
    char line[512], name[128];
    int count = 0;
    assert_non_null(list);
    while (fgets(line, sizeof line, list)) {
        bool is_zone = sscanf(line, "Z %127s", name) == 1; /* "Z NAME OFFSET ..." */
        bool is_link = !is_zone && sscanf(line, "L %*s %127s", name) == 1;
        if (!is_zone && !is_link)
            continue;
        check_zone(name);
        count++;
    }
    fclose(list);
    assert_true(count > 400);
}

/* ---- local time to UTC ---- */

static void test_first(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int64_t local_s;
        int64_t utc_s;
    } tests[] = {
        {"UTC", 1000000000, 1000000000},
        {"Europe/Berlin", 1711850400 - 1, 1711846800 - 1}, /* 2024-03-31 01:59:59 */
        {"Europe/Berlin", 1711850400, 1711846800},         /* 02:00 is left out */
        {"Europe/Berlin", 1711852200, 1711846800},         /* 02:30, too */
        {"Europe/Berlin", 1711854000, 1711846800},         /* 03:00 is that moment */
        {"Europe/Berlin", 1711854060, 1711846860},
        {"Europe/Berlin", 1729994400, 1729987200},       /* 2024-10-27 02:00, in summer time */
        {"Europe/Berlin", 1729997999, 1729990799},       /* 02:59:59 */
        {"Europe/Berlin", 1729998000, 1729994400},       /* 03:00 comes once */
        {"America/New_York", 1710037800, 1710054000},    /* 2024-03-10 02:30 is left out */
        {"America/New_York", 1730597400, 1730611800},    /* 2024-11-03 01:30 comes twice */
        {"Australia/Lord_Howe", 1728180900, 1728142200}, /* 2024-10-06 02:15 is left out */
        {"Australia/Lord_Howe", 1712454300, 1712414700}, /* 2024-04-07 01:45 comes twice */
        {"Pacific/Apia", 1325246400, 1325239200},        /* 2011-12-30 12:00: a day is left out */
        {"Europe/Berlin", 33237052200, 33237046800},     /* 3023-03-30 02:30, by the rule */
    };
    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        struct time_zone *zone = open_zone(tests[i].zone);
        int64_t utc_s = time_zone_first(zone, tests[i].local_s);
        if (utc_s != tests[i].utc_s)
            fail_msg("%s %lld: %lld, not %lld", tests[i].zone, (long long)tests[i].local_s,
                     (long long)utc_s, (long long)tests[i].utc_s);
        time_zone_free(zone);
    }
}

static void test_utc_needs_no_file(void **state)
{
    (void)state;
    struct time_zone *zone = open_zone("UTC");
    assert_int_equal(time_zone_offset(zone, 1700000000), 0);
    assert_int_equal(time_zone_next_change(zone, 0), INT64_MAX);
    time_zone_free(zone);
}

/* ---- what is none ---- */

static void test_unknown_names(void **state)
{
    (void)state;
    static const char *const names[] = {"Europe/Berlni",       "",       "/etc/passwd",
                                        "../../../etc/passwd", "Europe", "Europe/",
                                        "Europe/Berlin "};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        ferry_error error = {0};
        struct time_zone *zone = time_zone_open(names[i], &error);
        if (zone || error.code != FERRY_NOT_FOUND)
            fail_msg("\"%s\": %s", names[i], error.message);
    }
    ferry_error error = {0};
    assert_null(time_zone_open("leapseconds", &error)); /* a file, but no zone's */
    assert_int_equal(error.code, FERRY_INVALID);
}

static struct time_zone *parse_copy(const struct bytes *file, size_t length)
{
    char *copy = malloc(length + 1); /* of its own, so that a read past its end is seen */
    assert_non_null(copy);
    memcpy(copy, file->data, length);
    struct time_zone *zone = time_zone_parse(copy, length, NULL);
    free(copy);
    return zone;
}

static void test_cut_files_are_refused(void **state)
{
    (void)state;
    struct bytes file = {0};
    assert_int_equal(bytes_read_file(&file, "/usr/share/zoneinfo/America/New_York", 1 << 20, NULL),
                     0);
    for (size_t length = 0; length < file.length; length++) {
        if (length > 0)
            assert_null(parse_copy(&file, length));
    }
    struct time_zone *zone = parse_copy(&file, file.length);
    assert_non_null(zone);
    time_zone_free(zone);
    bytes_fini(&file);
}

/* Whatever a byte becomes, the file is refused or can be asked; the sanitizers know more. */
static void test_damaged_files_do_no_harm(void **state)
{
    (void)state;
    struct bytes file = {0};
    assert_int_equal(
        bytes_read_file(&file, "/usr/share/zoneinfo/Australia/Lord_Howe", 1 << 20, NULL), 0);
    for (size_t i = 0; i < file.length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            file.data[i] = (char)(file.data[i] ^ 1 << bit);
            struct time_zone *zone = parse_copy(&file, file.length);
            if (zone) {
                int32_t offset = time_zone_offset(zone, 1700000000);
                assert_true(offset > -INT32_C(200) * 3600 && offset < INT32_C(200) * 3600);
                assert_true(time_zone_next_change(zone, 1700000000) > 1700000000);
            }
            time_zone_free(zone);
            file.data[i] = (char)(file.data[i] ^ 1 << bit);
        }
    }
    bytes_fini(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_zone_against_the_c_library),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_utc_needs_no_file),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_cut_files_are_refused),
        cmocka_unit_test(test_damaged_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
