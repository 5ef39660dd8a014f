/* The pace of lines of the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "log_pace.h"

static void the_first_is_told_and_the_next_in_ten_seconds(void **state)
{
    (void)state;
    struct log_pace pace = {0};
    unsigned left_out = 1;
    assert_true(log_pace_allows(&pace, &left_out));
    assert_int_equal(left_out, 0);
    assert_in_range(pace.next_ms, clock_monotonic_ms() + 1, clock_monotonic_ms() + 10000);
    assert_false(log_pace_allows(&pace, &left_out));
    assert_false(log_pace_allows(&pace, &left_out));
    pace.next_ms = clock_monotonic_ms();
    assert_true(log_pace_allows(&pace, &left_out));
    assert_int_equal(left_out, 2);
    assert_false(log_pace_allows(&pace, &left_out));
    pace.next_ms = clock_monotonic_ms();
    assert_true(log_pace_allows(&pace, &left_out));
    assert_int_equal(left_out, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_told_and_the_next_in_ten_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
