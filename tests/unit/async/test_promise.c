/* Promises, and futures that are done already or after a time. */
#include <ferry/future.h>

#include <pthread.h>

#include "fixture.h"
#include "support.h"

static unsigned told;
static ferry_code told_code;
static bool told_result;

static void on_done(ferry_future *future, void *arg)
{
    (void)arg;
    told++;
    told_code = ferry_future_error(future)->code;
    told_result = ferry_future_result(future) != NULL;
}

static int setup(void **state)
{
    told = 0;
    return open_loop(state);
}

static void test_a_callback_runs_in_a_later_turn(void **state)
{
    (void)state;
    ferry_promise *promise = ferry_promise_new(loop, count_free, NULL, NULL);
    ferry_future *future = ferry_promise_future(promise);
    ferry_future_then(future, on_done, NULL);
    assert_int_equal(ferry_promise_set_result(promise, some_result()), 0);
    assert_int_equal(told, 0);
    turns(1);
    assert_int_equal(told, 1);
    assert_true(told_result);
    assert_int_equal(freed, 1); /* nobody took it */
    ferry_promise_free(promise);
}

static void test_a_future_may_be_asked_for_after_it_was_set(void **state)
{
    (void)state;
    ferry_promise *promise = ferry_promise_new(loop, count_free, NULL, NULL);
    ferry_promise_set_result(promise, some_result());
    ferry_future *future = ferry_promise_future(promise);
    assert_true(ferry_future_is_done(future));
    assert_null(ferry_promise_future(promise)); /* once */
    ferry_promise_free(promise);
    void *result = ferry_loop_run_sync(loop, future, 0, NULL);
    assert_non_null(result);
    assert_int_equal(freed, 0);
    free(result);
}

static void test_a_second_set_is_refused_and_its_result_freed(void **state)
{
    (void)state;
    ferry_error error = error_of(FERRY_TRANSIENT, "broke");
    ferry_promise *promise = ferry_promise_new(loop, count_free, NULL, NULL);
    ferry_future *future = ferry_promise_future(promise);
    assert_int_equal(ferry_promise_set_error(promise, &error), 0);
    assert_int_equal(ferry_promise_set_result(promise, some_result()), FERRY_CONFLICT);
    assert_int_equal(ferry_promise_set_error(promise, &error), FERRY_CONFLICT);
    assert_int_equal(freed, 1);
    assert_int_equal(code_of(future), FERRY_TRANSIENT);
    ferry_promise_free(promise);
}

static void test_a_result_that_nobody_takes_is_freed(void **state)
{
    (void)state;
    ferry_promise *promise = ferry_promise_new(loop, count_free, NULL, NULL);
    ferry_future_free(ferry_promise_future(promise));
    ferry_promise_set_result(promise, some_result());
    assert_int_equal(freed, 1);
    ferry_promise_free(promise);

    promise = ferry_promise_new(loop, count_free, NULL, NULL); /* nor asked for the future */
    ferry_promise_set_result(promise, some_result());
    ferry_promise_free(promise);
    assert_int_equal(freed, 2);
    ferry_promise_free(NULL);
}

static unsigned cancels;

static void on_cancel(void *arg)
{
    cancels++;
    ferry_promise **promise = arg;
    if (promise) { /* a source may end here altogether */
        assert_int_equal(ferry_promise_set_result(*promise, some_result()), FERRY_CONFLICT);
        ferry_promise_free(*promise);
        *promise = NULL;
    }
}

static void test_a_cancel_resolves_and_then_tells_the_source(void **state)
{
    (void)state;
    cancels = 0;
    ferry_promise *promise;
    promise = ferry_promise_new(loop, count_free, on_cancel, &promise);
    ferry_future *future = ferry_promise_future(promise);
    ferry_future_cancel(future);
    assert_int_equal(cancels, 1);
    assert_null(promise);
    assert_int_equal(freed, 1);
    ferry_future_cancel(future); /* harmless when done */
    assert_int_equal(cancels, 1);
    assert_int_equal(code_of(future), FERRY_CANCELLED);
    assert_int_equal(lines, 0);
}

static void test_a_promise_that_is_given_up_fails_its_future(void **state)
{
    (void)state;
    cancels = 0;
    ferry_promise *promise = ferry_promise_new(loop, NULL, on_cancel, NULL);
    ferry_future *future = ferry_promise_future(promise);
    ferry_promise_free(promise);
    assert_int_equal(cancels, 0);
    assert_int_equal(code_of(future), FERRY_CANCELLED);
}

static void test_an_error_that_nobody_looked_at_is_logged_with_its_place(void **state)
{
    (void)state;
    ferry_error error = error_of(FERRY_TRANSIENT, "broke");
    ferry_promise *promise = ferry_promise_new(loop, NULL, NULL, NULL);
    const int line = __LINE__ + 1;
    ferry_future_free(ferry_promise_future(promise));
    ferry_promise_set_error(promise, &error);
    ferry_promise_free(promise);
    char place[64];
    snprintf(place, sizeof place, "test_promise.c:%d", line);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(last_line, "error=broke"));
    assert_non_null(strstr(last_line, place));
}

static void test_an_error_that_was_expected_is_not_logged(void **state)
{
    (void)state;
    ferry_future *future = ferry_future_after(loop, 100000);
    ferry_future_cancel(future);
    ferry_future_free(future);
    assert_int_equal(lines, 0);
    ferry_error error = error_of(FERRY_CANCELLED, "by somebody else");
    ferry_future_free(ferry_future_failed(loop, &error));
    assert_int_equal(lines, 1);
}

static void test_futures_that_are_done_already(void **state)
{
    (void)state;
    ferry_future_then(ferry_future_resolved(loop, some_result(), count_free), on_done, NULL);
    assert_int_equal(told, 0);
    turns(1);
    assert_int_equal(told, 1);
    assert_true(told_result);
    assert_int_equal(freed, 1);
    ferry_error error = error_of(FERRY_GONE, "gone");
    ferry_future *failed = ferry_future_failed(loop, &error);
    assert_true(ferry_future_is_done(failed));
    ferry_future_then(failed, on_done, NULL);
    turns(1);
    assert_int_equal(told_code, FERRY_GONE);
}

static void test_an_error_without_a_code_is_internal(void **state)
{
    (void)state;
    const ferry_error none = {0};
    const ferry_error *const errors[] = {&none, NULL};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(code_of(ferry_future_failed(loop, errors[i])), FERRY_INTERNAL);
        ferry_promise *promise = ferry_promise_new(loop, NULL, NULL, NULL);
        ferry_future *future = ferry_promise_future(promise);
        assert_int_equal(ferry_promise_set_error(promise, errors[i]), 0);
        ferry_promise_free(promise);
        assert_int_equal(code_of(future), FERRY_INTERNAL);
    }
}

static void test_after_some_time(void **state)
{
    (void)state;
    ferry_future *future = ferry_future_after(loop, 1);
    assert_false(ferry_future_is_done(future));
    assert_int_equal(code_of(future), FERRY_OK);
    future = ferry_future_after(loop, 1);
    ferry_future_cancel(future);
    assert_true(ferry_future_is_done(future));
    assert_int_equal(code_of(future), FERRY_CANCELLED);
    assert_int_equal(code_of(ferry_future_after(loop, 2)), FERRY_OK); /* its timer went with it */
}

static void test_the_loop_ends_before_they_do(void **state)
{
    (void)state;
    ferry_promise *waited = ferry_promise_new(loop, count_free, NULL, NULL);
    ferry_future_then(ferry_promise_future(waited), on_done, NULL);
    ferry_promise *held = ferry_promise_new(loop, count_free, NULL, NULL);
    ferry_promise *set = ferry_promise_new(loop, count_free, NULL, NULL);
    ferry_future_then(ferry_promise_future(set), on_done, NULL);
    ferry_promise_set_result(set, some_result());
    ferry_future_then(ferry_future_after(loop, 1000), on_done, NULL);
    free_loop();
    assert_int_equal(told, 0);
    assert_int_equal(freed, 1);
    assert_int_equal(ferry_promise_set_result(waited, some_result()), FERRY_CONFLICT);
    assert_int_equal(ferry_promise_set_result(held, some_result()), FERRY_CONFLICT);
    assert_int_equal(freed, 3);
    ferry_promise_free(waited);
    ferry_promise_free(held);
    ferry_promise_free(set);
    assert_int_equal(lines, 0); /* that the loop has closed is nobody's error */
}

/* ---- a library that resolves it from a thread of its own ---- */

struct posting {
    ferry_loop *loop; /* a reference */
    ferry_promise *asked, *unasked;
};

static void set_and_free(void *promise)
{
    ferry_promise_set_result(promise, some_result());
    ferry_promise_free(promise);
}

static void give_up(void *promise)
{
    ferry_promise_free(promise);
}

static void *post_late(void *arg)
{
    static int refused;
    struct posting *posting = arg;
    refused = ferry_loop_add_callback(posting->loop, set_and_free, posting->asked, give_up);
    ferry_loop_add_callback(posting->loop, set_and_free, posting->unasked, give_up);
    ferry_loop_unref(posting->loop);
    return &refused;
}

static void test_a_thread_that_comes_too_late_gives_it_up(void **state)
{
    (void)state;
    struct posting posting = {
        .loop = ferry_loop_ref(loop),
        .asked = ferry_promise_new(loop, count_free, NULL, NULL),
        .unasked = ferry_promise_new(loop, count_free, NULL, NULL),
    };
    ferry_future_then(ferry_promise_future(posting.asked), on_done, NULL);
    free_loop();
    pthread_t thread;
    void *refused;
    assert_int_equal(pthread_create(&thread, NULL, post_late, &posting), 0);
    pthread_join(thread, &refused);
    assert_int_equal(*(int *)refused, FERRY_REJECTED);
    assert_int_equal(told + freed, 0);
}

static void *free_it(void *promise)
{
    ferry_promise_free(promise);
    return NULL;
}

static void free_on_a_thread(ferry_promise *promise)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_it, promise), 0);
    pthread_join(thread, NULL);
}

/* As add_callback does with its argument, on the thread that has no memory to post it. */
static void test_another_thread_may_give_it_up(void **state)
{
    (void)state;
    ferry_promise *promise = ferry_promise_new(loop, count_free, NULL, NULL);
    ferry_future *future = ferry_promise_future(promise);
    free_on_a_thread(promise);
    assert_false(ferry_future_is_done(future)); /* that is for the loop to do */
    assert_int_equal(code_of(future), FERRY_CANCELLED);

    promise = ferry_promise_new(loop, count_free, NULL, NULL);
    ferry_promise_set_result(promise, some_result());
    free_on_a_thread(promise);
    assert_int_equal(freed, 0);
    turns(1);
    assert_int_equal(freed, 1);

    free_on_a_thread(ferry_promise_new(loop, count_free, NULL, NULL));
    free_loop(); /* before its turn */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_callback_runs_in_a_later_turn, setup, close_loop),
        cmocka_unit_test_setup_teardown(test_a_future_may_be_asked_for_after_it_was_set, setup,
                                        close_loop),
        cmocka_unit_test_setup_teardown(test_a_second_set_is_refused_and_its_result_freed, setup,
                                        close_loop),
        cmocka_unit_test_setup_teardown(test_a_result_that_nobody_takes_is_freed, setup,
                                        close_loop),
        cmocka_unit_test_setup_teardown(test_a_cancel_resolves_and_then_tells_the_source, setup,
                                        close_loop),
        cmocka_unit_test_setup_teardown(test_a_promise_that_is_given_up_fails_its_future, setup,
                                        close_loop),
        cmocka_unit_test_setup_teardown(
            test_an_error_that_nobody_looked_at_is_logged_with_its_place, setup, close_loop),
        cmocka_unit_test_setup_teardown(test_an_error_that_was_expected_is_not_logged, setup,
                                        close_loop),
        cmocka_unit_test_setup_teardown(test_futures_that_are_done_already, setup, close_loop),
        cmocka_unit_test_setup_teardown(test_an_error_without_a_code_is_internal, setup,
                                        close_loop),
        cmocka_unit_test_setup_teardown(test_after_some_time, setup, close_loop),
        cmocka_unit_test_setup_teardown(test_the_loop_ends_before_they_do, setup, close_loop),
        cmocka_unit_test_setup_teardown(test_a_thread_that_comes_too_late_gives_it_up, setup,
                                        close_loop),
        cmocka_unit_test_setup_teardown(test_another_thread_may_give_it_up, setup, close_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
