/* Dates as counts of days: against the C library's, and there and back. */
#include "civil.h"

#include <time.h>

#include "support.h"

static void test_against_the_c_library(void **state)
{
    (void)state;
    for (int64_t days = -800000; days < 800000; days += 13) {
        time_t seconds = (time_t)(days * CIVIL_DAY_S);
        struct tm expected;
        assert_non_null(gmtime_r(&seconds, &expected));
        struct civil date = civil_from_days(days);
        assert_int_equal(date.year, expected.tm_year + 1900);
        assert_int_equal(date.month, expected.tm_mon + 1);
        assert_int_equal(date.day, expected.tm_mday);
        assert_int_equal(civil_weekday(days), expected.tm_wday);
        assert_int_equal(civil_to_days(date), days);
    }
}

static void test_month_lengths(void **state)
{
    (void)state;
    for (int year = 1890; year < 2110; year++) {
        for (int month = 1; month <= 12; month++) {
            int64_t next = civil_to_days((struct civil){year + month / 12, month % 12 + 1, 1});
            int64_t first = civil_to_days((struct civil){year, month, 1});
            assert_int_equal(civil_month_length(year, month), next - first);
        }
    }
}

static void test_the_day_of_a_second_rounds_down(void **state)
{
    (void)state;
    assert_int_equal(civil_day_of(0), 0);
    assert_int_equal(civil_day_of(86399), 0);
    assert_int_equal(civil_day_of(86400), 1);
    assert_int_equal(civil_day_of(-1), -1);
    assert_int_equal(civil_day_of(-86400), -1);
    assert_int_equal(civil_day_of(-86401), -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_c_library),
        cmocka_unit_test(test_month_lengths),
        cmocka_unit_test(test_the_day_of_a_second_rounds_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
