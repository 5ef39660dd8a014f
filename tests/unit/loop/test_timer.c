/* Timers, on a clock that the test steps: their order, their handles, and many of them. */
#include "timer.h"

#include <stdlib.h>

#include "support.h"

enum { MANY = 10000 };

static struct timers timers;
static const bool never = false;
static int64_t now_us;
static unsigned run_count;

static int setup(void **state)
{
    (void)state;
    timers_init(&timers);
    now_us = 0;
    run_count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    timers_fini(&timers);
    return 0;
}

static void step_to(int64_t time_us)
{
    now_us = time_us;
    timers_run(&timers, now_us, &never);
}

/* ---- order ---- */

struct due {
    int64_t when_us;
    unsigned number; /* in the order they were made */
    bool cancelled;
    bool run;
    uint64_t handle;
};

static struct due dues[MANY];
static const struct due *last;

static void on_due(void *arg)
{
    struct due *due = arg;
    assert_false(due->run);
    assert_false(due->cancelled);
    assert_true(due->when_us <= now_us);
    if (last && last->when_us == due->when_us)
        assert_true(last->number < due->number);
    else if (last)
        assert_true(last->when_us < due->when_us);
    last = due;
    due->run = true;
    run_count++;
}

/* 10,000 timers at 1,000 different times; every third is cancelled, some of those between steps. */
static void test_many_run_in_their_order_when_they_are_due(void **state)
{
    (void)state;
    unsigned cancelled = 0;
    last = NULL;
    for (unsigned i = 0; i < MANY; i++) {
        dues[i] = (struct due){.when_us = (int64_t)(i * 7919u % 1000) * 1000, .number = i};
        dues[i].handle = timers_add(&timers, dues[i].when_us, on_due, &dues[i]);
    }
    for (int64_t step = -500; step <= 1000 * 1000; step += 500) {
        step_to(step);
        struct due *victim = &dues[(size_t)(step + 500) / 500 * 3 % MANY];
        bool waits = !victim->run && !victim->cancelled;
        assert_int_equal(timers_cancel(&timers, victim->handle), waits);
        victim->cancelled |= waits;
        cancelled += waits;
        int64_t next_us;
        assert_true(!timers_next(&timers, &next_us) || next_us > step);
    }
    assert_true(cancelled > 100);
    assert_int_equal(run_count, MANY - cancelled);
    int64_t next_us;
    assert_false(timers_next(&timers, &next_us));
}

/* ---- handles ---- */

static void count(void *arg)
{
    (void)arg;
    run_count++;
}

static void test_a_handle_that_was_used_up_does_no_harm(void **state)
{
    (void)state;
    uint64_t first = timers_add(&timers, 1, count, NULL);
    step_to(1);
    assert_false(timers_cancel(&timers, first));
    uint64_t second = timers_add(&timers, 2, count, NULL); /* in the same place */
    assert_int_not_equal(first, second);
    assert_false(timers_cancel(&timers, first));
    assert_true(timers_cancel(&timers, second));
    assert_false(timers_cancel(&timers, second));
    assert_false(timers_cancel(&timers, 0));
    assert_false(timers_cancel(&timers, UINT64_MAX));
    step_to(10);
    assert_int_equal(run_count, 1);
}

/* ---- inside a timer ---- */

static void again(void *arg)
{
    run_count++;
    timers_add(&timers, now_us, again, arg);
}

static void test_one_that_is_made_anew_starves_no_other(void **state)
{
    (void)state;
    timers_add(&timers, 5, again, NULL);
    timers_add(&timers, 5, count, NULL);
    step_to(5);
    assert_int_equal(run_count, 2);
    step_to(6);
    assert_int_equal(run_count, 3);
}

static uint64_t other;

static void cancel_other(void *arg)
{
    (void)arg;
    assert_true(timers_cancel(&timers, other));
}

static void test_one_may_cancel_another_that_is_due(void **state)
{
    (void)state;
    timers_add(&timers, 5, cancel_other, NULL);
    other = timers_add(&timers, 5, count, NULL);
    step_to(5);
    assert_int_equal(run_count, 0);
}

static bool stopped;

static void stop(void *arg)
{
    (void)arg;
    stopped = true;
}

static void test_a_stop_leaves_the_rest_for_later(void **state)
{
    (void)state;
    stopped = false;
    timers_add(&timers, 1, stop, NULL);
    timers_add(&timers, 1, count, NULL);
    timers_run(&timers, 1, &stopped);
    assert_int_equal(run_count, 0);
    step_to(1);
    assert_int_equal(run_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_many_run_in_their_order_when_they_are_due),
        TEST(test_a_handle_that_was_used_up_does_no_harm),
        TEST(test_one_that_is_made_anew_starves_no_other),
        TEST(test_one_may_cancel_another_that_is_due),
        TEST(test_a_stop_leaves_the_rest_for_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
