/* A future by itself: resolved by the test, on the loop. */
#include "future_base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "loop/watchdog.h"
#include "support.h"

static ferry_loop *loop;
static unsigned log_count;
static char last_line[4096];
static unsigned freed;
static unsigned told;

static void keep_line(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    log_count++;
    snprintf(last_line, sizeof last_line, "%.*s", (int)length, line);
}

static void free_result(void *result)
{
    freed++;
    free(result);
}

static int setup(void **state)
{
    loop = ferry_loop_new();
    log_count = freed = told = 0;
    ferry_log_set_sink(keep_line, NULL);
    return watchdog_start(state);
}

static int teardown(void **state)
{
    ferry_loop_free(loop);
    ferry_log_set_sink(NULL, NULL);
    return watchdog_stop(state);
}

static ferry_future *pending(void)
{
    ferry_future *future = future_new(loop, free_result, NULL, NULL);
    assert_non_null(future);
    return future;
}

static const ferry_error failure = {FERRY_TRANSIENT, "the line is dead"};

/* ---- then ---- */

static void on_result(ferry_future *future, void *arg)
{
    told++;
    assert_true(ferry_future_is_done(future));
    assert_string_equal(ferry_future_result(future), arg);
    assert_int_equal(ferry_future_error(future)->code, FERRY_OK);
    ferry_loop_stop(loop);
}

static void test_then_before_it_is_done(void **state)
{
    (void)state;
    ferry_future *future = pending();
    assert_false(ferry_future_is_done(future));
    assert_null(ferry_future_result(future));
    ferry_future_then(future, on_result, (char[]){"result"});
    assert_int_equal(told, 0);
    future_resolve(future, strdup("result"), NULL);
    assert_int_equal(told, 1);
    assert_int_equal(freed, 1); /* nobody took it */
}

static void test_then_after_it_is_done_comes_in_a_later_turn(void **state)
{
    (void)state;
    ferry_future *future = pending();
    future_resolve(future, strdup("result"), &(ferry_error){0});
    assert_true(ferry_future_is_done(future));
    ferry_future_then(future, on_result, (char[]){"result"});
    assert_int_equal(told, 0);
    ferry_loop_run(loop);
    assert_int_equal(told, 1);
    assert_int_equal(freed, 1);
}

static void on_take(ferry_future *future, void *arg)
{
    *(void **)arg = ferry_future_take(future);
    assert_null(ferry_future_result(future));
    assert_null(ferry_future_take(future));
}

static void test_what_is_taken_is_the_callers(void **state)
{
    (void)state;
    void *taken = NULL;
    ferry_future *future = pending();
    ferry_future_then(future, on_take, &taken);
    future_resolve(future, strdup("mine"), NULL);
    assert_string_equal(taken, "mine");
    assert_int_equal(freed, 0);
    free(taken);
}

/* ---- errors ---- */

static void look_at_error(ferry_future *future, void *arg)
{
    (void)arg;
    told++;
    assert_null(ferry_future_result(future));
    assert_int_equal(ferry_future_error(future)->code, FERRY_TRANSIENT);
    assert_string_equal(ferry_future_error(future)->message, "the line is dead");
}

static void look_away(ferry_future *future, void *arg)
{
    (void)future, (void)arg;
    told++;
}

static void test_an_error_that_was_looked_at_is_not_logged(void **state)
{
    (void)state;
    ferry_future *future = pending();
    ferry_future_then(future, look_at_error, NULL);
    future_resolve(future, NULL, &failure);
    assert_int_equal(told, 1);
    assert_int_equal(log_count, 0);
}

static void assert_logged_once(void)
{
    assert_int_equal(log_count, 1);
    assert_non_null(strstr(last_line, "level=error"));
    assert_non_null(strstr(last_line, "code=transient error=\"the line is dead\""));
}

static void test_an_error_that_nobody_looked_at_is_logged(void **state)
{
    (void)state;
    ferry_future *future = pending();
    ferry_future_then(future, look_away, NULL);
    future_resolve(future, NULL, &failure);
    assert_int_equal(told, 1);
    assert_logged_once();
}

/* ---- free ---- */

static void test_free_before_it_is_done(void **state)
{
    (void)state;
    ferry_future *future = pending();
    ferry_future_free(future);
    future_resolve(future, strdup("unwanted"), NULL);
    assert_int_equal(freed, 1);
    assert_int_equal(log_count, 0);

    future = pending();
    ferry_future_free(future);
    future_resolve(future, NULL, &failure);
    assert_logged_once();
}

static void test_free_after_it_is_done(void **state)
{
    (void)state;
    ferry_future *future = pending();
    future_resolve(future, strdup("unwanted"), NULL);
    ferry_future_free(future);
    assert_int_equal(freed, 1);

    future = pending();
    future_resolve(future, NULL, &failure);
    ferry_future_free(future);
    assert_logged_once();
    ferry_future_free(NULL);
}

static void test_a_result_without_free_result_is_left_alone(void **state)
{
    (void)state;
    static int value;
    ferry_future *future = future_new(loop, NULL, NULL, NULL);
    future_resolve(future, &value, NULL);
    assert_ptr_equal(ferry_future_result(future), &value);
    ferry_future_free(future);
}

/* ---- cancel ---- */

static void count_cancel(void *source)
{
    ++*(unsigned *)source;
}

static void test_cancel_asks_the_source_while_it_is_pending(void **state)
{
    (void)state;
    unsigned asked = 0;
    ferry_future *future = future_new(loop, free_result, count_cancel, &asked);
    ferry_future_cancel(future);
    assert_int_equal(asked, 1);
    assert_false(ferry_future_is_done(future)); /* only the source resolves it */
    future_resolve(future, NULL, NULL);
    ferry_future_cancel(future);
    assert_int_equal(asked, 1);
    ferry_future_free(future);

    future = pending();
    ferry_future_cancel(future); /* a source that cannot be cancelled */
    future_resolve(future, NULL, NULL);
    ferry_future_free(future);
}

/* ---- handed over twice ---- */

static void on_first(ferry_future *future, void *arg)
{
    (void)future, (void)arg;
}

static void test_a_future_that_is_handed_over_twice_is_logged(void **state)
{
    (void)state;
    ferry_future *future = FERRY_MADE_HERE(pending());
    ferry_future_then(future, on_first, NULL);
    assert_int_equal(log_count, 0);
    ferry_future_then(future, on_first, NULL);
    assert_int_equal(log_count, 1);
    assert_non_null(strstr(last_line, "level=error msg=\"a future was handed over twice\""));
    assert_non_null(strstr(last_line, "made_at=" __FILE__));
    ferry_future_free(future);
    assert_int_equal(log_count, 2);
    future_resolve(future, NULL, NULL);

    future = pending();
    future_resolve(future, NULL, NULL);
    ferry_future_then(future, on_first, NULL); /* it waits for a turn: free is too late */
    ferry_future_free(future);
    assert_int_equal(log_count, 3);
}

static void test_of_two_callbacks_of_one_that_is_done_the_later_is_told_once(void **state)
{
    (void)state;
    ferry_future *future = pending();
    future_resolve(future, strdup("here"), NULL);
    ferry_future_then(future, on_first, NULL);
    ferry_future_then(future, on_result, (char[]){"here"});
    ferry_loop_run(loop);
    assert_int_equal(told, 1);
    assert_int_equal(freed, 1);
}

/* A plausible mistake, as others free theirs so. It is logged, and nothing is freed twice. */
static void free_it(ferry_future *future, void *arg)
{
    told++;
    ferry_future_free(future);
    ferry_loop_stop(arg);
}

static void test_a_future_that_its_callback_frees_is_freed_once(void **state)
{
    (void)state;
    ferry_future *future = pending();
    ferry_future_then(future, free_it, loop);
    future_settle(future, strdup("here"), NULL);
    ferry_loop_run(loop);
    future = pending();
    ferry_future_then(future, free_it, loop);
    future_resolve(future, strdup("here"), NULL);
    assert_int_equal(told, 2);
    assert_int_equal(freed, 2);
    assert_int_equal(log_count, 2);
    assert_non_null(strstr(last_line, "a future was handed over twice"));
}

static void hand_on(ferry_future *future, void *arg)
{
    ferry_future_then(future, on_result, arg);
}

static void test_a_future_that_its_callback_hands_on_is_told_again(void **state)
{
    (void)state;
    ferry_future *future = pending();
    ferry_future_then(future, hand_on, (char[]){"here"});
    future_settle(future, strdup("here"), NULL);
    ferry_loop_run(loop);
    future = pending();
    ferry_future_then(future, hand_on, (char[]){"here"});
    future_resolve(future, strdup("here"), NULL);
    assert_int_equal(told, 1);
    ferry_loop_run(loop);
    assert_int_equal(told, 2);
    assert_int_equal(freed, 2);
    assert_int_equal(log_count, 2);
}

/* ---- the loop closes ---- */

static void test_a_callback_that_is_due_goes_with_the_loop(void **state)
{
    (void)state;
    ferry_future *future = pending();
    future_resolve(future, strdup("late"), NULL);
    ferry_future_then(future, on_result, NULL);
    ferry_loop_free(loop);
    loop = NULL;
    assert_int_equal(told, 0);
    assert_int_equal(freed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_then_before_it_is_done),
        TEST(test_then_after_it_is_done_comes_in_a_later_turn),
        TEST(test_what_is_taken_is_the_callers),
        TEST(test_an_error_that_was_looked_at_is_not_logged),
        TEST(test_an_error_that_nobody_looked_at_is_logged),
        TEST(test_free_before_it_is_done),
        TEST(test_free_after_it_is_done),
        TEST(test_a_result_without_free_result_is_left_alone),
        TEST(test_cancel_asks_the_source_while_it_is_pending),
        TEST(test_a_future_that_is_handed_over_twice_is_logged),
        TEST(test_of_two_callbacks_of_one_that_is_done_the_later_is_told_once),
        TEST(test_a_future_that_its_callback_frees_is_freed_once),
        TEST(test_a_future_that_its_callback_hands_on_is_told_again),
        TEST(test_a_callback_that_is_due_goes_with_the_loop),
    };
    return cmocka_run_group_tests_name("async/future", tests, NULL, NULL);
}
