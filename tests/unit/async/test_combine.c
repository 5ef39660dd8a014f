/* all, any and with_timeout: what they are done with and when, who is cancelled, who frees what. */
#include <ferry/future.h>

#include "fixture.h"
#include "support.h"

enum { PARTS = 3 };

/* Promises to combine, each with its future and the count of its cancels. */
static ferry_promise *promises[PARTS];
static ferry_future *futures[PARTS];
static unsigned cancels[PARTS];

static void on_cancel(void *arg)
{
    ++*(unsigned *)arg;
}

static int setup(void **state)
{
    if (open_loop(state) != 0)
        return -1;
    for (size_t i = 0; i < PARTS; i++) {
        cancels[i] = 0;
        promises[i] = ferry_promise_new(loop, count_free, on_cancel, &cancels[i]);
        futures[i] = ferry_promise_future(promises[i]);
    }
    return 0;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < PARTS; i++)
        ferry_promise_free(promises[i]);
    return close_loop(state);
}

static void fail_part(size_t i, ferry_code code)
{
    ferry_error error = error_of(code, "a part failed");
    ferry_promise_set_error(promises[i], &error);
}

static void succeed_part(size_t i)
{
    ferry_promise_set_result(promises[i], some_result());
}

static unsigned cancelled_parts(void)
{
    return cancels[0] + cancels[1] + cancels[2];
}

/* ---- all ---- */

static void test_all_has_the_results_in_order(void **state)
{
    (void)state;
    ferry_future *all = ferry_future_all(loop, futures, PARTS);
    void *second = some_result();
    ferry_promise_set_result(promises[1], second);
    ferry_promise_set_result(promises[0], NULL);
    turns(2);
    assert_false(ferry_future_is_done(all));
    succeed_part(2);
    void **results = ferry_loop_run_sync(loop, all, 20000, NULL);
    assert_non_null(results);
    assert_null(results[0]);
    assert_ptr_equal(results[1], second);
    assert_int_equal(freed, 0);
    results[1] = NULL; /* kept */
    ferry_results_free(results);
    assert_int_equal(freed, 1);
    free(second);
    ferry_results_free(NULL);
}

static void test_all_frees_results_that_nobody_takes(void **state)
{
    (void)state;
    ferry_future_free(ferry_future_all(loop, futures, PARTS));
    for (size_t i = 0; i < PARTS; i++)
        succeed_part(i);
    turns(2);
    assert_int_equal(freed, PARTS);
}

static void test_all_cancels_the_others_and_waits_for_them(void **state)
{
    (void)state;
    succeed_part(0);
    fail_part(1, FERRY_GONE);
    ferry_future *all = ferry_future_all(loop, futures, PARTS);
    assert_int_equal(code_of(all), FERRY_GONE); /* the first, not the cancel that followed */
    assert_int_equal(cancels[2], 1);
    assert_int_equal(freed, 1);
    assert_int_equal(lines, 0);
}

static void test_all_of_none_is_done(void **state)
{
    (void)state;
    void **results = ferry_loop_run_sync(loop, ferry_future_all(loop, NULL, 0), 20000, NULL);
    assert_non_null(results);
    ferry_results_free(results);
    for (size_t i = 0; i < PARTS; i++)
        ferry_future_free(futures[i]);
}

static void test_a_missing_future_is_one_that_failed(void **state)
{
    (void)state;
    ferry_future *some[] = {futures[0], NULL, futures[1], futures[2]};
    assert_int_equal(code_of(ferry_future_all(loop, some, COUNT_OF(some))), FERRY_INTERNAL);
    assert_int_equal(cancelled_parts(), PARTS);
    assert_int_equal(code_of(NULL), FERRY_INTERNAL);
    assert_int_equal(code_of(ferry_future_with_timeout(loop, NULL, 1000)), FERRY_INTERNAL);
    ferry_future_free(NULL);
}

/* ---- any ---- */

static void test_any_is_the_first_that_succeeds(void **state)
{
    (void)state;
    fail_part(0, FERRY_GONE);
    void *second = some_result();
    ferry_promise_set_result(promises[1], second);
    void *result = ferry_loop_run_sync(loop, ferry_future_any(loop, futures, PARTS), 20000, NULL);
    assert_ptr_equal(result, second);
    assert_int_equal(cancels[2], 1);
    assert_int_equal(freed, 0);
    assert_int_equal(lines, 0);
    free(result);
}

static void test_any_frees_as_its_winner_would(void **state)
{
    (void)state;
    ferry_future_free(ferry_future_any(loop, futures, PARTS));
    succeed_part(1);
    succeed_part(2);
    turns(2);
    assert_int_equal(freed, 2);
}

static void test_any_fails_with_the_last_error(void **state)
{
    (void)state;
    ferry_future *any = ferry_future_any(loop, futures, PARTS);
    fail_part(2, FERRY_GONE);
    fail_part(0, FERRY_INVALID);
    turns(2);
    assert_false(ferry_future_is_done(any));
    fail_part(1, FERRY_TRANSIENT);
    assert_int_equal(code_of(any), FERRY_TRANSIENT);
    assert_int_equal(code_of(ferry_future_any(loop, NULL, 0)), FERRY_INVALID);
}

/* ---- with_timeout ---- */

static void test_a_timeout_gives_up_what_is_not_done(void **state)
{
    (void)state;
    assert_int_equal(code_of(ferry_future_with_timeout(loop, futures[0], 1)), FERRY_DEADLINE);
    assert_int_equal(cancels[0], 1);
    assert_int_equal(lines, 0);
    ferry_future_free(futures[1]);
    ferry_future_free(futures[2]);
}

static void test_a_timeout_leaves_alone_what_is(void **state)
{
    (void)state;
    ferry_future *in_time = ferry_future_with_timeout(loop, futures[0], 100000);
    succeed_part(0);
    void *result = ferry_loop_run_sync(loop, in_time, 0, NULL);
    assert_non_null(result);
    free(result);
    fail_part(1, FERRY_GONE);
    assert_int_equal(code_of(ferry_future_with_timeout(loop, futures[1], 100000)), FERRY_GONE);
    succeed_part(2);
    free(ferry_loop_run_sync(loop, ferry_future_with_timeout(loop, futures[2], 1), 0, NULL));
    assert_int_equal(code_of(ferry_future_after(loop, 5)), FERRY_OK); /* its time comes and goes */
    assert_int_equal(cancelled_parts(), 0);
}

/* ---- what holds for each ---- */

typedef ferry_future *combine_fn(void);

static ferry_future *all_of(void)
{
    return ferry_future_all(loop, futures, PARTS);
}

static ferry_future *any_of(void)
{
    return ferry_future_any(loop, futures, PARTS);
}

static ferry_future *timeout_of_all(void)
{
    return ferry_future_with_timeout(loop, all_of(), 100000);
}

static combine_fn *const combinations[] = {all_of, any_of, timeout_of_all};

static void test_a_cancel_reaches_all_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(combinations); i++) {
        ferry_future *out = combinations[i]();
        ferry_future_cancel(out);
        assert_int_equal(cancelled_parts(), PARTS);
        assert_int_equal(code_of(out), FERRY_CANCELLED);
        assert_int_equal(lines, 0);
        teardown(state);
        setup(state);
    }
    for (size_t i = 0; i < PARTS; i++)
        ferry_future_free(futures[i]);
}

static void never(ferry_future *future, void *arg)
{
    (void)future, (void)arg;
    fail_msg("called after the loop's end");
}

static void test_the_loop_ends_before_they_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(combinations); i++) {
        ferry_future_then(combinations[i](), never, NULL);
        succeed_part(0);
        free_loop();
        assert_int_equal(freed, 1);
        for (size_t j = 1; j < PARTS; j++)
            assert_int_equal(ferry_promise_set_result(promises[j], NULL), FERRY_CONFLICT);
        teardown(state);
        setup(state);
    }
    for (size_t i = 0; i < PARTS; i++)
        ferry_future_free(futures[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_has_the_results_in_order),
        TEST(test_all_frees_results_that_nobody_takes),
        TEST(test_all_cancels_the_others_and_waits_for_them),
        TEST(test_all_of_none_is_done),
        TEST(test_a_missing_future_is_one_that_failed),
        TEST(test_any_is_the_first_that_succeeds),
        TEST(test_any_frees_as_its_winner_would),
        TEST(test_any_fails_with_the_last_error),
        TEST(test_a_timeout_gives_up_what_is_not_done),
        TEST(test_a_timeout_leaves_alone_what_is),
        TEST(test_a_cancel_reaches_all_parts),
        TEST(test_the_loop_ends_before_they_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
