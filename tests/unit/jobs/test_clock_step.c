/* Steps of the wall clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "clock_step.h"

static void the_first_comparison_knows_of_no_step(void **ctx)
{
    (void)ctx;
    struct clock_step step = {0};
    assert_int_equal(clock_step_check(&step, 1700000000000, 5), 0);
}

static void a_clock_that_is_set_is_noticed_once(void **ctx)
{
    (void)ctx;
    struct clock_step step = {0};
    clock_step_check(&step, 1000000, 1000);
    assert_int_equal(clock_step_check(&step, 1000000 + 10, 1010), 0);
    assert_int_equal(clock_step_check(&step, 1000000 + 3600020, 1020), 3600000);
    assert_int_equal(clock_step_check(&step, 1000000 + 3600030, 1030), 0);
    assert_int_equal(clock_step_check(&step, 1000000 + 40, 1040), -3600000);
    assert_int_equal(clock_step_check(&step, 1000000 + 50, 1050), 0);
}

static void a_clock_that_is_slewed_is_not_taken_for_one_that_was_set(void **ctx)
{
    (void)ctx;
    struct clock_step step = {0};
    int64_t wall_ms = 1000000;
    for (int64_t ms = 0; ms < 100000; ms += 1000) {
        assert_int_equal(clock_step_check(&step, wall_ms, ms), 0);
        wall_ms += 1100;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_comparison_knows_of_no_step),
        cmocka_unit_test(a_clock_that_is_set_is_noticed_once),
        cmocka_unit_test(a_clock_that_is_slewed_is_not_taken_for_one_that_was_set),
    };
    return cmocka_run_group_tests_name("jobs/clock_step", tests, NULL, NULL);
}
