/* Background tasks: how many threads they hold, and who goes before whom. */
#include "fixture.h"

#include "clock.h"

enum { TASKS = 5, ROUNDS = 500, BURST = 40 };

static void submit_background(struct fixture *f, struct probe *probe)
{
    *probe = (struct probe){.background = true};
    assert_int_equal(submit(f, probe, NULL), 0);
}

static void test_background_tasks_leave_threads_to_others(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 3, .background = 2});
    struct probe background[TASKS], live = {0};
    for (unsigned i = 0; i < TASKS; i++)
        submit_background(&f, &background[i]);
    gate_await(&f.gate, 2);
    assert_int_equal(submit(&f, &live, NULL), 0);
    gate_await(&f.gate, 3); /* past three that wait */
    assert_int_equal(atomic_load(&live.runs), 1);
    assert_int_equal(stats_of(&f).busy, 3);
    assert_int_equal(stats_of(&f).queued, TASKS - 2);
    gate_open(&f.gate);
    await_done(&f, TASKS + 1);
    end(&f);
}

/* Have one run and two wait, that carry all that the queue may; two threads are free. */
static void start_loaded(struct fixture *f, struct probe background[3])
{
    start(f,
          &(ferry_executor_options){.threads = 3, .background = 1, .queue = 2, .queue_bytes = 100});
    submit_background(f, &background[0]);
    gate_await(&f->gate, 1);
    for (unsigned i = 1; i < 3; i++) {
        background[i] = (struct probe){.background = true, .bytes = 50};
        assert_int_equal(submit(f, &background[i], NULL), 0);
    }
}

static void test_those_that_may_not_run_take_no_free_thread_from_others(void **state)
{
    (void)state;
    struct fixture f;
    struct probe background[3], live[2] = {{.bytes = 50}, {.bytes = 50}};
    start_loaded(&f, background);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(submit(&f, &live[i], NULL), 0);
        gate_await(&f.gate, 2 + i);
    }
    gate_open(&f.gate);
    await_done(&f, 5);
    end(&f);
}

static void test_a_free_thread_makes_no_room_for_those_that_may_not_run(void **state)
{
    (void)state;
    struct fixture f;
    ferry_error error;
    struct probe background[3], more = {.background = true};
    start_loaded(&f, background);
    assert_int_equal(submit(&f, &more, &error), FERRY_REJECTED);
    assert_int_equal(stats_of(&f).rejected_full, 1);
    gate_open(&f.gate);
    await_done(&f, 3);
    end(&f);
}

static void test_without_a_number_they_hold_all(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 3});
    struct probe background[TASKS];
    for (unsigned i = 0; i < TASKS; i++)
        submit_background(&f, &background[i]);
    gate_await(&f.gate, 3);
    gate_open(&f.gate);
    await_done(&f, TASKS);
    end(&f);
}

static void test_who_waits_longest_goes_first(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1});
    struct probe probes[TASKS] = {
        {0}, {.background = true}, {0}, {.background = true}, {.background = true}};
    for (unsigned i = 0; i < TASKS; i++) {
        assert_int_equal(submit(&f, &probes[i], NULL), 0);
        for (int64_t now_us = clock_monotonic_us(); clock_monotonic_us() == now_us;)
            continue; /* no two are as old */
    }
    gate_open(&f.gate);
    await_done(&f, TASKS);
    for (unsigned i = 0; i < TASKS; i++)
        assert_int_equal(probes[i].order, i + 1);
    end(&f);
}

/* Of three, one runs, at the gate. */
static void start_three(struct fixture *f, struct probe probes[3])
{
    start(f, &(ferry_executor_options){.threads = 2, .background = 1});
    for (unsigned i = 0; i < 3; i++)
        submit_background(f, &probes[i]);
    gate_await(&f->gate, 1);
}

static void test_one_that_waits_is_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    struct probe probes[3];
    start_three(&f, probes);
    assert_true(ferry_task_cancel(probes[1].task));
    gate_open(&f.gate);
    await_done(&f, 3);
    assert_int_equal(probes[1].report.outcome, FERRY_CANCELLED);
    assert_int_equal(atomic_load(&probes[1].runs), 0);
    assert_int_equal(atomic_load(&probes[2].runs), 1);
    end(&f);
}

static void test_a_shutdown_runs_or_gives_up_all_that_wait(void **state)
{
    (void)state;
    struct fixture f;
    struct probe probes[3];
    start_three(&f, probes);
    assert_int_equal(ferry_executor_shutdown(f.executor, 0), FERRY_DEADLINE);
    await_done(&f, 2);
    assert_int_equal(probes[1].report.outcome, FERRY_CANCELLED);
    assert_int_equal(probes[2].report.outcome, FERRY_CANCELLED);
    gate_open(&f.gate);
    await_done(&f, 3);
    end(&f);

    start(&f, &(ferry_executor_options){.threads = 2, .background = 1});
    gate_open(&f.gate);
    for (unsigned i = 0; i < 3; i++)
        submit_background(&f, &probes[i]);
    assert_int_equal(ferry_executor_shutdown(f.executor, INT64_MAX), 0);
    await_done(&f, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(probes[i].report.outcome, FERRY_OK);
    end(&f);
}

static void test_the_queue_timeout_is_for_them_too(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 2, .background = 1, .queue_timeout_ms = 5});
    struct probe running = {.background = true}, waits;
    hold_thread(&f, &running);
    submit_background(&f, &waits);
    await_done(&f, 1);
    assert_int_equal(waits.report.outcome, FERRY_REJECTED);
    assert_int_equal(atomic_load(&waits.runs), 0);
    gate_open(&f.gate);
    await_done(&f, 2);
    end(&f);
}

/* Every thread parks now and then, and whoever waits finds one: no wake-up is lost. */
static void test_no_task_is_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 4, .background = 2});
    gate_open(&f.gate);
    static struct probe probes[BURST];
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned count = 1 + round % BURST;
        for (unsigned i = 0; i < count; i++) {
            probes[i] = (struct probe){.background = i % 3 != 0};
            assert_int_equal(submit(&f, &probes[i], NULL), 0);
        }
        await_done(&f, f.done + count);
    }
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED(test_background_tasks_leave_threads_to_others),
        WATCHED(test_those_that_may_not_run_take_no_free_thread_from_others),
        WATCHED(test_a_free_thread_makes_no_room_for_those_that_may_not_run),
        WATCHED(test_without_a_number_they_hold_all),
        WATCHED(test_who_waits_longest_goes_first),
        WATCHED(test_one_that_waits_is_cancelled),
        WATCHED(test_a_shutdown_runs_or_gives_up_all_that_wait),
        WATCHED(test_the_queue_timeout_is_for_them_too),
        WATCHED(test_no_task_is_forgotten),
    };
    return cmocka_run_group_tests_name("executor/background", tests, NULL, NULL);
}
