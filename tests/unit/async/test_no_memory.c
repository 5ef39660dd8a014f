/* Futures that cannot be made: what they were to be made of is cancelled and freed all the same. */
#include <ferry/future.h>

#include "failing_memory.h"
#include "fixture.h"

enum { PARTS = 3 };

static unsigned cancelled;

static void on_cancel(void *arg)
{
    (void)arg;
    cancelled++;
}

typedef ferry_future *combiner(ferry_future **parts);

static ferry_future *all_of(ferry_future **parts)
{
    return ferry_future_all(loop, parts, PARTS);
}

static ferry_future *any_of(ferry_future **parts)
{
    return ferry_future_any(loop, parts, PARTS);
}

static ferry_future *in_time(ferry_future **parts)
{
    ferry_future_free(parts[1]);
    ferry_future_free(parts[2]);
    cancelled += 2;
    return ferry_future_with_timeout(loop, parts[0], 1000);
}

static ferry_future *all_but_one(ferry_future **parts)
{
    ferry_future_free(parts[1]);
    cancelled++;
    parts[1] = NULL;
    return ferry_future_all(loop, parts, PARTS);
}

/* Combine the futures of promises, with ever more memory, each time in a loop that has no timers.
 */
static void combine(combiner *make)
{
    void **state = NULL;
    for (struct lack lack = {0}; lack_next(&lack);) {
        ferry_promise *promises[PARTS];
        ferry_future *parts[PARTS];
        open_loop(state);
        cancelled = 0;
        for (size_t i = 0; i < PARTS; i++) {
            promises[i] = ferry_promise_new(loop, NULL, on_cancel, NULL);
            parts[i] = ferry_promise_future(promises[i]);
        }
        lack_begin(&lack);
        ferry_future *out = make(parts);
        lack_end(&lack);
        assert_true(lack.was_lacking == !out);
        ferry_future_free(out);
        if (!out)
            assert_int_equal(cancelled, PARTS);
        for (size_t i = 0; i < PARTS; i++)
            ferry_promise_free(promises[i]);
        close_loop(state);
    }
}

static void test_a_combination_that_cannot_be_made_cancels_its_members(void **state)
{
    (void)state;
    combine(all_of);
    combine(any_of);
    combine(in_time);
    combine(all_but_one);
}

static void test_a_result_that_gets_no_future_is_freed(void **state)
{
    for (struct lack lack = {0}; lack_next(&lack);) {
        open_loop(state);
        void *result = some_result();
        lack_begin(&lack);
        ferry_future *future = ferry_future_resolved(loop, result, count_free);
        lack_end(&lack);
        assert_int_equal(freed, lack.was_lacking);
        ferry_future_free(future);
        assert_int_equal(freed, 1);
        close_loop(state);
    }
}

static ferry_future *make_failed(void)
{
    ferry_error error = error_of(FERRY_TRANSIENT, "m");
    return ferry_future_failed(loop, &error);
}

static ferry_future *make_after(void)
{
    return ferry_future_after(loop, 0);
}

static ferry_future *make_promised(void)
{
    ferry_promise *promise = ferry_promise_new(loop, NULL, on_cancel, NULL);
    ferry_future *future = promise ? ferry_promise_future(promise) : NULL;
    ferry_promise_free(promise);
    return future;
}

static void test_others_that_cannot_be_made_leave_nothing(void **state)
{
    static ferry_future *(*const makers[])(void) = {make_failed, make_after, make_promised};
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        for (struct lack lack = {0}; lack_next(&lack);) {
            open_loop(state);
            lack_begin(&lack);
            ferry_future *future = makers[i]();
            lack_end(&lack);
            assert_true(lack.was_lacking == !future);
            ferry_future_free(future);
            turns(2);
            close_loop(state);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_combination_that_cannot_be_made_cancels_its_members),
        cmocka_unit_test(test_a_result_that_gets_no_future_is_freed),
        cmocka_unit_test(test_others_that_cannot_be_made_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
