/* Periodic callbacks: the grid, no overlap, and ends in every place. */
#include <ferry/coroutine.h>
#include <ferry/periodic.h>

#include <errno.h>

#include "fixture.h"
#include "periodic_grid.h"
#include "support.h"

static void test_the_grid_does_not_drift_and_leaves_out_what_was_missed(void **state)
{
    (void)state;
    static const struct {
        int64_t last_ms, now_ms, interval_ms, next_ms;
    } cases[] = {
        {0, 0, 100, 100},     /* the start */
        {100, 100, 100, 200}, /* in time */
        {100, 131, 100, 200}, /* late */
        {100, 199, 100, 200}, /* very late */
        {100, 200, 100, 300}, /* too late for one */
        {100, 999, 100, 1000},
        {100, 1000, 100, 1100},
        {100, 90, 100, 200}, /* early */
        {7, 1000000007, 1, 1000000008},
        {0, INT64_C(86400000), 7, INT64_C(86400006)},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(periodic_next_ms(cases[i].last_ms, cases[i].now_ms, cases[i].interval_ms),
                         cases[i].next_ms);
}

static void test_jitter_varies_by_its_fraction(void **state)
{
    (void)state;
    assert_int_equal(periodic_vary_ms(1000, 0.1, 0), 950);
    assert_int_equal(periodic_vary_ms(1000, 0.1, 0.5), 1000);
    assert_int_equal(periodic_vary_ms(1000, 0.1, 1), 1050);
    assert_int_equal(periodic_vary_ms(1, 1, 0), 1); /* never none */
}

static ferry_future *do_nothing(void *arg)
{
    (void)arg;
    return NULL;
}

static void test_options_out_of_their_range(void **state)
{
    (void)state;
    const ferry_periodic_options wild = {.jitter = 1.5};
    errno = 0;
    assert_null(ferry_periodic_new(loop, 10, do_nothing, NULL, &wild));
    assert_int_equal(errno, EINVAL);
    assert_null(ferry_periodic_new(loop, 0, do_nothing, NULL, NULL));
}

/* What a periodic callback of these tests does at each time. */
struct work {
    ferry_periodic *periodic;
    unsigned begun, ended, stop_after;
    unsigned now, most; /* in progress */
    bool free_itself;
    ferry_promise *promise;
};

static ferry_future *count(void *arg)
{
    struct work *work = arg;
    if (++work->begun == work->stop_after) {
        ferry_loop_stop(loop);
        if (work->free_itself)
            ferry_periodic_free(work->periodic);
        else
            ferry_periodic_stop(work->periodic);
    }
    return NULL;
}

static void test_it_is_called_again_and_again_until_it_is_stopped(void **state)
{
    (void)state;
    const ferry_periodic_options some = {.jitter = 0.5};
    struct work work = {.stop_after = 5};
    work.periodic = ferry_periodic_new(loop, 1, count, &work, &some);
    assert_false(ferry_periodic_is_running(work.periodic));
    assert_int_equal(ferry_periodic_start(work.periodic), 0);
    assert_int_equal(ferry_periodic_start(work.periodic), 0); /* one grid only */
    assert_true(ferry_periodic_is_running(work.periodic));
    ferry_loop_run(loop);
    assert_false(ferry_periodic_is_running(work.periodic));
    assert_int_equal(code_of(ferry_future_after(loop, 10)), FERRY_OK);
    assert_int_equal(work.begun, 5);
    ferry_periodic_start(work.periodic);
    ferry_periodic_free(work.periodic);
    assert_int_equal(code_of(ferry_future_after(loop, 10)), FERRY_OK);
    assert_int_equal(work.begun, 5);
    ferry_periodic_free(NULL);
}

static void test_an_interval_without_end_never_ends(void **state)
{
    (void)state;
    const ferry_periodic_options most = {.jitter = 1};
    struct work work = {0};
    ferry_periodic *plain = ferry_periodic_new(loop, INT64_MAX, count, &work, NULL);
    ferry_periodic *varied = ferry_periodic_new(loop, INT64_MAX, count, &work, &most);
    assert_int_equal(ferry_periodic_start(plain), 0);
    assert_int_equal(ferry_periodic_start(varied), 0);
    assert_int_equal(code_of(ferry_future_after(loop, 10)), FERRY_OK);
    assert_int_equal(work.begun, 0);
    ferry_periodic_free(plain);
    ferry_periodic_free(varied);
}

static void test_it_may_be_freed_in_its_callback(void **state)
{
    (void)state;
    struct work work = {.stop_after = 2, .free_itself = true};
    work.periodic = ferry_periodic_new(loop, 1, count, &work, NULL);
    ferry_periodic_start(work.periodic);
    ferry_loop_run(loop);
    assert_int_equal(work.begun, 2);
}

static ferry_future *restart(void *arg)
{
    struct work *work = arg;
    work->begun++;
    ferry_loop_stop(loop);
    ferry_periodic_start(work->periodic);
    return NULL;
}

static void test_it_may_be_started_anew_in_its_callback(void **state)
{
    (void)state;
    struct work work = {0};
    work.periodic = ferry_periodic_new(loop, 1, restart, &work, NULL);
    ferry_periodic_start(work.periodic);
    ferry_loop_run(loop);
    ferry_periodic_stop(work.periodic); /* one grid only */
    assert_int_equal(code_of(ferry_future_after(loop, 5)), FERRY_OK);
    assert_int_equal(work.begun, 1);
    ferry_periodic_free(work.periodic);
}

static void *work_for_long(void *arg, ferry_error *error)
{
    (void)error;
    struct work *work = arg;
    if (++work->now > work->most)
        work->most = work->now;
    ferry_sleep(20);
    work->now--;
    if (++work->ended == work->stop_after)
        ferry_loop_stop(loop);
    return NULL;
}

static ferry_future *begin(void *arg)
{
    struct work *work = arg;
    work->begun++;
    return ferry_spawn(loop, work_for_long, work, NULL);
}

static void test_work_does_not_overlap_itself_unless_it_may(void **state)
{
    (void)state;
    struct work work = {.stop_after = 3};
    ferry_periodic *periodic = ferry_periodic_new(loop, 1, begin, &work, NULL);
    ferry_periodic_start(periodic);
    ferry_loop_run(loop);
    ferry_periodic_free(periodic);
    assert_int_equal(work.most, 1);

    struct work overlapping = {.stop_after = 3};
    const ferry_periodic_options overlap = {.allow_overlap = true};
    periodic = ferry_periodic_new(loop, 1, begin, &overlapping, &overlap);
    ferry_periodic_start(periodic);
    ferry_loop_run(loop);
    ferry_periodic_free(periodic);
    assert_true(overlapping.most > 1);
    free_loop(); /* the coroutines are on this stack */
}

static ferry_future *fail_at_once(void *arg)
{
    struct work *work = arg;
    if (++work->begun == 2)
        ferry_loop_stop(loop);
    ferry_error error = error_of(FERRY_TRANSIENT, "broke");
    return ferry_future_failed(loop, &error);
}

static void test_an_error_is_logged_and_the_next_time_comes(void **state)
{
    (void)state;
    struct work work = {0};
    ferry_periodic *periodic = ferry_periodic_new(loop, 1, fail_at_once, &work, NULL);
    ferry_periodic_start(periodic);
    ferry_loop_run(loop);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(last_line, "error=broke"));
    ferry_periodic_free(periodic);
}

static ferry_future *promise_it(void *arg)
{
    struct work *work = arg;
    ferry_loop_stop(loop);
    if (work->free_itself)
        ferry_periodic_free(work->periodic);
    work->promise = ferry_promise_new(loop, NULL, NULL, NULL);
    return ferry_promise_future(work->promise);
}

static void test_an_end_while_work_is_pending(void **state)
{
    (void)state;
    struct work work = {0};
    ferry_periodic *periodic = ferry_periodic_new(loop, 1, promise_it, &work, NULL);
    ferry_periodic_start(periodic);
    ferry_loop_run(loop);
    ferry_periodic_free(periodic);
    ferry_promise_set_result(work.promise, NULL);
    ferry_promise_free(work.promise);

    periodic = ferry_periodic_new(loop, 1, promise_it, &work, NULL);
    ferry_periodic_start(periodic);
    ferry_loop_run(loop);
    ferry_promise_set_result(work.promise, NULL); /* and not told yet */
    ferry_periodic_free(periodic);
    turns(1);
    ferry_promise_free(work.promise);

    work.free_itself = true; /* and what it has begun goes on */
    work.periodic = ferry_periodic_new(loop, 1, promise_it, &work, NULL);
    ferry_periodic_start(work.periodic);
    ferry_loop_run(loop);
    ferry_promise_set_result(work.promise, NULL);
    turns(1);
    ferry_promise_free(work.promise);
    assert_int_equal(lines, 0);
}

/* The loop's table of timers cannot grow any more. */
static bool has_no_memory;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
    return has_no_memory ? NULL : __real_realloc(memory, size);
}

static void stop_if_it_has(void *arg)
{
    if (!ferry_periodic_is_running(arg))
        ferry_loop_stop(loop);
}

static ferry_future *take_all_timers(void *arg)
{
    const struct work *work = arg;
    const int64_t long_ms = 60000;
    while (ferry_loop_call_later(loop, long_ms, stop_loop, NULL))
        ;
    ferry_loop_add_callback(loop, stop_if_it_has, work->periodic, NULL);
    return count(arg);
}

static void test_it_goes_on_where_its_callback_leaves_no_memory_for_a_timer(void **state)
{
    (void)state;
    struct work work = {.stop_after = 3};
    work.periodic = ferry_periodic_new(loop, 1, take_all_timers, &work, NULL);
    assert_int_equal(ferry_periodic_start(work.periodic), 0);
    has_no_memory = true;
    ferry_loop_run(loop);
    has_no_memory = false;
    assert_int_equal(work.begun, 3);
    ferry_periodic_free(work.periodic);
}

static void test_it_may_be_freed_after_its_loop(void **state)
{
    (void)state;
    ferry_periodic *periodic = ferry_periodic_new(loop, 1, do_nothing, NULL, NULL);
    assert_int_equal(ferry_periodic_start(periodic), 0);
    free_loop();
    ferry_periodic_stop(periodic);
    assert_int_equal(ferry_periodic_start(periodic), FERRY_INTERNAL);
    ferry_periodic_free(periodic);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_grid_does_not_drift_and_leaves_out_what_was_missed),
        TEST(test_jitter_varies_by_its_fraction),
        TEST(test_options_out_of_their_range),
        TEST(test_it_is_called_again_and_again_until_it_is_stopped),
        TEST(test_an_interval_without_end_never_ends),
        TEST(test_it_may_be_freed_in_its_callback),
        TEST(test_it_may_be_started_anew_in_its_callback),
        TEST(test_work_does_not_overlap_itself_unless_it_may),
        TEST(test_an_error_is_logged_and_the_next_time_comes),
        TEST(test_an_end_while_work_is_pending),
        TEST(test_it_goes_on_where_its_callback_leaves_no_memory_for_a_timer),
        TEST(test_it_may_be_freed_after_its_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
