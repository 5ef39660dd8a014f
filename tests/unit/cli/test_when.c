/* Times as people say them. */
#include "when.h"

#include "support.h"

static const int64_t SECOND = 1000, MINUTE = 60000, HOUR = 3600000, DAY = 86400000;

static void check_duration(int64_t ms, const char *expected)
{
    struct bytes out = {0};
    append_duration(&out, ms);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
}

static void check_when(int64_t wall_ms, int64_t now_ms, const char *expected)
{
    struct bytes out = {0};
    append_when(&out, wall_ms, now_ms);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
}

static void test_a_duration_has_its_two_largest_units(void **state)
{
    (void)state;
    check_duration(0, "0s");
    check_duration(999, "0s");
    check_duration(59 * SECOND, "59s");
    check_duration(MINUTE, "1m");
    check_duration(MINUTE + 30 * SECOND, "1m 30s");
    check_duration(9 * MINUTE + 59 * SECOND, "9m 59s");
    check_duration(HOUR + SECOND, "1h");
    check_duration(2 * DAY + 3 * HOUR + MINUTE, "2d 3h");
}

static void test_ten_of_a_unit_need_no_smaller_one(void **state)
{
    (void)state;
    check_duration(10 * MINUTE + 59 * SECOND, "10m");
    check_duration(23 * HOUR + 59 * MINUTE, "23h");
    check_duration(3650 * DAY + HOUR, "3650d");
}

static void test_a_time_is_seen_from_now(void **state)
{
    (void)state;
    check_when(1000000, 1000000, "now");
    check_when(1000999, 1000000, "now");
    check_when(1000000, 1005000, "5s ago");
    check_when(1005000, 1000000, "in 5s");
    check_when(0, 3 * MINUTE, "3m ago");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_duration_has_its_two_largest_units),
        cmocka_unit_test(test_ten_of_a_unit_need_no_smaller_one),
        cmocka_unit_test(test_a_time_is_seen_from_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
