/* A route's gate: concurrency, rate, breaker, pause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gate.h"

static void without_limits_it_is_open(void **ctx)
{
    (void)ctx;
    struct queue_route route = {0};
    struct gate gate = {.route = &route};
    assert_true(gate_room(&gate, 0) == UINT32_MAX);
    gate_take(&gate, 1000, 0);
    assert_true(gate_room(&gate, 0) == UINT32_MAX);
    assert_int_equal(gate_rest_ms(&gate, 0), 0);
    assert_int_equal(gate_state(&gate, 0), QUEUE_OPEN);
}

static void no_more_run_at_once_than_its_concurrency(void **ctx)
{
    (void)ctx;
    struct queue_route route = {.concurrency = 3};
    struct gate gate = {.route = &route};
    assert_int_equal(gate_room(&gate, 0), 3);
    gate_take(&gate, 2, 0);
    assert_int_equal(gate_room(&gate, 0), 1);
    gate_take(&gate, 1, 0);
    assert_int_equal(gate_room(&gate, 0), 0);
    assert_true(gate_rest_ms(&gate, 0) == INT64_MAX); /* an end makes room, not time */
    gate_end(&gate, GATE_ANSWERED, 0);
    gate_give_back(&gate, 1);
    assert_int_equal(gate_room(&gate, 0), 2);
}

static void a_slow_rate_starts_one_each_interval(void **ctx)
{
    (void)ctx;
    struct queue_route route = {.rate_count = 2, .rate_per_ms = 1000};
    struct gate gate = {.route = &route};
    assert_int_equal(gate_room(&gate, 5000), 1);
    gate_take(&gate, 1, 5000);
    assert_int_equal(gate_room(&gate, 5000), 0);
    assert_int_equal(gate_rest_ms(&gate, 5000), 500);
    assert_int_equal(gate_rest_ms(&gate, 5499), 1);
    assert_int_equal(gate_room(&gate, 5499), 0);
    assert_int_equal(gate_room(&gate, 5500), 1);
    assert_int_equal(gate_room(&gate, 500000), 1); /* what was not used is not saved up */
}

/* Whatever is asked for when, no second sees more than the rate and one burst of 100 ms. */
static void a_fast_rate_holds_over_any_second(void **ctx)
{
    (void)ctx;
    enum { RATE = 200, SECONDS = 10 };
    static unsigned started[SECONDS * 1000];
    struct queue_route route = {.rate_count = RATE, .rate_per_ms = 1000};
    struct gate gate = {.route = &route};
    unsigned total = 0;
    for (int ms = 0; ms < SECONDS * 1000; ms++) {
        unsigned room = gate_room(&gate, ms);
        unsigned wanted = ms % 700 < 350 ? 0 : 7; /* now idle, now greedy */
        started[ms] = room < wanted ? room : wanted;
        if (started[ms])
            gate_take(&gate, started[ms], ms);
        total += started[ms];
    }
    for (int from = 0; from + 1000 <= SECONDS * 1000; from++) {
        unsigned sum = 0;
        for (int ms = from; ms < from + 1000; ms++)
            sum += started[ms];
        assert_in_range(sum, 0, RATE + RATE / 10);
    }
    /* Half of the time, and a burst each time that it begins. */
    assert_in_range(total, RATE * SECONDS / 2, RATE * SECONDS / 2 + 15 * RATE / 10);
}

static void what_is_given_back_does_not_count_for_the_rate(void **ctx)
{
    (void)ctx;
    struct queue_route route = {.rate_count = 1, .rate_per_ms = 60000};
    struct gate gate = {.route = &route};
    gate_take(&gate, 1, 1000);
    assert_int_equal(gate_room(&gate, 1000), 0);
    gate_give_back(&gate, 1);
    assert_int_equal(gate_room(&gate, 1000), 1);
}

static void fail_times(struct gate *gate, unsigned times, int64_t now_ms)
{
    while (times-- > 0) {
        gate_take(gate, 1, now_ms);
        gate_end(gate, GATE_FAILED, now_ms);
    }
}

static void failures_in_a_row_shut_it_and_one_attempt_tries(void **ctx)
{
    (void)ctx;
    struct queue_route route = {.breaker_failures = 3, .breaker_pause_ms = 1000};
    struct gate gate = {.route = &route};
    fail_times(&gate, 2, 0);
    gate_take(&gate, 1, 0);
    gate_end(&gate, GATE_ANSWERED, 0); /* not in a row */
    fail_times(&gate, 2, 0);
    assert_int_equal(gate_state(&gate, 0), QUEUE_OPEN);
    gate_take(&gate, 1, 0);
    assert_true(gate_end(&gate, GATE_FAILED, 0));
    assert_int_equal(gate_state(&gate, 0), QUEUE_BROKEN);
    assert_int_equal(gate_room(&gate, 999), 0);
    assert_int_equal(gate_rest_ms(&gate, 400), 600);

    assert_int_equal(gate_state(&gate, 1000), QUEUE_PROBING);
    assert_int_equal(gate_room(&gate, 1000), 1);
    gate_take(&gate, 1, 1000);
    assert_int_equal(gate_room(&gate, 1000), 0);
    assert_true(gate_rest_ms(&gate, 1000) == INT64_MAX);
    assert_true(gate_end(&gate, GATE_FAILED, 1200)); /* one failure is enough now */
    assert_int_equal(gate_room(&gate, 2199), 0);

    assert_int_equal(gate_room(&gate, 2200), 1);
    gate_take(&gate, 1, 2200);
    assert_false(gate_end(&gate, GATE_ANSWERED, 2300));
    assert_int_equal(gate_state(&gate, 2300), QUEUE_OPEN);
    assert_true(gate_room(&gate, 2300) == UINT32_MAX);
}

static void what_began_before_it_was_shut_says_nothing_new(void **ctx)
{
    (void)ctx;
    struct queue_route route = {.breaker_failures = 1, .breaker_pause_ms = 1000};
    struct gate gate = {.route = &route};
    gate_take(&gate, 3, 0);
    assert_true(gate_end(&gate, GATE_FAILED, 0));
    assert_false(gate_end(&gate, GATE_FAILED, 900)); /* does not lengthen it */
    assert_false(gate_end(&gate, GATE_ANSWERED, 900));
    assert_int_equal(gate_state(&gate, 999), QUEUE_BROKEN);
    assert_int_equal(gate_state(&gate, 1000), QUEUE_PROBING);
}

static void an_attempt_that_was_cut_short_leaves_the_trying_to_the_next(void **ctx)
{
    (void)ctx;
    struct queue_route route = {.breaker_failures = 1, .breaker_pause_ms = 1000};
    struct gate gate = {.route = &route};
    fail_times(&gate, 1, 0);
    gate_take(&gate, 1, 1000);
    gate_end(&gate, GATE_UNKNOWN, 1000);
    assert_int_equal(gate_state(&gate, 1000), QUEUE_PROBING);
    assert_int_equal(gate_room(&gate, 1000), 1);
    gate_take(&gate, 1, 1000);
    gate_give_back(&gate, 1);
    assert_int_equal(gate_room(&gate, 1000), 1);
}

static void a_worker_shuts_it_without_a_breaker_too(void **ctx)
{
    (void)ctx;
    struct queue_route route = {0};
    struct gate gate = {.route = &route};
    gate_shut(&gate, 5000, 100);
    gate_shut(&gate, 1000, 200); /* does not shorten it */
    assert_int_equal(gate_room(&gate, 5099), 0);
    assert_int_equal(gate_room(&gate, 5100), 1);
    gate_take(&gate, 1, 5100);
    gate_end(&gate, GATE_FAILED, 5100);
    assert_int_equal(gate_room(&gate, 6099), 0); /* as long as the last time */
    assert_int_equal(gate_room(&gate, 6100), 1);
}

static void paused_it_stays_until_it_is_resumed_which_opens_it(void **ctx)
{
    (void)ctx;
    struct queue_route route = {.breaker_failures = 1, .breaker_pause_ms = 1000};
    struct gate gate = {.route = &route};
    fail_times(&gate, 1, 0);
    gate_pause(&gate, true);
    assert_int_equal(gate_state(&gate, 0), QUEUE_PAUSED);
    assert_int_equal(gate_room(&gate, 1000000), 0);
    assert_true(gate_rest_ms(&gate, 1000000) == INT64_MAX);
    gate_pause(&gate, false);
    assert_int_equal(gate_state(&gate, 0), QUEUE_OPEN);
    assert_true(gate_room(&gate, 0) == UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_limits_it_is_open),
        cmocka_unit_test(no_more_run_at_once_than_its_concurrency),
        cmocka_unit_test(a_slow_rate_starts_one_each_interval),
        cmocka_unit_test(a_fast_rate_holds_over_any_second),
        cmocka_unit_test(what_is_given_back_does_not_count_for_the_rate),
        cmocka_unit_test(failures_in_a_row_shut_it_and_one_attempt_tries),
        cmocka_unit_test(what_began_before_it_was_shut_says_nothing_new),
        cmocka_unit_test(an_attempt_that_was_cut_short_leaves_the_trying_to_the_next),
        cmocka_unit_test(a_worker_shuts_it_without_a_breaker_too),
        cmocka_unit_test(paused_it_stays_until_it_is_resumed_which_opens_it),
    };
    return cmocka_run_group_tests_name("jobs/gate", tests, NULL, NULL);
}
