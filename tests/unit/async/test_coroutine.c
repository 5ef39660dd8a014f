/* Coroutines: awaits, sleeps, cancellation, many of them, and what happens when the loop ends. */
#include <ferry/coroutine.h>

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aborts.h"
#include "fixture.h"
#include "sanitizer.h"
#include "support.h"

#ifdef SANITIZER_THREAD
enum { MANY = 1000 };
#else
enum { MANY = 10000 };
#endif

static char order[64];

static void note(const char *what)
{
    strncat(order, what, sizeof order - strlen(order) - 1);
}

static int setup(void **state)
{
    order[0] = '\0';
    return open_loop(state);
}

static void *spawned(ferry_coroutine_fn *fn, void *arg, ferry_error *error)
{
    return ferry_loop_run_sync(loop, ferry_spawn(loop, fn, arg, count_free), 20000, error);
}

/* ---- what they do ---- */

static void *say_a_b(void *arg, ferry_error *error)
{
    (void)error;
    note(arg);
    note("a");
    assert_int_equal(ferry_sleep(0), 0);
    note("b");
    return some_result();
}

static void test_one_begins_in_a_later_turn_and_gives_way(void **state)
{
    (void)state;
    ferry_future *first = ferry_spawn(loop, say_a_b, &(char[]){"1"}, count_free);
    ferry_future *second = ferry_spawn(loop, say_a_b, &(char[]){"2"}, count_free);
    note("0");
    ferry_future_free(first);
    ferry_error error;
    void *result = ferry_loop_run_sync(loop, second, 20000, &error);
    assert_string_equal(order, "01a2abb");
    assert_non_null(result);
    assert_int_equal(freed, 1); /* of the first, which nobody takes */
    free(result);
}

static void *give_up(void *arg, ferry_error *error)
{
    (void)arg;
    ferry_error_set(error, FERRY_GONE, "gone");
    return some_result(); /* an error has no result: it is freed */
}

static int depth(int levels)
{
    volatile char frame[128];
    frame[0] = (char)levels;
    return levels == 0 ? ferry_sleep(1) : depth(levels - 1) + (frame[0] - (char)levels);
}

static void *await_everything(void *arg, ferry_error *error)
{
    (void)arg;
    assert_true(ferry_in_coroutine());
    assert_int_equal(depth(50), 0);
    void *result = ferry_await(ferry_future_resolved(loop, some_result(), count_free), error);
    assert_non_null(result);
    free(result);
    assert_null(ferry_await(ferry_spawn(loop, give_up, NULL, count_free), error));
    assert_int_equal(error->code, FERRY_GONE);
    assert_int_equal(freed, 1);
    assert_null(ferry_await(NULL, error));
    assert_int_equal(error->code, FERRY_INTERNAL);
    ferry_future *both[] = {ferry_future_after(loop, 1), ferry_future_after(loop, 0)};
    void **results = ferry_await(ferry_future_all(loop, both, 2), error);
    assert_non_null(results);
    ferry_results_free(results);
    assert_int_equal(error->code, FERRY_OK);
    return some_result();
}

static void test_await_of_everything(void **state)
{
    (void)state;
    ferry_error error;
    void *result = spawned(await_everything, NULL, &error);
    assert_int_equal(error.code, FERRY_OK);
    assert_non_null(result);
    assert_false(ferry_in_coroutine());
    assert_int_equal(lines, 0);
    free(result);
}

static void *await_carelessly(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    ferry_await(ferry_spawn(loop, give_up, NULL, count_free), NULL);
    return NULL;
}

static void test_an_error_awaited_without_a_look_is_logged(void **state)
{
    (void)state;
    ferry_error error;
    assert_null(spawned(await_carelessly, NULL, &error));
    assert_int_equal(error.code, FERRY_OK);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(last_line, "test_coroutine.c:"));
}

/* ---- blocking work ---- */

static void *add_one(void *arg, ferry_error *error)
{
    (void)error;
    ++*(int *)arg;
    return NULL;
}

static void *lend_the_stack(void *pool, ferry_error *error)
{
    int number = 0;
    for (int i = 0; i < 100; i++)
        ferry_await(ferry_run_on_executor(loop, pool, add_one, &number, NULL), error);
    assert_int_equal(number, 100);
    return NULL;
}

static void test_await_of_blocking_work(void **state)
{
    (void)state;
    ferry_executor *pool = ferry_executor_new(&(ferry_executor_options){.threads = 2});
    ferry_future *all[8];
    for (size_t i = 0; i < COUNT_OF(all); i++)
        all[i] = ferry_spawn(loop, lend_the_stack, pool, NULL);
    ferry_error error;
    ferry_results_free(
        ferry_loop_run_sync(loop, ferry_future_all(loop, all, COUNT_OF(all)), 20000, &error));
    assert_int_equal(error.code, FERRY_OK);
    ferry_executor_free(pool);
}

struct lent {
    ferry_executor *pool;
    sem_t *started;
    int written;
};

static void *write_when_cancelled(void *arg, ferry_error *error)
{
    struct lent *lent = arg;
    (void)error;
    sem_post(lent->started);
    while (!ferry_is_cancelled())
        sched_yield();
    lent->written = 1;
    return some_result();
}

static void *await_until_cancelled(void *arg, ferry_error *error)
{
    struct lent *outer = arg;
    struct lent lent = {.started = outer->started};
    void *result = ferry_await(
        ferry_run_on_executor(loop, outer->pool, write_when_cancelled, &lent, count_free), error);
    assert_null(result);
    assert_int_equal(error->code, FERRY_CANCELLED);
    assert_int_equal(lent.written, 1); /* the await did not end before the work */
    outer->written = 1;
    assert_true(ferry_coroutine_is_cancelled());
    assert_int_equal(ferry_sleep(100000), FERRY_CANCELLED);
    ferry_await(ferry_future_resolved(loop, some_result(), count_free), error);
    assert_int_equal(error->code, FERRY_CANCELLED);
    note("cleaned up");
    return NULL;
}

static void test_a_cancel_fails_the_pending_and_following_awaits(void **state)
{
    (void)state;
    sem_t started;
    sem_init(&started, 0, 0);
    struct lent outer = {.pool = ferry_executor_new(&(ferry_executor_options){.threads = 1}),
                         .started = &started};
    ferry_future *future = ferry_spawn(loop, await_until_cancelled, &outer, NULL);
    turns(1);
    sem_wait(&started);
    ferry_future_cancel(future);
    assert_false(ferry_future_is_done(future));
    assert_int_equal(code_of(future), FERRY_CANCELLED);
    assert_string_equal(order, "cleaned up");
    assert_int_equal(freed, 2);
    ferry_executor_free(outer.pool);
}

static void *await_another(void *arg, ferry_error *error)
{
    ferry_await(ferry_spawn(loop, *(ferry_coroutine_fn **)arg, NULL, NULL), error);
    note(error->code == FERRY_CANCELLED ? "C" : "?");
    return NULL;
}

static void *sleep_long(void *arg, ferry_error *error)
{
    (void)arg;
    error->code = (ferry_code)ferry_sleep(100000);
    note(error->code == FERRY_CANCELLED ? "c" : "?");
    return NULL;
}

static void test_a_cancel_reaches_through_coroutines(void **state)
{
    (void)state;
    ferry_coroutine_fn *another = sleep_long;
    ferry_future *future = ferry_spawn(loop, await_another, &another, NULL);
    turns(3);
    ferry_future_cancel(future);
    assert_int_equal(code_of(future), FERRY_CANCELLED);
    assert_string_equal(order, "cC");
}

static void test_one_that_is_cancelled_before_its_start_runs(void **state)
{
    (void)state;
    ferry_future *future = ferry_spawn(loop, sleep_long, NULL, NULL);
    ferry_future_cancel(future);
    assert_int_equal(code_of(future), FERRY_CANCELLED);
    assert_string_equal(order, "c");
}

static void *cancel_myself(void *arg, ferry_error *error)
{
    (void)error;
    ferry_future_cancel(*(ferry_future **)arg);
    note(ferry_sleep(100000) == FERRY_CANCELLED ? "c" : "?");
    return NULL;
}

static void test_one_may_cancel_itself(void **state)
{
    (void)state;
    ferry_future *future;
    future = ferry_spawn(loop, cancel_myself, &future, NULL);
    turns(3);
    assert_true(ferry_future_is_done(future));
    ferry_future_free(future);
    assert_string_equal(order, "c");
}

/* ---- many ---- */

static void *sleep_and_count(void *arg, ferry_error *error)
{
    (void)error;
    unsigned *awake = arg;
    if (ferry_sleep(200) == 0)
        ++*awake;
    return NULL;
}

static void test_ten_thousand_asleep(void **state)
{
    (void)state;
    unsigned awake = 0;
    ferry_future **all = calloc(MANY, sizeof(ferry_future *));
    for (size_t i = 0; i < MANY; i++)
        all[i] = ferry_spawn(loop, sleep_and_count, &awake, NULL);
    ferry_error error;
    ferry_results_free(ferry_loop_run_sync(loop, ferry_future_all(loop, all, MANY), 0, &error));
    assert_int_equal(error.code, FERRY_OK);
    assert_int_equal(awake, MANY);
    free(all);
}

static void test_a_stack_as_large_as_can_be_is_refused(void **state)
{
    (void)state;
    const ferry_coroutine_options options = {.stack_bytes = SIZE_MAX};
    assert_int_equal(ferry_loop_set_coroutines(loop, &options), 0);
    assert_int_equal(code_of(ferry_spawn(loop, say_a_b, NULL, NULL)), FERRY_REJECTED);
}

static void test_past_the_limit_one_is_refused(void **state)
{
    (void)state;
    const ferry_coroutine_options two = {.limit = 2, .stack_bytes = 100000, .spare = 1};
    assert_int_equal(ferry_loop_set_coroutines(loop, &two), 0);
    assert_int_equal(ferry_loop_set_coroutines(loop, &two), FERRY_CONFLICT);
    unsigned awake = 0;
    ferry_future *all[] = {ferry_spawn(loop, sleep_and_count, &awake, NULL),
                           ferry_spawn(loop, sleep_and_count, &awake, NULL)};
    ferry_future *third = ferry_spawn(loop, sleep_and_count, &awake, NULL);
    assert_true(ferry_future_is_done(third));
    assert_int_equal(code_of(third), FERRY_REJECTED);
    ferry_results_free(ferry_loop_run_sync(loop, ferry_future_all(loop, all, 2), 0, NULL));
    assert_int_equal(awake, 2);
    assert_int_equal(code_of(ferry_spawn(loop, sleep_and_count, &awake, NULL)), FERRY_OK);
}

static void test_without_options_they_are_the_defaults(void **state)
{
    (void)state;
    unsigned awake = 0;
    assert_int_equal(ferry_loop_set_coroutines(loop, NULL), 0);
    assert_int_equal(code_of(ferry_spawn(loop, sleep_and_count, &awake, NULL)), FERRY_OK);
}

/* ---- the loop ends ---- */

static void *hold_memory(void *arg, ferry_error *error)
{
    char *memory = malloc(100);
    ferry_await(arg, error);
    note(error->code == FERRY_CANCELLED ? "c" : "?");
    ferry_future *late = ferry_spawn(loop, say_a_b, NULL, NULL);
    note(ferry_future_error(late)->code == FERRY_REJECTED ? "r" : "?");
    ferry_future_free(late);
    free(memory);
    return some_result();
}

static void never_told(ferry_future *future, void *arg)
{
    (void)future, (void)arg;
    fail_msg("told while the loop closes");
}

static void never_called(void *arg)
{
    (void)arg;
    fail_msg("called while the loop closes");
}

static void test_the_loop_brings_them_to_their_end(void **state)
{
    (void)state;
    ferry_executor *pool = ferry_executor_new(&(ferry_executor_options){.threads = 1});
    sem_t started;
    sem_init(&started, 0, 0);
    struct lent lent = {.pool = pool, .started = &started};
    ferry_promise *promise = ferry_promise_new(loop, NULL, NULL, NULL);
    ferry_future *pair[] = {ferry_promise_future(promise), ferry_future_after(loop, 100000)};
    ferry_future_free(ferry_spawn(loop, await_until_cancelled, &lent, NULL));
    ferry_future_free(ferry_spawn(loop, hold_memory, ferry_future_all(loop, pair, 2), count_free));
    turns(1);
    sem_wait(&started);
    ferry_future_free(ferry_spawn(loop, sleep_long, NULL, NULL)); /* has not begun yet */
    ferry_future_then(ferry_future_resolved(loop, some_result(), count_free), never_told, NULL);
    ferry_loop_add_callback(loop, never_called, some_result(), count_free);
    free_loop();
    assert_non_null(strstr(order, "cr"));
    assert_non_null(strstr(order, "cleaned up"));
    assert_int_equal(strlen(order), strlen("crcleaned upc"));
    assert_int_equal(lent.written, 1);
    ferry_promise_free(promise);
    ferry_executor_free(pool);
}

/* ---- what aborts ---- */

static void await_outside(void)
{
    ferry_await(ferry_future_after(loop, 1), NULL);
}

static void sleep_outside(void)
{
    ferry_sleep(1);
}

static void test_await_outside_of_a_coroutine_aborts(void **state)
{
    (void)state;
    char words[1000];
    assert_true(aborts(await_outside, words, sizeof words));
    assert_non_null(strstr(words, "ferry_await was called outside of a coroutine"));
    assert_true(aborts(sleep_outside, words, sizeof words));
    assert_non_null(strstr(words, "ferry_sleep was called outside of a coroutine"));
}

static void *await_of_another(void *arg, ferry_error *error)
{
    return ferry_await(ferry_future_after(arg, 1), error);
}

static void await_another_loop(void)
{
    ferry_future_free(ferry_spawn(loop, await_of_another, ferry_loop_new(), NULL));
    turns(3);
}

static void test_await_of_another_loops_future_aborts(void **state)
{
    (void)state;
    char words[1000];
    assert_true(aborts(await_another_loop, words, sizeof words));
    assert_non_null(strstr(words, "ferry_await was called with a future of another loop"));
}

static void *await_oneself(void *arg, ferry_error *error)
{
    return ferry_await(*(ferry_future **)arg, error);
}

static void await_its_own_end(void)
{
    ferry_future *own;
    own = ferry_spawn(loop, await_oneself, &own, NULL);
    turns(3);
}

static void test_await_of_its_own_future_aborts(void **state)
{
    (void)state;
    char words[1000];
    assert_true(aborts(await_its_own_end, words, sizeof words));
    assert_non_null(strstr(words, "ferry_await was called with the coroutine's own future"));
}

static int overflow(int levels)
{
    volatile char frame[1024];
    frame[0] = (char)levels;
    return levels == 0 ? 0 : overflow(levels - 1) + frame[0];
}

static void *run_over(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    return (void *)(intptr_t)overflow(100000);
}

static void test_an_overflow_meets_the_guard(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would catch it, and report */
        ferry_future_free(ferry_spawn(loop, run_over, NULL, NULL));
        turns(3);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, close_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_begins_in_a_later_turn_and_gives_way),
        TEST(test_await_of_everything),
        TEST(test_an_error_awaited_without_a_look_is_logged),
        TEST(test_await_of_blocking_work),
        TEST(test_a_cancel_fails_the_pending_and_following_awaits),
        TEST(test_a_cancel_reaches_through_coroutines),
        TEST(test_one_that_is_cancelled_before_its_start_runs),
        TEST(test_one_may_cancel_itself),
        TEST(test_ten_thousand_asleep),
        TEST(test_a_stack_as_large_as_can_be_is_refused),
        TEST(test_past_the_limit_one_is_refused),
        TEST(test_without_options_they_are_the_defaults),
        TEST(test_the_loop_brings_them_to_their_end),
        TEST(test_await_outside_of_a_coroutine_aborts),
        TEST(test_await_of_another_loops_future_aborts),
        TEST(test_await_of_its_own_future_aborts),
        TEST(test_an_overflow_meets_the_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
