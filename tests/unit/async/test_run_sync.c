/* A loop that runs for one future: results, errors, the time limit, and a stop from inside. */
#include <ferry/coroutine.h>

#include "fixture.h"
#include "support.h"

static void *one(void *arg, ferry_error *error)
{
    (void)error;
    return arg;
}

static void test_it_returns_the_result(void **state)
{
    (void)state;
    int number = 0;
    ferry_error error = error_of(FERRY_GONE, "of before");
    assert_ptr_equal(
        ferry_loop_run_sync(loop, ferry_spawn(loop, one, &number, NULL), 20000, &error), &number);
    assert_int_equal(error.code, FERRY_OK);
    assert_ptr_equal(ferry_loop_run_sync(loop, ferry_spawn(loop, one, &number, NULL), 0, NULL),
                     &number);
}

static void test_past_its_time_it_fails(void **state)
{
    (void)state;
    ferry_error error;
    assert_null(ferry_loop_run_sync(loop, ferry_future_after(loop, 100000), 1, &error));
    assert_int_equal(error.code, FERRY_DEADLINE);
    assert_int_equal(lines, 0);
}

static void test_a_stop_is_a_cancel(void **state)
{
    (void)state;
    ferry_promise *promise = ferry_promise_new(loop, count_free, NULL, NULL);
    ferry_loop_call_later(loop, 0, stop_loop, NULL);
    ferry_error error;
    assert_null(ferry_loop_run_sync(loop, ferry_promise_future(promise), 0, &error));
    assert_int_equal(error.code, FERRY_CANCELLED);
    assert_string_equal(error.message, "the loop was stopped");
    assert_int_equal(ferry_promise_set_result(promise, some_result()), FERRY_CONFLICT);
    ferry_promise_free(promise);
    turns(1);
    assert_int_equal(freed, 1);
}

static void *run_inside(void *arg, ferry_error *error)
{
    assert_null(ferry_loop_run_sync(loop, ferry_future_after(loop, 100000), 0, error));
    assert_non_null(strstr(error->message, "the loop runs already"));
    return arg;
}

static void test_inside_the_loop_it_is_refused(void **state)
{
    (void)state;
    assert_int_equal(code_of(ferry_spawn(loop, run_inside, NULL, NULL)), FERRY_CONFLICT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_returns_the_result),
        TEST(test_past_its_time_it_fails),
        TEST(test_a_stop_is_a_cancel),
        TEST(test_inside_the_loop_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
