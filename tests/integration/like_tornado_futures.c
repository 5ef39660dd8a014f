/* The scenarios of like_tornado_futures.py: futures, combinations, coroutines and executors. */
#include "like_tornado.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/coroutine.h>

static void say_outcome(ferry_future *future, void *arg)
{
    (void)arg;
    const ferry_error *error = ferry_future_error(future);
    if (error->code == FERRY_CANCELLED)
        say("cancelled");
    else if (error->code == FERRY_DEADLINE)
        say("timeout");
    else if (error->code)
        say("error %s", error->message);
    else
        say("result %s", (const char *)ferry_future_result(future));
}

static void say_outcome_and_stop(ferry_future *future, void *arg)
{
    say_outcome(future, arg);
    ferry_loop_stop(loop);
}

/* Run the loop until the future has told how it ended. */
static void run_until(ferry_future *future)
{
    ferry_future_then(future, say_outcome_and_stop, NULL);
    ferry_loop_run(loop);
}

static char *text_or_error(const char *outcome, ferry_error *error)
{
    if (strncmp(outcome, "no", 2) != 0)
        return strdup(outcome);
    ferry_error_set(error, FERRY_TRANSIENT, "%s", outcome);
    return NULL;
}

/* A result after a time; one that begins with "no" is an error. */
struct later {
    int64_t ms;
    const char *outcome;
};

static void *later_body(void *arg, ferry_error *error)
{
    const struct later *later = arg;
    if (ferry_sleep(later->ms)) {
        ferry_error_set(error, FERRY_CANCELLED, "cancelled");
        return NULL;
    }
    return text_or_error(later->outcome, error);
}

static ferry_future *later(struct later *later)
{
    return ferry_spawn(loop, later_body, later, free);
}

/* ---- futures ---- */

static char result_a[] = "a", result_b[] = "b";

static void a_future_tells_in_a_later_turn(void)
{
    ferry_promise *promise = ferry_promise_new(loop, NULL, NULL, NULL);
    ferry_future_then(ferry_promise_future(promise), say_outcome_and_stop, NULL);
    ferry_promise_set_result(promise, result_a);
    say("set");
    ferry_loop_run(loop);
    ferry_promise_free(promise);
}

static void a_future_that_was_done_tells_in_a_later_turn(void)
{
    ferry_error error;
    ferry_error_set(&error, FERRY_TRANSIENT, "no luck");
    ferry_future *future = ferry_future_failed(loop, &error);
    say("done: %s", ferry_future_is_done(future) ? "true" : "false");
    ferry_future_then(future, say_outcome_and_stop, NULL);
    say("asked");
    ferry_loop_run(loop);
}

static void a_future_is_resolved_once(void)
{
    ferry_promise *promise = ferry_promise_new(loop, NULL, NULL, NULL);
    ferry_promise_set_result(promise, result_a);
    if (ferry_promise_set_result(promise, result_b) == FERRY_CONFLICT)
        say("refused");
    run_until(ferry_promise_future(promise));
    ferry_promise_free(promise);
}

static void a_future_that_is_cancelled(void)
{
    ferry_promise *promise = ferry_promise_new(loop, NULL, NULL, NULL);
    ferry_future *future = ferry_promise_future(promise);
    ferry_future_then(future, say_outcome_and_stop, NULL);
    ferry_future_cancel(future);
    if (ferry_promise_set_result(promise, result_a) == FERRY_CONFLICT)
        say("refused");
    ferry_loop_run(loop);
    ferry_promise_free(promise);
}

static void run_sync_has_three_ends(void)
{
    struct later what[] = {{1, "a"}, {1, "no luck"}, {20000, "a"}};
    for (int i = 0; i < 3; i++) {
        ferry_error error = {0};
        char *result = ferry_loop_run_sync(loop, later(&what[i]), i == 2 ? 10 : 0, &error);
        if (error.code == FERRY_DEADLINE)
            say("timeout");
        else if (error.code)
            say("error %s", error.message);
        else
            say("result %s", result);
        free(result);
    }
    ferry_loop_free(loop); /* ends the coroutine that was given up, before `what` goes */
    loop = NULL;
}

/* ---- several futures ---- */

static void a_future_in_time(void)
{
    struct later what[] = {{1, "a"}, {1, "no luck"}};
    for (int i = 0; i < 2; i++)
        run_until(ferry_future_with_timeout(loop, later(&what[i]), 20000));
}

static void say_work_cancelled(void *arg)
{
    (void)arg;
    say("the work was cancelled");
}

static void a_future_not_in_time(void)
{
    ferry_promise *promise = ferry_promise_new(loop, NULL, say_work_cancelled, NULL);
    run_until(ferry_future_with_timeout(loop, ferry_promise_future(promise), 10));
    ferry_promise_free(promise);
}

static void say_three(ferry_future *future, void *arg)
{
    (void)arg;
    void **results = ferry_future_result(future);
    say("%s %s %s", (char *)results[0], (char *)results[1], (char *)results[2]);
    ferry_loop_stop(loop);
}

static void all_results_are_in_order(void)
{
    struct later what[] = {{20, "a"}, {1, "b"}, {10, "c"}};
    ferry_future *futures[] = {later(&what[0]), later(&what[1]), later(&what[2])};
    ferry_future_then(ferry_future_all(loop, futures, 3), say_three, NULL);
    ferry_loop_run(loop);
}

static void say_none(ferry_future *future, void *arg)
{
    (void)arg;
    say("%s results", ferry_future_error(future)->code ? "no" : "0");
    ferry_loop_stop(loop);
}

static void all_of_nothing(void)
{
    ferry_future_then(ferry_future_all(loop, NULL, 0), say_none, NULL);
    ferry_loop_run(loop);
}

static void *slow_one(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    say("%s", ferry_sleep(500) ? "the other is cancelled" : "the other ends");
    return NULL;
}

static void all_with_a_failure(void)
{
    struct later what = {1, "no luck"};
    ferry_future *futures[] = {ferry_spawn(loop, slow_one, NULL, NULL), later(&what)};
    run_until(ferry_future_all(loop, futures, 2));
}

static void any_of_two(struct later *what)
{
    ferry_future *futures[] = {later(&what[0]), later(&what[1])};
    run_until(ferry_future_any(loop, futures, 2));
    ferry_loop_free(loop); /* ends what was given up, before `what` goes */
    loop = NULL;
}

static void the_first_result(void)
{
    struct later what[] = {{100, "a"}, {1, "b"}};
    any_of_two(what);
}

static void the_first_is_a_failure(void)
{
    struct later what[] = {{50, "a"}, {1, "no luck"}};
    any_of_two(what);
}

/* ---- coroutines ---- */

static void spawn(ferry_coroutine_fn *fn, void *arg)
{
    ferry_future_free(ferry_spawn(loop, fn, arg, NULL));
}

static void *one(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    say("one begins");
    ferry_sleep(20);
    say("one ends");
    return NULL;
}

static void *two(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    say("two begins");
    ferry_sleep(10);
    say("two goes on");
    ferry_sleep(40);
    say("two ends");
    ferry_loop_stop(loop);
    return NULL;
}

static void coroutines_take_turns(void)
{
    spawn(one, NULL);
    spawn(two, NULL);
    say("spawned");
    ferry_loop_run(loop);
}

static void *count_to_three(void *who, ferry_error *error)
{
    (void)error;
    for (int number = 0; number < 3; number++) {
        say("%s %d", (char *)who, number);
        ferry_sleep(0);
    }
    if (who == result_b)
        ferry_loop_stop(loop);
    return NULL;
}

static void coroutines_give_way_with_a_sleep_of_zero(void)
{
    spawn(count_to_three, result_a);
    spawn(count_to_three, result_b);
    ferry_loop_run(loop);
}

static void *begin_and_give_way(void *arg, ferry_error *error)
{
    (void)error;
    say("begins");
    ferry_sleep(0);
    return arg;
}

static void a_coroutine_begins(void)
{
    ferry_future *future = ferry_spawn(loop, begin_and_give_way, result_a, NULL);
    say("called");
    run_until(future);
}

static void *await_what_is_done(void *arg, ferry_error *error)
{
    (void)arg;
    add_say("callback");
    char *result = ferry_await(ferry_future_resolved(loop, result_a, NULL), error);
    say("%s", result);
    ferry_sleep(0);
    return result_b;
}

static void a_coroutine_that_awaits_what_is_done(void)
{
    run_until(ferry_spawn(loop, await_what_is_done, NULL, NULL));
}

static void *await_failure(void *arg, ferry_error *error)
{
    (void)arg;
    struct later what = {1, "no luck"};
    ferry_await(later(&what), error);
    if (error->code) {
        say("seen: %s", error->message);
        ferry_error_set(error, FERRY_INTERNAL, "none at all");
    }
    return NULL;
}

static void an_error_goes_up_through_coroutines(void)
{
    run_until(ferry_spawn(loop, await_failure, NULL, NULL));
}

static void *sleep_twice(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    say("begins");
    for (int i = 0; i < 2; i++)
        say("%s", ferry_sleep(10) ? "sleep cancelled" : "slept");
    return result_a;
}

static void cancel_future(void *future)
{
    ferry_future_cancel(future);
}

static void a_coroutine_that_is_cancelled(void)
{
    ferry_future *future = ferry_spawn(loop, sleep_twice, NULL, NULL);
    ferry_loop_call_later(loop, 0, cancel_future, future);
    run_until(future);
}

/* ---- executors ---- */

static void *blocking(void *arg, ferry_error *error)
{
    return text_or_error(arg, error);
}

static void an_executor_brings_back_results_and_errors(void)
{
    static char texts[][8] = {"a", "no luck", "c"};
    ferry_executor *pool = ferry_executor_new(&(ferry_executor_options){.threads = 1});
    for (int i = 0; i < 3; i++)
        ferry_future_then(ferry_run_on_executor(loop, pool, blocking, texts[i], free),
                          i < 2 ? say_outcome : say_outcome_and_stop, NULL);
    say("submitted");
    ferry_loop_run(loop);
    ferry_executor_free(pool);
}

static void *wait_for_gate(void *gate, ferry_error *error)
{
    (void)error;
    sem_wait(gate);
    return NULL;
}

static void *note_start(void *started, ferry_error *error)
{
    (void)error;
    *(bool *)started = true;
    return NULL;
}

static void open_gate(void *gate)
{
    sem_post(gate);
}

static void queued_work_that_is_cancelled(void)
{
    sem_t gate;
    bool started = false;
    char last[] = "last";
    sem_init(&gate, 0, 0);
    ferry_executor *pool = ferry_executor_new(&(ferry_executor_options){.threads = 1});
    ferry_future_free(ferry_run_on_executor(loop, pool, wait_for_gate, &gate, NULL));
    ferry_future *second = ferry_run_on_executor(loop, pool, note_start, &started, NULL);
    ferry_future_then(second, say_outcome, NULL);
    ferry_future_cancel(second);
    ferry_loop_call_later(loop, 10, open_gate, &gate);
    run_until(ferry_run_on_executor(loop, pool, blocking, last, free));
    say("%s", started ? "the second ran" : "the second never ran");
    ferry_executor_shutdown(pool, 10000);
    ferry_executor_free(pool);
    sem_destroy(&gate);
}

/* ---- all of them ---- */

const struct scenario future_scenarios[] = {
    SCENARIO(a_future_tells_in_a_later_turn),
    SCENARIO(a_future_that_was_done_tells_in_a_later_turn),
    SCENARIO(a_future_is_resolved_once),
    SCENARIO(a_future_that_is_cancelled),
    SCENARIO(run_sync_has_three_ends),
    SCENARIO(a_future_in_time),
    SCENARIO(a_future_not_in_time),
    SCENARIO(all_results_are_in_order),
    SCENARIO(all_of_nothing),
    SCENARIO(all_with_a_failure),
    SCENARIO(the_first_result),
    SCENARIO(the_first_is_a_failure),
    SCENARIO(coroutines_take_turns),
    SCENARIO(coroutines_give_way_with_a_sleep_of_zero),
    SCENARIO(a_coroutine_begins),
    SCENARIO(a_coroutine_that_awaits_what_is_done),
    SCENARIO(an_error_goes_up_through_coroutines),
    SCENARIO(a_coroutine_that_is_cancelled),
    SCENARIO(an_executor_brings_back_results_and_errors),
    SCENARIO(queued_work_that_is_cancelled),
    {NULL, NULL},
};
