/* The rules of time zones, as POSIX writes them: what is one, and against the C library's. */
#include "time_zone_rule.h"

#include <stdlib.h>
#include <time.h>

#include "civil.h"
#include "support.h"

static const char *const rules[] = {
    "UTC0",
    "<+0330>-3:30",
    "<-03>3",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "EST5EDT,M3.2.0,M11.1.0",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", /* half an hour */
    "IST-1GMT0,M10.5.0,M3.5.0/1",           /* summer is standard time */
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",      /* the day before */
    "EET-2EEST,M3.4.4/50,M10.4.4/50",       /* the day after the next */
    "NZST-12NZDT,M9.5.0,M4.1.0/3",
    "AAA3BBB,J60,J300",
    "AAA3BBB,59/1,299/4:30:15",
};

static void test_against_the_c_library(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        struct time_zone_rule rule;
        assert_true(time_zone_rule_parse(&rule, rules[i]));
        setenv("TZ", rules[i], 1);
        tzset();
        /* 1999 to 2041, about 6 hours a step */
        for (int64_t at = 915148800; at < 2240611200; at += 21599) {
            time_t seconds = (time_t)at;
            struct tm expected;
            assert_non_null(localtime_r(&seconds, &expected));
            if (time_zone_rule_offset(&rule, at) != expected.tm_gmtoff)
                fail_msg("%s at %lld", rules[i], (long long)at);
        }
    }
}

static void test_changes_are_where_the_offset_changes(void **state)
{
    (void)state;
    for (size_t i = 3; i < COUNT_OF(rules); i++) {
        struct time_zone_rule rule;
        assert_true(time_zone_rule_parse(&rule, rules[i]));
        int64_t at = 915148800;
        for (int n = 0; n < 80; n++) {
            int64_t next = time_zone_rule_next(&rule, at);
            assert_true(next > at && next < at + INT64_C(370) * 86400);
            assert_int_equal(time_zone_rule_offset(&rule, next - 1),
                             time_zone_rule_offset(&rule, at));
            assert_int_not_equal(time_zone_rule_offset(&rule, next - 1),
                                 time_zone_rule_offset(&rule, next));
            at = next;
        }
    }
}

static void test_no_summer_no_change(void **state)
{
    (void)state;
    struct time_zone_rule rule;
    assert_true(time_zone_rule_parse(&rule, "<+0330>-3:30"));
    assert_int_equal(time_zone_rule_next(&rule, 0), INT64_MAX);
    assert_int_equal(time_zone_rule_offset(&rule, 0), 12600);
}

/* RFC 8536 has this one for four hours west all the year, which the C library does not see. */
static void test_summer_may_be_the_whole_year(void **state)
{
    (void)state;
    struct time_zone_rule rule;
    assert_true(time_zone_rule_parse(&rule, "XXX3EDT4,0/0,J365/23"));
    for (int64_t at = 915148800; at < 2240611200; at += 1799)
        assert_int_equal(time_zone_rule_offset(&rule, at), -14400);
}

static void test_a_summer_may_end_in_the_next_year(void **state)
{
    (void)state;
    struct time_zone_rule rule;
    assert_true(time_zone_rule_parse(&rule, "XXX2EDT4,0/0,J365/23"));
    for (int64_t year = 0; year < 40; year++) { /* from 1999 on; in each, an hour of summer */
        int64_t begin = civil_to_days((struct civil){1999 + year, 1, 1}) * CIVIL_DAY_S + 7200;
        assert_int_equal(time_zone_rule_offset(&rule, begin - 1), -7200);
        assert_int_equal(time_zone_rule_offset(&rule, begin), -14400);
        assert_int_equal(time_zone_rule_offset(&rule, begin + 3600), -7200);
        assert_int_equal(time_zone_rule_next(&rule, begin), begin + 3600);
    }
}

static void test_what_is_no_rule(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "UT0",
        "UTC",
        "UTC168",
        "UTC0:60",
        "<+03-3",
        "UTC0x",
        "CET-1CEST",
        "CET-1CEST,",
        "CET-1CEST,M3.5.0",
        "CET-1CE,M3.5.0,M10.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/200",
        "CET-25",
        "CET-1CEST-25,M3.5.0,M10.5.0",
        "CET-1CEST,J0,J1",
        "CET-1CEST,J366,J1",
        "CET-1CEST,366,1",
        "CET-1CEST,M3.5,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3,",
    };
    struct time_zone_rule rule;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        if (time_zone_rule_parse(&rule, wrong[i]))
            fail_msg("\"%s\" was taken", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_c_library),
        cmocka_unit_test(test_changes_are_where_the_offset_changes),
        cmocka_unit_test(test_no_summer_no_change),
        cmocka_unit_test(test_summer_may_be_the_whole_year),
        cmocka_unit_test(test_a_summer_may_end_in_the_next_year),
        cmocka_unit_test(test_what_is_no_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
