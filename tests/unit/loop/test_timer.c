/* The timers' heap: order, cancelling, reuse. The clock is a number here. */
#include "timer.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

static const bool never = false;

/* What ran, in order. */
static int ran[20000];
static size_t ran_count;

static void note(void *arg)
{
    ran[ran_count++] = *(int *)arg;
}

static int setup(void **state)
{
    static struct timers timers;
    timers_init(&timers);
    *state = &timers;
    ran_count = 0;
    return 0;
}

static int teardown(void **state)
{
    timers_fini(*state);
    return 0;
}

static void assert_ran(const int *expected, size_t count)
{
    assert_int_equal(ran_count, count);
    assert_memory_equal(ran, expected, count * sizeof ran[0]);
}

static void test_earliest_first(void **state)
{
    int one = 1, two = 2, three = 3;
    assert_true(timers_add(*state, 30, note, &three));
    assert_true(timers_add(*state, 10, note, &one));
    assert_true(timers_add(*state, 20, note, &two));
    int64_t when_us;
    assert_true(timers_next(*state, &when_us));
    assert_int_equal(when_us, 10);
    timers_run(*state, 100, &never);
    assert_ran((int[]){1, 2, 3}, 3);
    assert_false(timers_next(*state, &when_us));
}

static void test_equal_times_run_in_the_order_they_were_made(void **state)
{
    int numbers[100];
    for (int i = 0; i < 100; i++) {
        numbers[i] = i;
        timers_add(*state, 5, note, &numbers[i]);
    }
    timers_run(*state, 5, &never);
    assert_ran(numbers, 100);
}

static void test_none_is_early(void **state)
{
    int one = 1;
    timers_add(*state, 10, note, &one);
    timers_run(*state, 9, &never);
    assert_int_equal(ran_count, 0);
    timers_run(*state, 10, &never);
    assert_int_equal(ran_count, 1);
    timers_run(*state, 10, &never);
    assert_int_equal(ran_count, 1);
}

static void test_ten_thousand_in_any_order(void **state)
{
    enum { COUNT = 10000 };
    static int when[COUNT];
    static uint64_t handles[COUNT];
    unsigned seed = 1;
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1103515245 + 12345;
        when[i] = (int)(seed >> 8) % 1000000;
        handles[i] = timers_add(*state, when[i], note, &when[i]);
        assert_true(handles[i]);
    }
    for (int i = 0; i < COUNT; i += 3)
        assert_true(timers_cancel(*state, handles[i]));
    timers_run(*state, 500000, &never);
    for (size_t i = 0; i < ran_count; i++)
        assert_true(ran[i] <= 500000);
    timers_run(*state, 1000000, &never);
    assert_int_equal(ran_count, COUNT - (COUNT + 2) / 3);
    for (size_t i = 1; i < ran_count; i++)
        assert_true(ran[i - 1] <= ran[i]);
    for (int i = 0; i < COUNT; i++)
        assert_false(timers_cancel(*state, handles[i]));
}

static void test_a_used_handle_does_no_harm(void **state)
{
    int one = 1, two = 2;
    uint64_t first = timers_add(*state, 1, note, &one);
    assert_true(timers_cancel(*state, first));
    assert_false(timers_cancel(*state, first));
    uint64_t second = timers_add(*state, 1, note, &two); /* in the same slot */
    assert_true(second != first);
    assert_false(timers_cancel(*state, first));
    timers_run(*state, 1, &never);
    assert_ran((int[]){2}, 1);
    assert_false(timers_cancel(*state, second));
}

static void test_any_number_may_be_cancelled(void **state)
{
    int one = 1;
    assert_false(timers_cancel(*state, 0));
    assert_false(timers_cancel(*state, UINT64_MAX));
    timers_add(*state, 1, note, &one);
    assert_false(timers_cancel(*state, 0));
    for (uint64_t i = 0; i < 200; i++)
        assert_false(timers_cancel(*state, UINT64_MAX - i));
    timers_run(*state, 1, &never);
    assert_int_equal(ran_count, 1);
}

/* ---- from inside a timer ---- */

struct canceller {
    struct timers *timers;
    uint64_t handle;
    bool cancelled;
};

static void cancel_other(void *arg)
{
    struct canceller *canceller = arg;
    canceller->cancelled = timers_cancel(canceller->timers, canceller->handle);
}

static void test_a_timer_may_cancel_one_that_is_due(void **state)
{
    int one = 1;
    struct canceller other = {.timers = *state}, itself = {.timers = *state};
    itself.handle = timers_add(*state, 1, cancel_other, &itself);
    timers_add(*state, 2, cancel_other, &other);
    other.handle = timers_add(*state, 3, note, &one);
    timers_run(*state, 10, &never);
    assert_true(other.cancelled);
    assert_false(itself.cancelled); /* it runs already */
    assert_int_equal(ran_count, 0);
}

struct again {
    struct timers *timers;
    int64_t when_us;
    unsigned count;
};

static void add_again(void *arg)
{
    struct again *again = arg;
    again->count++;
    timers_add(again->timers, again->when_us, add_again, again);
}

/* One that is made for the past, again and again, runs once a turn and holds up nobody. */
static void test_what_a_timer_makes_waits_for_the_next_run(void **state)
{
    int one = 1, two = 2;
    struct again again = {.timers = *state, .when_us = 0};
    timers_add(*state, 0, add_again, &again);
    timers_add(*state, 5, note, &one);
    timers_run(*state, 10, &never);
    assert_int_equal(again.count, 1);
    assert_ran((int[]){1}, 1);
    timers_add(*state, 20, note, &two);
    timers_run(*state, 20, &never);
    assert_int_equal(again.count, 2);
    assert_ran((int[]){1, 2}, 2);
}

/* Between runs a time that has passed already is like any other. */
static void test_what_is_late_runs_in_its_order(void **state)
{
    int one = 1, two = 2;
    timers_run(*state, 10, &never);
    timers_add(*state, 6, note, &two);
    timers_add(*state, 5, note, &one);
    timers_run(*state, 10, &never);
    assert_ran((int[]){1, 2}, 2);
}

static bool stopped;

static void stop(void *arg)
{
    (void)arg;
    stopped = true;
}

static void test_stop_leaves_the_rest(void **state)
{
    int one = 1;
    stopped = false;
    timers_add(*state, 1, stop, NULL);
    timers_add(*state, 2, note, &one);
    timers_run(*state, 10, &stopped);
    assert_int_equal(ran_count, 0);
    timers_run(*state, 10, &never);
    assert_int_equal(ran_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_earliest_first),
        TEST(test_equal_times_run_in_the_order_they_were_made),
        TEST(test_none_is_early),
        TEST(test_ten_thousand_in_any_order),
        TEST(test_a_used_handle_does_no_harm),
        TEST(test_any_number_may_be_cancelled),
        TEST(test_a_timer_may_cancel_one_that_is_due),
        TEST(test_what_a_timer_makes_waits_for_the_next_run),
        TEST(test_what_is_late_runs_in_its_order),
        TEST(test_stop_leaves_the_rest),
    };
    return cmocka_run_group_tests_name("loop/timer", tests, NULL, NULL);
}
