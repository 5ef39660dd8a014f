/* Backoff: its bounds, and that it uses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "retry.h"

enum { SAMPLES = 2000 };

static void each_wait_is_within_its_bounds(void **ctx)
{
    (void)ctx;
    const int64_t min_ms = 5000, max_ms = 3600000;
    int64_t ceiling = min_ms;
    for (unsigned attempt = 1; attempt <= 40; attempt++) {
        for (int i = 0; i < SAMPLES; i++) {
            int64_t wait_ms = retry_wait_ms(min_ms, max_ms, attempt);
            assert_true(wait_ms >= min_ms / 2);
            assert_true(wait_ms <= ceiling);
        }
        ceiling = ceiling * 2 < max_ms ? ceiling * 2 : max_ms;
    }
}

static void waits_spread_over_the_whole_range(void **ctx)
{
    (void)ctx;
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < SAMPLES; i++) {
        int64_t wait_ms = retry_wait_ms(1000, 100000, 5); /* 500 to 16000 */
        least = wait_ms < least ? wait_ms : least;
        most = wait_ms > most ? wait_ms : most;
    }
    assert_true(least < 500 + 15500 / 10);
    assert_true(most > 16000 - 15500 / 10);
}

static void odd_bounds_do_no_harm(void **ctx)
{
    (void)ctx;
    for (int i = 0; i < SAMPLES; i++) {
        assert_in_range(retry_wait_ms(0, 0, 1), 0, 1);
        assert_in_range(retry_wait_ms(100, 10, 7), 50, 100); /* max below min: min counts */
        assert_true(retry_wait_ms(INT64_MAX / 2, INT64_MAX / 2, 4000000000u) >= INT64_MAX / 4);
    }
}

static void the_last_attempt_is_the_one_with_the_number(void **ctx)
{
    (void)ctx;
    assert_true(retry_is_last(1, 1));
    assert_false(retry_is_last(1, 2));
    assert_true(retry_is_last(2, 2));
    assert_true(retry_is_last(3, 2)); /* the config has changed since */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wait_is_within_its_bounds),
        cmocka_unit_test(waits_spread_over_the_whole_range),
        cmocka_unit_test(odd_bounds_do_no_harm),
        cmocka_unit_test(the_last_attempt_is_the_one_with_the_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
