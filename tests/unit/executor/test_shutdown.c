/* How an executor ends: in order, past its deadline, with its loop gone before it. */
#include <ferry/log.h>

#include <string.h>

#include "fixture.h"

static unsigned warnings;

static void count_warnings(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)line, (void)length;
    warnings += level == FERRY_LOG_WARN;
}

static int setup(void **state)
{
    warnings = 0;
    ferry_log_set_sink(count_warnings, NULL);
    return watchdog_start(state);
}

static int teardown(void **state)
{
    ferry_log_set_sink(NULL, NULL);
    return watchdog_stop(state);
}

static void test_shutdown_lets_what_was_admitted_run(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 2});
    struct probe probes[20] = {{0}};
    for (size_t i = 0; i < 20; i++)
        submit(&f, &probes[i], NULL);
    gate_open(&f.gate);
    assert_int_equal(ferry_executor_shutdown(f.executor, INT64_MAX), 0);
    assert_int_equal(stats_of(&f).finished, 20);
    assert_int_equal(ferry_executor_shutdown(f.executor, 0), 0); /* a second call waits again */
    await_done(&f, 20);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(probes[i].report.outcome, FERRY_OK);
    end(&f);
}

static void test_submit_after_shutdown_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.name = "p", .threads = 1});
    ferry_executor_shutdown(f.executor, INT64_MAX);
    struct probe late = {0};
    ferry_error error;
    assert_int_equal(submit(&f, &late, &error), FERRY_REJECTED);
    assert_string_equal(error.message, "pool p: it shuts down");
    assert_int_equal(stats_of(&f).rejected_shut, 1);
    end(&f);
}

static void test_past_the_deadline_threads_are_left_behind(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 3}); /* one is stuck, two are idle */
    struct probe stuck = {0};
    submit(&f, &stuck, NULL);
    gate_await(&f.gate, 1);
    assert_int_equal(ferry_executor_shutdown(f.executor, 1), FERRY_DEADLINE);
    assert_int_equal(warnings, 1);
    assert_int_equal(stuck.done, 0);
    gate_open(&f.gate);
    assert_int_equal(ferry_executor_shutdown(f.executor, INT64_MAX), 0);
    await_done(&f, 1);
    assert_int_equal(stuck.report.outcome, FERRY_OK); /* the loop still took its result */
    end(&f);
}

static void test_past_the_deadline_what_is_queued_comes_back_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1});
    struct probe stuck = {0}, queued[3] = {{0}};
    submit(&f, &stuck, NULL);
    gate_await(&f.gate, 1);
    for (size_t i = 0; i < 3; i++)
        submit(&f, &queued[i], NULL);
    assert_int_equal(ferry_executor_shutdown(f.executor, 0), FERRY_DEADLINE);
    assert_false(ferry_task_cancel(queued[0].task)); /* it is on its way back already */
    assert_false(ferry_task_is_started(queued[0].task));
    await_done(&f, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(queued[i].report.outcome, FERRY_CANCELLED);
        assert_int_equal(queued[i].done, 1);
        assert_int_equal(atomic_load(&queued[i].runs), 0);
    }
    assert_int_equal(stats_of(&f).cancelled, 3);
    gate_open(&f.gate);
    await_done(&f, 4);
    end(&f);
}

static void test_free_waits_for_idle_threads_and_says_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        ferry_executor *executor = ferry_executor_new(&(ferry_executor_options){.threads = 4});
        assert_non_null(executor);
        ferry_executor_free(executor); /* some threads have parked, some have not yet begun */
    }
    ferry_executor_free(NULL);
    assert_int_equal(warnings, 0);
}

/* The memory that a left-behind thread still uses goes with it: a sanitizer sees to that. */
static void test_a_left_behind_thread_frees_the_rest(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 2});
    struct probe stuck[2] = {{0}};
    submit(&f, &stuck[0], NULL);
    submit(&f, &stuck[1], NULL);
    gate_await(&f.gate, 2);
    ferry_executor_free(f.executor);
    assert_int_equal(warnings, 1);
    assert_false(ferry_task_cancel(stuck[0].task)); /* no harm, though the executor is gone */
    gate_open(&f.gate);
    await_done(&f, 2);
    ferry_loop_free(f.loop);
}

static pthread_key_t left_key;

static void destroy_left(void *arg)
{
    struct fixture *f = arg;
    gate_pass(&f->gate);
}

static void leave_something(void *f)
{
    assert_int_equal(pthread_setspecific(left_key, f), 0);
}

static void stop_loop(void *arg, const ferry_task_report *report)
{
    struct fixture *f = arg;
    (void)report;
    ferry_loop_stop(f->loop);
}

/* A thread has ended when what tasks left on it is destroyed, and that may take for ever. */
static void test_what_tasks_left_on_a_thread_is_waited_for(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1});
    assert_int_equal(pthread_key_create(&left_key, destroy_left), 0);
    ferry_task_work work = {.run = leave_something, .done = stop_loop, .arg = &f};
    assert_non_null(ferry_executor_submit(f.executor, f.loop, &work, NULL));
    ferry_loop_run(f.loop);
    assert_int_equal(ferry_executor_shutdown(f.executor, 0), FERRY_DEADLINE);
    gate_open(&f.gate);
    assert_int_equal(ferry_executor_shutdown(f.executor, INT64_MAX), 0);
    end(&f);
    pthread_key_delete(left_key);
}

static void test_results_are_dropped_when_the_loop_has_closed(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1});
    struct probe running = {0}, queued = {0};
    submit(&f, &running, NULL);
    gate_await(&f.gate, 1);
    submit(&f, &queued, NULL);
    ferry_loop_free(f.loop);
    gate_open(&f.gate);
    assert_int_equal(ferry_executor_shutdown(f.executor, INT64_MAX), 0);
    ferry_executor_free(f.executor);
    assert_int_equal(atomic_load(&running.dropped), 1);
    assert_int_equal(atomic_load(&queued.dropped), 1);
    assert_int_equal(atomic_load(&queued.runs), 1); /* it was admitted */
    assert_int_equal(running.done + queued.done, 0);
    assert_int_equal(queued.report.outcome, FERRY_OK);
}

static void test_the_loop_may_close_before_the_queue_timeout(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1, .queue_timeout_ms = 1000 * 1000});
    struct probe running = {0}, queued = {0};
    submit(&f, &running, NULL);
    gate_await(&f.gate, 1);
    submit(&f, &queued, NULL);
    ferry_loop_free(f.loop);
    gate_open(&f.gate);
    ferry_executor_shutdown(f.executor, INT64_MAX);
    ferry_executor_free(f.executor); /* its timer went with the loop */
    assert_int_equal(atomic_load(&queued.dropped), 1);
}

/* ---- from another thread ---- */

static void *shut_down(void *arg)
{
    struct fixture *f = arg;
    ferry_executor_shutdown(f->executor, 0);
    return NULL;
}

/* Each task is given up by exactly one of the two. */
static void test_shutdown_on_a_thread_while_the_loop_cancels(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct fixture f;
        start(&f, &(ferry_executor_options){.threads = 1, .queue = 100});
        struct probe stuck = {0}, queued[100] = {{0}}, late = {0};
        submit(&f, &stuck, NULL);
        gate_await(&f.gate, 1);
        for (size_t i = 0; i < 100; i++)
            submit(&f, &queued[i], NULL);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, shut_down, &f), 0);
        while (stats_of(&f).rejected_shut == 0) /* until it has begun */
            submit(&f, &late, NULL);
        for (size_t i = 100; i-- > 0;)
            ferry_task_cancel(queued[i].task);
        await_done(&f, 100);
        for (size_t i = 0; i < 100; i++)
            assert_int_equal(queued[i].done, 1);
        assert_int_equal(stats_of(&f).cancelled, 100);
        gate_open(&f.gate);
        pthread_join(thread, NULL);
        await_done(&f, 101);
        end(&f);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static unsigned refused; /* of those that were tried from inside */

static void end_itself(void *arg)
{
    struct fixture *f = arg;
    refused = ferry_executor_shutdown(f->executor, INT64_MAX) == FERRY_CONFLICT;
    ferry_executor_free(f->executor);
}

/* It would wait for itself, and free what its loop submits to. */
static void test_its_own_thread_cannot_end_it(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 2});
    gate_open(&f.gate);
    const ferry_task_work work = {.run = end_itself, .done = stop_loop, .arg = &f};
    assert_non_null(ferry_executor_submit(f.executor, f.loop, &work, NULL));
    ferry_loop_run(f.loop);
    assert_int_equal(refused, 1);
    struct probe probe = {0};
    assert_int_equal(submit(&f, &probe, NULL), FERRY_OK); /* it lives on */
    await_done(&f, 1);
    assert_int_equal(probe.report.outcome, FERRY_OK);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shutdown_lets_what_was_admitted_run),
        TEST(test_submit_after_shutdown_is_refused),
        TEST(test_past_the_deadline_threads_are_left_behind),
        TEST(test_past_the_deadline_what_is_queued_comes_back_cancelled),
        TEST(test_free_waits_for_idle_threads_and_says_nothing),
        TEST(test_a_left_behind_thread_frees_the_rest),
        TEST(test_what_tasks_left_on_a_thread_is_waited_for),
        TEST(test_results_are_dropped_when_the_loop_has_closed),
        TEST(test_the_loop_may_close_before_the_queue_timeout),
        TEST(test_shutdown_on_a_thread_while_the_loop_cancels),
        TEST(test_its_own_thread_cannot_end_it),
    };
    return cmocka_run_group_tests_name("executor/shutdown", tests, NULL, NULL);
}
