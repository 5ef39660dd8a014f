/* Blocking calls as futures: results, errors, cancels, a full queue, and a loop that ends first. */
#include <ferry/future.h>

#include <sched.h>
#include <semaphore.h>

#include "fixture.h"
#include "support.h"

static ferry_executor *pool;
static sem_t started, released;
static unsigned runs;

static int setup(void **state)
{
    sem_init(&started, 0, 0);
    sem_init(&released, 0, 0);
    runs = 0;
    pool = ferry_executor_new(&(ferry_executor_options){.threads = 1, .queue = 1});
    return pool ? open_loop(state) : -1;
}

static int teardown(void **state)
{
    ferry_executor_free(pool);
    return close_loop(state);
}

static void *result_of(void *arg, ferry_error *error)
{
    (void)error;
    return arg ? arg : some_result();
}

static void *fail_with_result(void *arg, ferry_error *error)
{
    (void)arg;
    ferry_error_set(error, FERRY_GONE, "gone");
    return some_result();
}

/* Hold the only thread until it is released or cancelled. */
static void *hold(void *arg, ferry_error *error)
{
    (void)arg;
    runs++;
    sem_post(&started);
    while (sem_trywait(&released) < 0) {
        if (ferry_is_cancelled()) {
            ferry_error_set(error, FERRY_CANCELLED, "saw the flag");
            return NULL;
        }
        sched_yield();
    }
    return some_result();
}

static ferry_future *run(ferry_blocking_fn *fn, void *arg)
{
    return ferry_run_on_executor(loop, pool, fn, arg, count_free);
}

static void test_results_and_errors(void **state)
{
    (void)state;
    ferry_error error;
    assert_ptr_equal(ferry_loop_run_sync(loop, run(result_of, &error), 20000, &error), &error);
    assert_int_equal(error.code, FERRY_OK);
    assert_int_equal(code_of(run(fail_with_result, NULL)), FERRY_GONE);
    assert_int_equal(freed, 1); /* an error has no result */
    assert_false(ferry_is_cancelled());
}

static void test_a_result_that_nobody_takes_is_freed(void **state)
{
    (void)state;
    ferry_future *given_up = run(hold, NULL);
    sem_wait(&started);
    ferry_future_free(given_up);
    sem_post(&released);
    assert_int_equal(ferry_executor_shutdown(pool, 20000), 0);
    turns(1);
    assert_int_equal(freed, 1);
}

static void test_a_cancel_reaches_the_work(void **state)
{
    (void)state;
    ferry_future *running = run(hold, NULL);
    sem_wait(&started);
    ferry_future *queued = run(hold, NULL);
    ferry_future_cancel(queued);
    assert_int_equal(code_of(queued), FERRY_CANCELLED);
    ferry_future_cancel(running);
    assert_false(ferry_future_is_done(running));
    assert_int_equal(code_of(running), FERRY_CANCELLED);
    assert_int_equal(runs, 1); /* what was queued never started */
}

static void test_a_full_queue_fails_the_future(void **state)
{
    (void)state;
    ferry_future *running = run(hold, NULL);
    sem_wait(&started);
    ferry_future *queued = run(result_of, &runs);
    assert_int_equal(code_of(run(hold, NULL)), FERRY_REJECTED);
    sem_post(&released);
    ferry_future *both[] = {running, queued};
    void **results = ferry_loop_run_sync(loop, ferry_future_all(loop, both, 2), 20000, NULL);
    assert_ptr_equal(results[1], &runs);
    results[1] = NULL;
    ferry_results_free(results);
    assert_int_equal(freed, 1);
}

static void never(ferry_future *future, void *arg)
{
    (void)future, (void)arg;
    fail_msg("called after the loop's end");
}

static void test_the_loop_ends_before_the_work(void **state)
{
    (void)state;
    ferry_future *both[] = {run(hold, NULL), run(result_of, NULL)};
    sem_wait(&started);
    ferry_future_then(ferry_future_all(loop, both, 2), never, NULL);
    free_loop();
    sem_post(&released);
    assert_int_equal(ferry_executor_shutdown(pool, 20000), 0);
    assert_int_equal(freed, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_results_and_errors),
        TEST(test_a_result_that_nobody_takes_is_freed),
        TEST(test_a_cancel_reaches_the_work),
        TEST(test_a_full_queue_fails_the_future),
        TEST(test_the_loop_ends_before_the_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
