/* Durations, sizes, RFC 3339, and times far off. */
#include "clock.h"

#include <string.h>

#include "support.h"

struct quantity {
    const char *text;
    int64_t value;
};

static void test_durations(void **state)
{
    (void)state;
    const struct quantity good[] = {
        {"0", 0},
        {"0s", 0},
        {"250ms", 250},
        {"5s", 5000},
        {"10m", 600000},
        {"1h", 3600000},
        {"7d", 604800000},
        {"1.5h", 5400000},
        {"1m30s", 90000},
        {"0.5ms", 1},
        {"0.1s", 100},
        {"0.001s", 1},
        {"1h30m", 5400000},
        {"1d1ms", 86400001},
        {"1h1m1s1ms", 3661001},
        {"9000000000000000ms", 9000000000000000},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        int64_t ms = -1;
        assert_int_equal(duration_parse_ms(good[i].text, &ms, NULL), 0);
        assert_int_equal(ms, good[i].value);
    }
}

static void test_what_is_no_duration(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        " ",
        "5",
        "s",
        "-5s",
        "+5s",
        "5 s",
        " 5s",
        "5s ",
        "5S",
        "5sec",
        "1e3s",
        "0x10s",
        "1.5.5s",
        ".5s",
        "5s0",
        "0 5s",
        "infs",
        "nan",
        "5s,",
        "1,5s",
        "5\ns",
        "9000000000000001ms",
        "104249992d",
        "1e300s",
        "99999999999999999999999999999999999999999999999999h",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t ms = -1;
        ferry_error error = {0};
        assert_int_equal(duration_parse_ms(bad[i], &ms, &error), FERRY_INVALID);
        assert_non_null(strstr(error.message, "250ms, 5s, 10m, 1h30m or 7d"));
        assert_int_equal(ms, -1);
    }
}

/* Parts that fit each, and would pass 64 bits together. */
static void test_a_duration_does_not_overflow_by_its_parts(void **state)
{
    (void)state;
    char text[2000 * (sizeof "100000000d" - 1) + 1] = "";
    for (size_t i = 0; i < 2000; i++)
        memcpy(text + i * (sizeof "100000000d" - 1), "100000000d", sizeof "100000000d");
    int64_t ms = -1;
    assert_int_equal(duration_parse_ms(text, &ms, NULL), FERRY_INVALID);
    assert_int_equal(ms, -1);
}

static void test_sizes(void **state)
{
    (void)state;
    const struct quantity good[] = {
        {"0", 0},
        {"1000", 1000},
        {"512B", 512},
        {"16KiB", 16384},
        {"8MiB", 8388608},
        {"4GiB", 4294967296},
        {"1TiB", 1099511627776},
        {"1.5KiB", 1536},
        {"9000000000000000", 9000000000000000},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        int64_t bytes = -1;
        assert_int_equal(size_parse_bytes(good[i].text, &bytes, NULL), 0);
        assert_int_equal(bytes, good[i].value);
    }
}

static void test_what_is_no_size(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        "B",
        "-1",
        "1.5",
        "1KB",
        "1kib",
        "1K",
        "1 KiB",
        "1KiB1B",
        "1e3",
        "0x10",
        "1PiB",
        "9000TiB",
        "9000000000000001",
        "99999999999999999999999999",
        "1KiB ",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t bytes;
        ferry_error error = {0};
        assert_int_equal(size_parse_bytes(bad[i], &bytes, &error), FERRY_INVALID);
        assert_non_null(strstr(error.message, "512B, 16KiB, 8MiB or 4GiB"));
    }
}

static void test_rfc3339(void **state)
{
    (void)state;
    const struct {
        int64_t wall_ms;
        const char *text;
    } table[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {1795255754123, "2026-11-21T10:09:14.123Z"},
        {951827696000, "2000-02-29T12:34:56.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {253402300800000, "9999-12-31T23:59:59.000Z"}, /* there is no year 10000 in it */
        {INT64_MAX, "9999-12-31T23:59:59.807Z"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char text[CLOCK_RFC3339_SIZE];
        assert_string_equal(clock_format_rfc3339(table[i].wall_ms, text), table[i].text);
    }
}

static void test_times_that_people_write(void **state)
{
    (void)state;
    const struct quantity good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T10:09:14.123Z", 1795255754123},
        {"2026-11-21t10:09:14z", 1795255754000},
        {"2026-11-21T11:09:14+01:00", 1795255754000},
        {"2026-11-21T04:39:14.5-05:30", 1795255754500},
        {"2026-11-21T10:09:14-00:00", 1795255754000},
        {"2026-11-21T10:09:14.9999999Z", 1795255754999},
        {"2026-11-21T10:09:14.05Z", 1795255754050},
        {"2016-12-31T23:59:60Z", 1483228800000}, /* a leap second */
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        int64_t ms = -2;
        assert_int_equal(clock_parse_rfc3339(good[i].text, &ms, NULL), 0);
        assert_int_equal(ms, good[i].value);
    }
}

static void test_every_day_of_five_centuries_is_read_as_it_is_written(void **state)
{
    (void)state;
    for (int64_t day = -100000; day < 100000; day++) {
        char text[CLOCK_RFC3339_SIZE];
        int64_t ms = 0;
        clock_format_rfc3339(day * 86400000 + 3723004, text);
        assert_int_equal(clock_parse_rfc3339(text, &ms, NULL), 0);
        assert_int_equal(ms, day * 86400000 + 3723004);
    }
}

static void test_what_is_no_time(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        "now",
        "2026-11-21",
        "2026-11-21T10:09:14",
        "2026-11-21 10:09:14Z",
        "2026-11-21T10:09Z",
        "2026-11-21T10:09:14.Z",
        "2026-11-21T10:09:14,5Z",
        "2026-11-21T10:09:61Z",
        "2026-11-21T10:60:14Z",
        "2026-11-21T24:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "26-11-21T10:09:14Z",
        "+2026-11-21T10:09:14Z",
        "2026-11-21T10:09:14+1:00",
        "2026-11-21T10:09:14+0100",
        "2026-11-21T10:09:14+24:00",
        "2026-11-21T10:09:14Z ",
        " 2026-11-21T10:09:14Z",
        "2026-11-21T10:09:14ZZ",
        "1795255754",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t ms = -2;
        ferry_error error = {0};
        assert_int_equal(clock_parse_rfc3339(bad[i], &ms, &error), FERRY_INVALID);
        assert_non_null(strstr(error.message, "2026-11-21T10:09:14Z"));
        assert_int_equal(ms, -2);
    }
}

static void test_a_time_far_off_does_not_overflow(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_us();
    assert_true(clock_monotonic_us_after(INT64_MAX) >= INT64_MAX / 2);
    assert_true(clock_monotonic_us_after(INT64_MAX / 1000) >= INT64_MAX / 2);
    assert_true(clock_monotonic_us_after(INT64_MAX / 2000) > INT64_MAX / 4);
    assert_true(clock_monotonic_us_after(1000) >= before + 1000000);
    assert_true(clock_monotonic_us_after(INT64_MIN) >= before);
    assert_true(clock_monotonic_us_after(INT64_MIN) <= clock_monotonic_us());
}

static void test_the_clocks_agree_with_each_other(void **state)
{
    (void)state;
    int64_t us = clock_monotonic_us(), ms = clock_monotonic_ms();
    assert_true(ms >= us / 1000);
    assert_true(clock_monotonic_us() >= us);
    assert_true(clock_wall_ms() > 1700000000000);
}

static void test_the_coarse_clock_follows_the_monotonic_one(void **state)
{
    (void)state;
    int64_t before = clock_coarse_ms(), now = before;
    while (now == before) { /* until the next tick */
        now = clock_coarse_ms();
        assert_true(now >= before && now <= clock_monotonic_ms());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_coarse_clock_follows_the_monotonic_one),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_what_is_no_duration),
        cmocka_unit_test(test_a_duration_does_not_overflow_by_its_parts),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_what_is_no_size),
        cmocka_unit_test(test_rfc3339),
        cmocka_unit_test(test_times_that_people_write),
        cmocka_unit_test(test_every_day_of_five_centuries_is_read_as_it_is_written),
        cmocka_unit_test(test_what_is_no_time),
        cmocka_unit_test(test_a_time_far_off_does_not_overflow),
        cmocka_unit_test(test_the_clocks_agree_with_each_other),
    };
    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
