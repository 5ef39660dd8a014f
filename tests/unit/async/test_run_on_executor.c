/* ferry_run_on_executor: results, errors, cancelling, and every way in which nobody waits. */
#include <ferry/future.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "executor/gate.h"
#include "loop/watchdog.h"
#include "support.h"

static ferry_loop *loop;
static ferry_executor *executor;
static struct gate gate;
static atomic_uint freed;

static int setup(void **state)
{
    loop = ferry_loop_new();
    executor = ferry_executor_new(&(ferry_executor_options){.threads = 1, .queue = 1});
    gate = (struct gate)GATE_CLOSED;
    atomic_store(&freed, 0);
    return watchdog_start(state);
}

static int teardown(void **state)
{
    gate_open(&gate);
    assert_int_equal(ferry_executor_shutdown(executor, INT64_MAX), 0);
    ferry_executor_free(executor);
    ferry_loop_free(loop);
    return watchdog_stop(state);
}

static void free_result(void *result)
{
    atomic_fetch_add(&freed, 1);
    free(result);
}

static void *copy(void *arg, ferry_error *error)
{
    assert_int_equal(error->code, FERRY_OK);
    return strdup(arg);
}

static void *copy_at_gate(void *arg, ferry_error *error)
{
    gate_pass(&gate);
    return copy(arg, error);
}

static void *find_none(void *arg, ferry_error *error)
{
    ferry_error_set(error, FERRY_NOT_FOUND, "no %s", (const char *)arg);
    return NULL;
}

static void *find_half(void *arg, ferry_error *error)
{
    ferry_error_set(error, FERRY_NOT_FOUND, "half done");
    return strdup(arg);
}

static void *nothing(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    return NULL;
}

/* What a callback saw. */
struct seen {
    unsigned count;
    char *result;
    ferry_error error;
};

static void see(ferry_future *future, void *arg)
{
    struct seen *seen = arg;
    seen->count++;
    seen->error = *ferry_future_error(future);
    free(seen->result);
    seen->result = ferry_future_take(future);
    ferry_loop_stop(loop);
}

static struct seen run(ferry_blocking_fn *fn, void *arg)
{
    struct seen seen = {0};
    ferry_future_then(ferry_run_on_executor(loop, executor, fn, arg, free_result), see, &seen);
    ferry_loop_run(loop);
    assert_int_equal(seen.count, 1);
    return seen;
}

static void test_a_result(void **state)
{
    (void)state;
    struct seen seen = run(copy, (char[]){"rows"});
    assert_string_equal(seen.result, "rows");
    assert_int_equal(seen.error.code, FERRY_OK);
    free(seen.result);
    seen = run(nothing, NULL); /* NULL is a result like any other */
    assert_null(seen.result);
    assert_int_equal(seen.error.code, FERRY_OK);
    assert_int_equal(atomic_load(&freed), 0);
}

static void test_an_error(void **state)
{
    (void)state;
    struct seen seen = run(find_none, (char[]){"rows"});
    assert_null(seen.result);
    assert_int_equal(seen.error.code, FERRY_NOT_FOUND);
    assert_string_equal(seen.error.message, "no rows");
    seen = run(find_half, (char[]){"rows"});
    assert_null(seen.result);
    assert_int_equal(atomic_load(&freed), 1);
}

static void test_a_full_queue_is_an_error_of_the_future(void **state)
{
    (void)state;
    struct seen running = {0}, queued = {0}, refused = {0};
    ferry_future_then(
        ferry_run_on_executor(loop, executor, copy_at_gate, (char[]){"a"}, free_result), see,
        &running);
    gate_await(&gate, 1);
    ferry_future_then(ferry_run_on_executor(loop, executor, copy, (char[]){"b"}, free_result), see,
                      &queued);
    ferry_future *future = ferry_run_on_executor(loop, executor, copy, (char[]){"c"}, free_result);
    assert_true(ferry_future_is_done(future));
    ferry_future_cancel(future); /* no harm */
    ferry_future_then(future, see, &refused);
    assert_int_equal(refused.count, 0);
    ferry_loop_run(loop);
    assert_int_equal(refused.error.code, FERRY_REJECTED);
    gate_open(&gate);
    while (!running.count || !queued.count)
        ferry_loop_run(loop);
    assert_string_equal(queued.result, "b");
    free(running.result);
    free(queued.result);
}

/* ---- cancelling ---- */

static void test_what_is_queued_never_starts(void **state)
{
    (void)state;
    struct seen running = {0}, queued = {0};
    ferry_future_then(
        ferry_run_on_executor(loop, executor, copy_at_gate, (char[]){"a"}, free_result), see,
        &running);
    gate_await(&gate, 1);
    ferry_future *future =
        ferry_run_on_executor(loop, executor, find_none, (char[]){"never"}, free_result);
    ferry_future_cancel(future);
    ferry_future_cancel(future); /* twice does no harm */
    assert_false(ferry_future_is_done(future));
    ferry_future_then(future, see, &queued);
    ferry_loop_run(loop);
    assert_int_equal(queued.error.code, FERRY_CANCELLED);
    assert_int_equal(running.count, 0);
    gate_open(&gate);
    ferry_loop_run(loop);
    assert_string_equal(running.result, "a");
    free(running.result);
}

static void *wait_for_cancel(void *arg, ferry_error *error)
{
    (void)arg;
    assert_false(ferry_is_cancelled());
    gate_pass(&gate);
    while (!ferry_is_cancelled())
        continue;
    ferry_error_set(error, FERRY_CANCELLED, "seen");
    return NULL;
}

static void ask_on_thread(void *arg)
{
    *(bool *)arg = ferry_is_cancelled();
}

static void stop_when_asked(void *arg, const ferry_task_report *report)
{
    (void)arg, (void)report;
    ferry_loop_stop(loop);
}

static void test_what_runs_sees_it(void **state)
{
    (void)state;
    struct seen seen = {0};
    ferry_future *future =
        ferry_run_on_executor(loop, executor, wait_for_cancel, NULL, free_result);
    gate_await(&gate, 1);
    gate_open(&gate);
    ferry_future_cancel(future);
    ferry_future_then(future, see, &seen);
    ferry_loop_run(loop);
    assert_string_equal(seen.error.message, "seen");
    assert_false(ferry_is_cancelled()); /* outside of a run nothing is */
    bool inherits = true;               /* what comes next on that thread */
    ferry_task_work work = {.run = ask_on_thread, .done = stop_when_asked, .arg = &inherits};
    assert_non_null(ferry_executor_submit(executor, loop, &work, NULL));
    ferry_loop_run(loop);
    assert_false(inherits);
}

/* ---- nobody waits ---- */

static void test_a_future_that_was_given_up_frees_its_result(void **state)
{
    (void)state;
    ferry_future_free(
        ferry_run_on_executor(loop, executor, copy, (char[]){"unwanted"}, free_result));
    struct seen seen = run(copy, (char[]){"wanted"}); /* comes after it */
    free(seen.result);
    assert_int_equal(atomic_load(&freed), 1);
}

static void test_the_loop_closes_before_the_result(void **state)
{
    (void)state;
    ferry_loop *other = ferry_loop_new();
    struct seen seen = {0};
    ferry_future *waited =
        ferry_run_on_executor(other, executor, copy_at_gate, (char[]){"a"}, free_result);
    ferry_future_then(waited, see, &seen);
    gate_await(&gate, 1);
    ferry_run_on_executor(other, executor, copy, (char[]){"b"},
                          free_result); /* goes with its loop */
    ferry_loop_free(other);
    gate_open(&gate);
    ferry_executor_shutdown(executor, INT64_MAX);
    assert_int_equal(seen.count, 0);
    assert_int_equal(atomic_load(&freed), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_result),
        TEST(test_an_error),
        TEST(test_a_full_queue_is_an_error_of_the_future),
        TEST(test_what_is_queued_never_starts),
        TEST(test_what_runs_sees_it),
        TEST(test_a_future_that_was_given_up_frees_its_result),
        TEST(test_the_loop_closes_before_the_result),
    };
    return cmocka_run_group_tests_name("async/run_on_executor", tests, NULL, NULL);
}
