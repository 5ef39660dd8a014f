/* Cron: what is one, when it is due, and what a change of clocks does to it. */
#include "cron.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "clock.h"
#include "support.h"

static struct cron parse(const char *text)
{
    struct cron cron;
    ferry_error error = {0};
    if (cron_parse(&cron, text, &error) < 0)
        fail_msg("%s: %s", text, error.message);
    return cron;
}

/* "2024-03-31 01:00", in UTC */
static int64_t at_ms(const char *text)
{
    struct civil date;
    long long year;
    int hour, minute;
    assert_int_equal(
        sscanf(text, "%lld-%d-%d %d:%d", &year, &date.month, &date.day, &hour, &minute), 5);
    date.year = year;
    return (civil_to_days(date) * CIVIL_DAY_S + hour * 3600 + minute * 60) * 1000;
}

static struct time_zone *open_zone(const char *name)
{
    ferry_error error = {0};
    struct time_zone *zone = time_zone_open(name, &error);
    if (!zone)
        fail_msg("%s: %s", name, error.message);
    return zone;
}

/* A zone, an entry, a time, and the times that it is due after that, in UTC. */
struct due_case {
    const char *zone;
    const char *cron;
    const char *after;
    const char *due[8];
};

static void check_due(const struct due_case *test)
{
    struct time_zone *zone = open_zone(test->zone);
    struct cron cron = parse(test->cron);
    int64_t after_ms = at_ms(test->after);
    for (int i = 0; i < 8 && test->due[i]; i++) {
        char text[CLOCK_RFC3339_SIZE];
        after_ms = cron_next(&cron, zone, after_ms);
        if (after_ms != at_ms(test->due[i]))
            fail_msg("%s in %s after %s: %s is due, not %s", test->cron, test->zone, test->after,
                     clock_format_rfc3339(after_ms, text), test->due[i]);
    }
    time_zone_free(zone);
}

#define CHECK_DUE(...)                                                                             \
    do {                                                                                           \
        static const struct due_case tests[] = {__VA_ARGS__};                                      \
        for (size_t i = 0; i < COUNT_OF(tests); i++)                                               \
            check_due(&tests[i]);                                                                  \
    } while (0)

/* ---- fields ---- */

static void test_fields(void **state)
{
    (void)state;
    CHECK_DUE(
        {"UTC", "* * * * *", "2024-01-01 00:00", {"2024-01-01 00:01", "2024-01-01 00:02"}},
        {"UTC", "30 4 * * *", "2024-01-01 04:29", {"2024-01-01 04:30", "2024-01-02 04:30"}},
        {"UTC", "30 4 * * *", "2024-01-01 04:30", {"2024-01-02 04:30"}},
        {"UTC",
         "*/20 * * * *",
         "2024-01-01 00:01",
         {"2024-01-01 00:20", "2024-01-01 00:40", "2024-01-01 01:00"}},
        {"UTC",
         "10-50/20 9,17 * * *",
         "2024-01-01 09:30",
         {"2024-01-01 09:50", "2024-01-01 17:10", "2024-01-01 17:30", "2024-01-01 17:50",
          "2024-01-02 09:10"}},
        {"UTC", "0 0 1,15 * *", "2024-01-01 00:00", {"2024-01-15 00:00", "2024-02-01 00:00"}},
        {"UTC", "0 12 31 * *", "2024-01-31 12:00", {"2024-03-31 12:00", "2024-05-31 12:00"}},
        {"UTC", "0 0 29 2 *", "2024-02-29 00:00", {"2028-02-29 00:00"}},
        {"UTC", "0 0 29 2 *", "2096-02-29 00:00", {"2104-02-29 00:00"}},
        {"UTC", "59 23 31 12 *", "2024-12-31 23:59", {"2025-12-31 23:59"}},
        {"UTC", "0 0 * jan,Mar-APR *", "2024-01-31 00:00", {"2024-03-01 00:00"}},
        {"UTC", "0 0\t*   * MON-fri", "2024-01-05 00:00", {"2024-01-08 00:00"}},
        {"UTC", " 0 0 * * 7 ", "2024-01-01 00:00", {"2024-01-07 00:00", "2024-01-14 00:00"}},
        {"UTC", "0 0 * * SUN", "2024-01-01 00:00", {"2024-01-07 00:00"}},
        {"UTC",
         "0 0 * * 5-7",
         "2024-01-01 00:00",
         {"2024-01-05 00:00", "2024-01-06 00:00", "2024-01-07 00:00", "2024-01-12 00:00"}},
        {"UTC", "0 0 * * FRI-SUN", "2024-01-06 00:00", {"2024-01-07 00:00", "2024-01-12 00:00"}},
        {"UTC",
         "0 0 * * */2",
         "2024-01-01 00:00",
         {"2024-01-02 00:00", "2024-01-04 00:00", "2024-01-06 00:00", "2024-01-07 00:00"}},
        {"UTC", "0 0 * * *", "1969-12-30 13:00", {"1969-12-31 00:00", "1970-01-01 00:00"}});
}

/* Vixie: both days given, one is enough; one of them a "*" of any kind, both must fit. */
static void test_day_of_the_month_or_of_the_week(void **state)
{
    (void)state;
    CHECK_DUE({"UTC",
               "0 0 13 * FRI",
               "2024-09-01 00:00",
               {"2024-09-06 00:00", "2024-09-13 00:00", "2024-09-20 00:00", "2024-09-27 00:00",
                "2024-10-04 00:00", "2024-10-11 00:00", "2024-10-13 00:00"}},
              {"UTC",
               "0 0 */2 * MON",
               "2024-01-01 00:00",
               {"2024-01-15 00:00", "2024-01-29 00:00", "2024-02-05 00:00"}},
              {"UTC", "0 0 13 * */5", "2024-01-01 00:00", {"2024-09-13 00:00"}});
}

static void test_names_for_five_fields(void **state)
{
    (void)state;
    CHECK_DUE({"UTC", "@hourly", "2024-01-01 00:00", {"2024-01-01 01:00", "2024-01-01 02:00"}},
              {"UTC", "@daily", "2024-01-01 00:00", {"2024-01-02 00:00"}},
              {"UTC", "@midnight", "2024-01-01 00:00", {"2024-01-02 00:00"}},
              {"UTC", "@weekly", "2024-01-01 00:00", {"2024-01-07 00:00", "2024-01-14 00:00"}},
              {"UTC", "@monthly", "2024-01-01 00:00", {"2024-02-01 00:00"}},
              {"UTC", "@yearly", "2024-01-01 00:00", {"2025-01-01 00:00"}},
              {"UTC", "@annually", "2024-01-01 00:00", {"2025-01-01 00:00"}},
              {"Asia/Kolkata", "@daily", "2024-01-01 00:00", {"2024-01-01 18:30"}});
}

static void test_never(void **state)
{
    (void)state;
    static const char *const never[] = {"0 0 30 2 *", "0 0 31 4,6,9,11 *", "* * 30 2 *"};
    struct time_zone *zone = open_zone("Europe/Berlin");
    for (size_t i = 0; i < COUNT_OF(never); i++) {
        struct cron cron = parse(never[i]);
        assert_int_equal(cron_next(&cron, zone, at_ms("2024-01-01 00:00")), INT64_MAX);
    }
    time_zone_free(zone);
}

static void test_milliseconds(void **state)
{
    (void)state;
    struct time_zone *zone = open_zone("UTC");
    struct cron cron = parse("* * * * *");
    assert_int_equal(cron_next(&cron, zone, 0), 60000);
    assert_int_equal(cron_next(&cron, zone, 1), 60000);
    assert_int_equal(cron_next(&cron, zone, 59999), 60000);
    assert_int_equal(cron_next(&cron, zone, 60000), 120000);
    assert_int_equal(cron_next(&cron, zone, -1), 0);
    assert_int_equal(cron_next(&cron, zone, -60000), 0);
    time_zone_free(zone);
}

/* ---- what is none ---- */

static void test_what_is_no_entry(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } tests[] = {
        {"", "the minute is missing"},
        {"  ", "the minute is missing"},
        {"0 0 * *", "the day of the week is missing"},
        {"0 0 * * * *", "there are more than five fields"},
        {"60 * * * *", "minute: \"60\" is out of range"},
        {"0 24 * * *", "hour: \"24\" is out of range"},
        {"0 0 0 * *", "day of the month: \"0\" is out of range"},
        {"0 0 32 * *", "day of the month: \"32\" is out of range"},
        {"0 0 * 13 *", "month: \"13\" is out of range"},
        {"0 0 * * 8", "day of the week: \"8\" is out of range"},
        {"99999999999999999999 * * * *", "minute: \"99999999999999999999\" is out of range"},
        {"30-10 * * * *", "minute: \"30-10\" is out of range"},
        {"a * * * *", "minute: \"a\" is not a value of it"},
        {"-1 * * * *", "minute: \"-1\" is not a value of it"},
        {"1- * * * *", "minute: \"1-\" is not a value of it"},
        {"1,,2 * * * *", "minute: \"1,,2\" is not a value of it"},
        {"1, * * * *", "minute: \"1,\" is not a value of it"},
        {"*5 * * * *", "minute: \"*5\" is not a value of it"},
        {"*-5 * * * *", "minute: \"*-5\" is not a value of it"},
        {"5/10 * * * *", "minute: \"5/10\" is wrong: a step needs a range, such as 10-59/10"},
        {"*/0 * * * *", "minute: \"*/0\" is wrong: a step is a number from 1 on"},
        {"*/ * * * *", "minute: \"*/\" is wrong: a step is a number from 1 on"},
        {"0 0 ? * *", "day of the month: \"?\" is not a value of it"},
        {"0 0 L * *", "day of the month: \"L\" is not a value of it"},
        {"0 0 * JANUARY *", "month: \"JANUARY\" is not a value of it"},
        {"0 0 * * MON#2", "day of the week: \"MON#2\" is not a value of it"},
        {"0 0 MON * *", "day of the month: \"MON\" is not a value of it"},
        {"@reboot", "\"@reboot\" is not known: @hourly, @daily, @midnight, @weekly, @monthly and "
                    "@yearly are"},
    };
    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        struct cron cron;
        ferry_error error = {0};
        assert_int_equal(cron_parse(&cron, tests[i].text, &error), FERRY_INVALID);
        assert_string_equal(error.message, tests[i].message);
    }
}

/* ---- clocks that are changed ---- */

/* Spring: 02:00 to 03:00 at 01:00 UTC on 31 March 2024 in Berlin. */
static void test_a_time_that_is_left_out_is_due_once_after_the_gap(void **state)
{
    (void)state;
    CHECK_DUE({"Europe/Berlin",
               "30 2 * * *",
               "2024-03-29 12:00",
               {"2024-03-30 01:30", "2024-03-31 01:00", "2024-04-01 00:30"}},
              {"Europe/Berlin",
               "0,15,30,45 2 * * *",
               "2024-03-30 12:00",
               {"2024-03-31 01:00", "2024-04-01 00:00", "2024-04-01 00:15"}},
              {"Europe/Berlin",
               "0 2,3 * * *",
               "2024-03-30 12:00",
               {"2024-03-31 01:00", "2024-04-01 00:00", "2024-04-01 01:00"}},
              {"Europe/Berlin",
               "30 1,2,3 * * *",
               "2024-03-31 00:00",
               {"2024-03-31 00:30", "2024-03-31 01:00", "2024-03-31 01:30", "2024-03-31 23:30"}},
              {"America/New_York",
               "30 2 * * *",
               "2024-03-09 12:00",
               {"2024-03-10 07:00", "2024-03-11 06:30"}},
              {"Australia/Lord_Howe",
               "15 2 * * *",
               "2024-10-04 12:00",
               {"2024-10-04 15:45", "2024-10-05 15:30", "2024-10-06 15:15"}},
              {"Pacific/Apia",
               "0 12 * * *",
               "2011-12-29 12:00",
               {"2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00"}});
}

/* Autumn: 03:00 to 02:00 at 01:00 UTC on 27 October 2024 in Berlin. */
static void test_a_time_that_comes_twice_is_due_the_first_time(void **state)
{
    (void)state;
    CHECK_DUE({"Europe/Berlin",
               "30 2 * * *",
               "2024-10-26 12:00",
               {"2024-10-27 00:30", "2024-10-28 01:30"}},
              {"Europe/Berlin", "30 2 * * *", "2024-10-27 00:30", {"2024-10-28 01:30"}},
              {"Europe/Berlin", "30 2 * * *", "2024-10-27 01:10", {"2024-10-28 01:30"}},
              {"Europe/Berlin",
               "0,30 1,2,3 * * *",
               "2024-10-26 23:00",
               {"2024-10-26 23:30", "2024-10-27 00:00", "2024-10-27 00:30", "2024-10-27 02:00",
                "2024-10-27 02:30", "2024-10-28 00:00"}},
              {"America/New_York",
               "30 1 * * *",
               "2024-11-02 12:00",
               {"2024-11-03 05:30", "2024-11-04 06:30"}},
              {"Australia/Lord_Howe",
               "45 1 * * *",
               "2024-04-05 20:00",
               {"2024-04-06 14:45", "2024-04-07 15:15"}});
}

/* With a "*" in minute or hour it is each time that the clock shows it. */
static void test_intervals_go_by_the_time_that_passes(void **state)
{
    (void)state;
    CHECK_DUE({"Europe/Berlin",
               "30 * * * *",
               "2024-03-31 00:00",
               {"2024-03-31 00:30", "2024-03-31 01:30", "2024-03-31 02:30"}},
              {"Europe/Berlin",
               "*/20 2 * * *",
               "2024-03-30 12:00",
               {"2024-04-01 00:00", "2024-04-01 00:20", "2024-04-01 00:40"}},
              {"Europe/Berlin",
               "@hourly",
               "2024-10-26 23:30",
               {"2024-10-27 00:00", "2024-10-27 01:00", "2024-10-27 02:00"}},
              {"Europe/Berlin",
               "*/30 2 * * *",
               "2024-10-26 12:00",
               {"2024-10-27 00:00", "2024-10-27 00:30", "2024-10-27 01:00", "2024-10-27 01:30",
                "2024-10-28 01:00"}},
              {"America/New_York",
               "0 */2 * * *",
               "2024-03-10 04:00",
               {"2024-03-10 05:00", "2024-03-10 08:00", "2024-03-10 10:00"}},
              {"Australia/Lord_Howe",
               "*/15 * * * *",
               "2024-04-06 14:45",
               {"2024-04-06 15:00", "2024-04-06 15:15", "2024-04-06 15:30"}},
              {"Australia/Lord_Howe",
               "@hourly",
               "2024-04-06 14:00",
               {"2024-04-06 15:30", "2024-04-06 16:30"}},
              {"Australia/Lord_Howe",
               "@hourly",
               "2024-10-05 14:30",
               {"2024-10-05 16:00", "2024-10-05 17:00"}});
}

/* ---- against the definition, minute by minute ---- */

static bool fits(const struct cron *cron, int64_t local_s)
{
    int64_t days = civil_day_of(local_s);
    struct civil date = civil_from_days(days);
    int minute = (int)((local_s - days * CIVIL_DAY_S) / 60);
    bool of_month = cron->days >> date.day & 1;
    bool of_week = cron->weekdays >> civil_weekday(days) & 1;
    return cron->minutes >> (minute % 60) & 1 && cron->hours >> (minute / 60) & 1 &&
           cron->months >> date.month & 1 &&
           (cron->either_day ? of_month || of_week : of_month && of_week);
}

/* Whether it is due at a minute, given what the clock showed in the minute before, and whether it
 * showed this time already, up to two hours ago. */
static bool is_due(const struct cron *cron, const struct time_zone *zone, int64_t utc_s)
{
    int64_t now_s = utc_s + time_zone_offset(zone, utc_s);
    int64_t before_s = utc_s - 60 + time_zone_offset(zone, utc_s - 60);
    if (cron->by_elapsed)
        return fits(cron, now_s);
    bool is_left_out = false;
    for (int64_t local_s = before_s + 60; local_s < now_s; local_s += 60)
        is_left_out |= fits(cron, local_s);
    if (is_left_out || !fits(cron, now_s))
        return is_left_out;
    bool is_second = false;
    for (int64_t back_s = 60; back_s <= 7200 && !is_second; back_s += 60)
        is_second = utc_s - back_s + time_zone_offset(zone, utc_s - back_s) == now_s;
    return !is_second;
}

static void check_days(const struct cron *cron, const struct time_zone *zone, const char *name,
                       int64_t begin_s)
{
    int64_t next_ms = cron_next(cron, zone, begin_s * 1000 - 1);
    for (int64_t utc_s = begin_s; utc_s < begin_s + INT64_C(2) * CIVIL_DAY_S; utc_s += 60) {
        bool expected = is_due(cron, zone, utc_s);
        if (expected != (next_ms == utc_s * 1000))
            fail_msg("%s at %lld: due is %d", name, (long long)utc_s, expected);
        if (expected)
            next_ms = cron_next(cron, zone, next_ms);
    }
}

/* Around every change of some years. */
static void test_against_the_definition(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                        "Africa/Casablanca", "America/St_Johns"};
    static const char *const crons[] = {"30 2 * * *",     "0,15 0-3 * * *", "*/30 1-2 * * *",
                                        "5 * * * *",      "0 0 * * SUN",    "59 23,0,2 1-15 * 0",
                                        "0 0,1,2,3 * * *"};
    int64_t end_s = at_ms("2027-01-01 00:00") / 1000;
    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        struct time_zone *zone = open_zone(zones[i]);
        int64_t change_s = at_ms("2024-01-01 00:00") / 1000;
        while ((change_s = time_zone_next_change(zone, change_s)) < end_s) {
            for (size_t k = 0; k < COUNT_OF(crons); k++) {
                struct cron cron = parse(crons[k]);
                check_days(&cron, zone, crons[k], change_s / 60 * 60 - CIVIL_DAY_S);
            }
        }
        time_zone_free(zone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_day_of_the_month_or_of_the_week),
        cmocka_unit_test(test_names_for_five_fields),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_milliseconds),
        cmocka_unit_test(test_what_is_no_entry),
        cmocka_unit_test(test_a_time_that_is_left_out_is_due_once_after_the_gap),
        cmocka_unit_test(test_a_time_that_comes_twice_is_due_the_first_time),
        cmocka_unit_test(test_intervals_go_by_the_time_that_passes),
        cmocka_unit_test(test_against_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
