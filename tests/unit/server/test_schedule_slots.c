/* The slots of a schedule: on a grid that no restart moves, and what is due of them. */
#include "schedule_slots.h"

#include "support.h"

static const int64_t NONE = INT64_MIN;

static struct config_schedule by_every(int64_t every_ms, enum schedule_missed missed)
{
    return (struct config_schedule){.every_ms = every_ms, .missed = missed};
}

static struct config_schedule by_cron(const char *text, enum schedule_missed missed)
{
    struct config_schedule schedule = {.missed = missed, .zone = time_zone_open("UTC", NULL)};
    assert_non_null(schedule.zone);
    assert_int_equal(cron_parse(&schedule.cron, text, NULL), 0);
    return schedule;
}

static void test_the_grid(void **state)
{
    (void)state;
    struct config_schedule every = by_every(30000, MISSED_SKIP);
    assert_int_equal(schedule_next_slot(&every, 0), 30000);
    assert_int_equal(schedule_next_slot(&every, 29999), 30000);
    assert_int_equal(schedule_next_slot(&every, 30000), 60000);
    assert_int_equal(schedule_next_slot(&every, -1), 0);
    assert_int_equal(schedule_next_slot(&every, -30000), 0);
    assert_int_equal(schedule_next_slot(&every, -30001), -30000);
    struct config_schedule cron = by_cron("*/5 * * * *", MISSED_SKIP);
    assert_int_equal(schedule_next_slot(&cron, 300000), 600000);
    time_zone_free(cron.zone);
}

static void test_the_last_slot(void **state)
{
    (void)state;
    struct config_schedule every = by_every(30000, MISSED_SKIP);
    assert_int_equal(schedule_last_slot(&every, 0, 29999), NONE);
    assert_int_equal(schedule_last_slot(&every, 0, 30000), 30000);
    assert_int_equal(schedule_last_slot(&every, 30000, 59999), NONE);
    assert_int_equal(schedule_last_slot(&every, 0, 100000), 90000);
    assert_int_equal(schedule_last_slot(&every, 100000, 0), NONE);
}

/* However far back it lies, and whatever lies in between. */
static void test_the_last_slot_of_cron(void **state)
{
    (void)state;
    static const char *const entries[] = {"* * * * *",       "7 * * * *",  "30 4 * * *",
                                          "* 3 * * *",       "0 0 1 * *",  "5 5 1 1 *",
                                          "*/7 */5 * * MON", "0 0 29 2 *", "0 0 30 2 *"};
    static const int64_t now_ms = INT64_C(1721038500123); /* 2024-07-15 10:15 */
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        struct config_schedule cron = by_cron(entries[i], MISSED_SKIP);
        int64_t last_ms = schedule_last_slot(&cron, 0, now_ms);
        if (last_ms == NONE) {
            assert_int_equal(i, COUNT_OF(entries) - 1);
        } else {
            assert_true(last_ms <= now_ms);
            assert_int_equal(schedule_next_slot(&cron, last_ms - 1), last_ms);
            assert_true(schedule_next_slot(&cron, last_ms) > now_ms);
            assert_int_equal(schedule_last_slot(&cron, last_ms - 1, now_ms), last_ms);
            assert_int_equal(schedule_last_slot(&cron, 0, last_ms), last_ms);
            assert_int_equal(schedule_last_slot(&cron, last_ms, now_ms), NONE);
        }
        time_zone_free(cron.zone);
    }
}

struct due_case {
    enum schedule_missed missed;
    int64_t settled_ms, now_ms;
    int64_t slot_ms;
    unsigned missed_count;
    int64_t next_ms;
};

/* A schedule of each 10 s, which may be 5 s late. */
static void test_what_is_due(void **state)
{
    (void)state;
    static const struct due_case tests[] = {
        /* in time, and a little late */
        {MISSED_SKIP, 100000, 109999, NONE, 0, 110000},
        {MISSED_SKIP, 100000, 110000, 110000, 0, 120000},
        {MISSED_SKIP, 100000, 112000, 110000, 0, 120000},
        {MISSED_SKIP, 100000, 115000, 110000, 0, 120000},
        /* too late: the server was down, the loop did not come to it, the clock was set forward */
        {MISSED_SKIP, 100000, 115001, NONE, 1, 120000},
        {MISSED_ONCE, 100000, 115001, 110000, 0, 120000},
        {MISSED_SKIP, 100000, 148000, NONE, 4, 150000},
        {MISSED_ONCE, 100000, 148000, 140000, 3, 150000},
        {MISSED_SKIP, 100000, 143000, 140000, 3, 150000},
        {MISSED_SKIP, 100000, 100000000, 100000000, SCHEDULE_MISSED_MAX, 100010000},
        /* the clock was set back: what has run does not run again */
        {MISSED_SKIP, 100000, 95000, NONE, 0, 110000},
        {MISSED_ONCE, 100000, 95000, NONE, 0, 110000},
        {MISSED_ONCE, 100000, 15000, NONE, 0, 110000},
        /* the slot on record is none of the grid: it was another one when it ran */
        {MISSED_SKIP, 100001, 110000, 110000, 0, 120000},
        {MISSED_SKIP, 99999, 100000, 100000, 0, 110000},
    };
    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        struct config_schedule schedule = by_every(10000, tests[i].missed);
        struct schedule_due due =
            schedule_due(&schedule, tests[i].settled_ms, tests[i].now_ms, 5000);
        if (due.slot_ms != tests[i].slot_ms || due.missed != tests[i].missed_count ||
            due.next_ms != tests[i].next_ms)
            fail_msg("case %zu: slot %lld, %u missed, next %lld", i, (long long)due.slot_ms,
                     due.missed, (long long)due.next_ms);
    }
}

/* Step by step, with steps of any length: no slot is due twice, none is lost but those counted. */
static void test_each_slot_once(void **state)
{
    (void)state;
    struct config_schedule schedule = by_every(10000, MISSED_SKIP);
    int64_t settled_ms = 0, now_ms = 0;
    unsigned runs = 0, missed = 0;
    for (int i = 1; i < 5000; i++) {
        now_ms += i * 7919 % 25000 - 6000; /* some of them back */
        struct schedule_due due = schedule_due(&schedule, settled_ms, now_ms, 5000);
        missed += due.missed;
        if (due.slot_ms != NONE) {
            assert_true(due.slot_ms > settled_ms && due.slot_ms <= now_ms);
            runs++;
        }
        assert_true(due.settled_ms >= settled_ms && due.next_ms > due.settled_ms);
        settled_ms = due.settled_ms;
    }
    assert_int_equal(runs + missed, settled_ms / 10000);
    assert_true(runs > 100 && missed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_grid),
        cmocka_unit_test(test_the_last_slot),
        cmocka_unit_test(test_the_last_slot_of_cron),
        cmocka_unit_test(test_what_is_due),
        cmocka_unit_test(test_each_slot_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
