/* The life of a call: submitted, run, cancelled, dropped. */
#include <stdatomic.h>

#include "fixture.h"

static struct fixture f;
static struct gate gate;
static atomic_uint runs;

static int setup(void **state)
{
    fixture_start(&f, 1);
    gate = (struct gate)GATE_CLOSED;
    atomic_store(&runs, 0);
    return watchdog_start(state);
}

static int teardown(void **state)
{
    gate_open(&gate);
    fixture_end(&f);
    return watchdog_stop(state);
}

static int run_reply(ferry_call *call, void *state)
{
    (void)state;
    atomic_fetch_add(&runs, 1);
    return ferry_call_reply_text(call, 201, "made");
}

static int run_at_gate(ferry_call *call, void *state)
{
    gate_pass(&gate);
    return run_reply(call, state);
}

static const ferry_worker replies = {.abi = FERRY_WORKER_ABI, .name = "replies", .run = run_reply};
static const ferry_worker waits = {.abi = FERRY_WORKER_ABI, .name = "waits", .run = run_at_gate};

static void test_a_call_comes_back_with_its_answer(void **state)
{
    (void)state;
    ferry_call *call = run_call(&f, &(struct worker){.kind = &replies, .name = (char[]){"w"}}, "");
    struct call_output *output = call_output(call);
    assert_int_equal(output->error.code, FERRY_OK);
    assert_int_equal(output->status, 201);
    assert_string_equal(bytes_text(&output->body), "made");
    assert_int_equal(f.report.outcome, FERRY_OK);
    assert_int_equal(call_outcome(call), FERRY_OK);
    call_free(call);
    call_free(NULL);
}

static int run_status(ferry_call *call, void *state)
{
    (void)state;
    int64_t status = 0;
    ferry_call_param_int(call, "status", &status);
    return status ? ferry_call_reply(call, (int)status, NULL, "", 0) : 0;
}

static void test_outcomes_of_statuses(void **state)
{
    (void)state;
    static const ferry_worker kind = {.name = "k", .run = run_status};
    const struct {
        const char *query;
        int status;
        ferry_code outcome;
    } table[] = {
        {"status=200", 200, FERRY_OK},
        {"status=304", 304, FERRY_OK},
        {"status=404", 404, FERRY_NOT_FOUND},
        {"status=408", 408, FERRY_DEADLINE},     /* tried again */
        {"status=429", 429, FERRY_RATE_LIMITED}, /* tried again */
        {"status=500", 500, FERRY_TRANSIENT},    /* as every 5xx is */
        {"status=501", 501, FERRY_TRANSIENT},
        {"status=503", 503, FERRY_REJECTED},
        {"status=599", 599, FERRY_TRANSIENT},
        {"", 204, FERRY_OK}, /* no answer at all */
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        ferry_call *call =
            run_call(&f, &(struct worker){.kind = &kind, .name = (char[]){"w"}}, table[i].query);
        assert_int_equal(call_output(call)->status, table[i].status);
        assert_int_equal(call_outcome(call), table[i].outcome);
        call_free(call);
    }
}

static int run_silent_failure(ferry_call *call, void *state)
{
    (void)call, (void)state;
    return FERRY_NOT_FOUND;
}

static void test_a_failure_without_a_word_is_internal(void **state)
{
    (void)state;
    static const ferry_worker kind = {.name = "k", .run = run_silent_failure};
    ferry_call *call = run_call(&f, &(struct worker){.kind = &kind, .name = (char[]){"mute"}}, "");
    assert_int_equal(call_outcome(call), FERRY_INTERNAL);
    assert_string_equal(call_output(call)->error.message,
                        "mute failed (not_found) and did not say why");
    call_free(call);
}

static int run_foreign_code(ferry_call *call, void *state)
{
    (void)call, (void)state;
    return 5; /* such as SQLITE_BUSY, or an errno */
}

static void test_any_return_but_0_without_an_answer_is_a_failure(void **state)
{
    (void)state;
    static const ferry_worker kind = {.name = "k", .run = run_foreign_code};
    ferry_call *call = run_call(&f, &(struct worker){.kind = &kind, .name = (char[]){"odd"}}, "");
    assert_int_equal(call_outcome(call), FERRY_INTERNAL);
    assert_string_equal(call_output(call)->error.message, "odd returned 5 and did not say why");
    call_free(call);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static _Thread_local bool next_malloc_fails;

void *__wrap_malloc(size_t size)
{
    bool fails = next_malloc_fails;
    next_malloc_fails = false;
    return fails ? NULL : __real_malloc(size);
}

static int run_without_memory_for_a_header(ferry_call *call, void *state)
{
    (void)state;
    next_malloc_fails = true;
    assert_int_equal(ferry_call_reply_header(call, "X-Name", "value"), FERRY_INTERNAL);
    return ferry_call_reply_text(call, 200, "an answer that lacks it");
}

static void test_an_answer_that_lacks_a_header_is_none(void **state)
{
    (void)state;
    const ferry_worker kind = {.name = "w", .run = run_without_memory_for_a_header};
    struct worker worker = {.kind = &kind, .name = (char[]){"w"}};
    ferry_call *call = run_call(&f, &worker, "");
    assert_int_equal(call_output(call)->error.code, FERRY_REJECTED);
    assert_int_equal(call_output(call)->headers.length, 0);
    call_free(call);
}

static void test_a_damaged_input_makes_no_call(void **state)
{
    (void)state;
    ferry_error error;
    char *block = strdup("nonsense");
    struct call_options options = {.attempt = 1};
    assert_null(call_new(&(struct worker){.kind = &replies}, block, 8, &options, &error));
    assert_int_equal(error.code, FERRY_INVALID);
}

static void test_a_full_queue_leaves_the_call_with_the_caller(void **state)
{
    (void)state;
    struct worker worker = {.kind = &replies, .name = (char[]){"w"}};
    ferry_executor_shutdown(f.executor, INT64_MAX);
    ferry_call *call = make_call(&worker, "", NULL);
    ferry_error error;
    assert_int_equal(call_submit(call, f.loop, f.executor, on_call_done, &f, &error),
                     FERRY_REJECTED);
    assert_int_equal(error.code, FERRY_REJECTED);
    assert_int_equal(call_submit(call, f.loop, f.executor, on_call_done, &f, NULL), FERRY_REJECTED);
    assert_int_equal(f.done, 0);
    call_free(call);
}

static void test_the_name_of_its_route_is_its_own(void **state)
{
    (void)state;
    struct worker worker = {.kind = &waits, .name = (char[]){"w"}};
    ferry_call *held = make_call(&worker, "", NULL);
    submit_call(&f, held);
    gate_await(&gate, 1);
    char *route = strdup("/gone/before/it/runs");
    ferry_call *call = make_call(&worker, "", &(struct call_options){.route = route});
    submit_call(&f, call);
    free(route);
    gate_open(&gate);
    await_calls(&f, 2);
    call_free(held);
    call_free(call);
}

static void test_the_input_counts_in_the_queue(void **state)
{
    (void)state;
    struct worker worker = {.kind = &waits, .name = (char[]){"w"}};
    ferry_call *running = make_call(&worker, "", NULL), *waiting = make_call(&worker, "a=1", NULL);
    ferry_executor_stats stats;
    submit_call(&f, running);
    gate_await(&gate, 1);
    submit_call(&f, waiting);
    ferry_executor_get_stats(f.executor, &stats);
    assert_true(stats.queued_bytes >= strlen("POSTa1")); /* it has its names, too */
    gate_open(&gate);
    await_calls(&f, 2);
    call_free(running);
    call_free(waiting);
}

static void test_the_call_goes_with_a_loop_that_closes(void **state)
{
    (void)state;
    struct worker worker = {.kind = &waits, .name = (char[]){"w"}};
    ferry_loop *other = ferry_loop_new();
    ferry_call *call = make_call(&worker, "", NULL);
    assert_int_equal(call_submit(call, other, f.executor, on_call_done, &f, NULL), 0);
    gate_await(&gate, 1);
    ferry_loop_free(other);
    gate_open(&gate); /* and it is freed by the thread: a sanitizer sees to that */
    ferry_executor_shutdown(f.executor, INT64_MAX);
    assert_int_equal(f.done, 0);
}

/* ---- cancelling ---- */

static unsigned cancels;
static void *cancel_saw;

static void count_cancel(ferry_call *call)
{
    assert_true(ferry_call_is_cancelled(call));
    cancels++;
    cancel_saw = ferry_call_data(call);
}

static int run_with_data(ferry_call *call, void *state)
{
    static int data;
    ferry_call_set_data(call, &data);
    return run_at_gate(call, state);
}

static const ferry_worker cancellable = {
    .name = "cancellable", .run = run_with_data, .cancel = count_cancel};

static void test_the_hook_runs_while_run_is_in_progress(void **state)
{
    (void)state;
    struct worker worker = {.kind = &cancellable, .name = (char[]){"w"}};
    cancels = 0;
    cancel_saw = NULL;
    ferry_call *call = make_call(&worker, "", NULL);
    submit_call(&f, call);
    gate_await(&gate, 1);
    assert_true(call_is_started(call));
    assert_false(call_cancel(call));
    assert_int_equal(cancels, 1);
    assert_non_null(cancel_saw);
    gate_open(&gate);
    await_calls(&f, 1);
    assert_int_equal(call_outcome(call), FERRY_OK); /* it answered nevertheless */
    call_free(call);
}

static void test_the_hook_does_not_run_for_what_waits(void **state)
{
    (void)state;
    struct worker worker = {.kind = &cancellable, .name = (char[]){"w"}};
    cancels = 0;
    ferry_call *running = make_call(&worker, "", NULL), *waiting = make_call(&worker, "", NULL);
    submit_call(&f, running);
    gate_await(&gate, 1);
    submit_call(&f, waiting);
    assert_true(call_cancel(waiting));
    assert_false(call_cancel(waiting)); /* twice does no harm */
    await_calls(&f, 1);
    assert_int_equal(call_outcome(waiting), FERRY_CANCELLED);
    assert_int_equal(cancels, 0);
    gate_open(&gate);
    await_calls(&f, 2);
    assert_int_equal(atomic_load(&runs), 1);
    call_free(running);
    call_free(waiting);
}

static void test_the_hook_does_not_run_when_run_has_returned(void **state)
{
    (void)state;
    struct worker worker = {.kind = &cancellable, .name = (char[]){"w"}};
    cancels = 0;
    gate_open(&gate);
    ferry_call *call = make_call(&worker, "", NULL);
    submit_call(&f, call);
    ferry_executor_shutdown(f.executor, INT64_MAX); /* its thread has ended; done is yet to come */
    assert_false(call_cancel(call));
    assert_int_equal(cancels, 0);
    await_calls(&f, 1);
    call_free(call);
}

static int run_wait(ferry_call *call, void *state)
{
    (void)state;
    gate_open(&gate);
    if (ferry_call_wait(call, INT64_MAX) == FERRY_CANCELLED)
        return ferry_call_fail(call, FERRY_CANCELLED, "woken");
    return ferry_call_reply_text(call, 200, "slept");
}

static void test_a_wait_ends_on_cancel(void **state)
{
    (void)state;
    static const ferry_worker kind = {.name = "k", .run = run_wait};
    struct worker worker = {.kind = &kind, .name = (char[]){"w"}};
    ferry_call *call = make_call(&worker, "", NULL);
    submit_call(&f, call);
    gate_pass(&gate); /* it is in run, and soon in its wait, if not already */
    call_cancel(call);
    await_calls(&f, 1);
    assert_string_equal(call_output(call)->error.message, "woken");
    call_free(call);
}

static void *wait_too(void *call)
{
    return ferry_call_wait(call, INT64_MAX) == FERRY_CANCELLED ? call : NULL;
}

static int run_wait_in_two_threads(ferry_call *call, void *state)
{
    pthread_t other;
    void *woken;
    assert_int_equal(pthread_create(&other, NULL, wait_too, call), 0);
    int rc = run_wait(call, state);
    pthread_join(other, &woken);
    return woken ? rc : 0;
}

static void test_a_cancel_ends_the_wait_of_each_thread(void **state)
{
    (void)state;
    static const ferry_worker kind = {.name = "k", .run = run_wait_in_two_threads};
    struct worker worker = {.kind = &kind, .name = (char[]){"w"}};
    ferry_call *call = make_call(&worker, "", NULL);
    submit_call(&f, call);
    gate_pass(&gate);
    call_cancel(call);
    await_calls(&f, 1);
    assert_string_equal(call_output(call)->error.message, "woken");
    call_free(call);
}

/* ---- progress ---- */

static int run_progress(ferry_call *call, void *state)
{
    ferry_call_progress(call, 0.25, "a quarter");
    run_at_gate(call, state);
    ferry_call_progress(call, 17, NULL);
    return 0;
}

static void test_progress_is_seen_while_it_runs(void **state)
{
    (void)state;
    static const ferry_worker kind = {.name = "k", .run = run_progress};
    struct worker worker = {.kind = &kind, .name = (char[]){"w"}};
    ferry_call *call = make_call(&worker, "", NULL);
    double fraction;
    char message[16];
    assert_false(call_get_progress(call, &fraction, message, sizeof message));
    submit_call(&f, call);
    gate_await(&gate, 1);
    assert_true(call_get_progress(call, &fraction, message, sizeof message));
    assert_true(fraction == 0.25);
    assert_string_equal(message, "a quarter");
    assert_true(call_get_progress(call, &fraction, message, 4));
    assert_string_equal(message, "a q");
    gate_open(&gate);
    await_calls(&f, 1);
    assert_true(call_get_progress(call, &fraction, message, sizeof message));
    assert_true(fraction == 1);
    assert_string_equal(message, "");
    call_free(call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_comes_back_with_its_answer),
        TEST(test_outcomes_of_statuses),
        TEST(test_a_failure_without_a_word_is_internal),
        TEST(test_any_return_but_0_without_an_answer_is_a_failure),
        TEST(test_an_answer_that_lacks_a_header_is_none),
        TEST(test_a_damaged_input_makes_no_call),
        TEST(test_a_full_queue_leaves_the_call_with_the_caller),
        TEST(test_the_name_of_its_route_is_its_own),
        TEST(test_the_input_counts_in_the_queue),
        TEST(test_the_call_goes_with_a_loop_that_closes),
        TEST(test_the_hook_runs_while_run_is_in_progress),
        TEST(test_the_hook_does_not_run_for_what_waits),
        TEST(test_the_hook_does_not_run_when_run_has_returned),
        TEST(test_a_wait_ends_on_cancel),
        TEST(test_a_cancel_ends_the_wait_of_each_thread),
        TEST(test_progress_is_seen_while_it_runs),
    };
    return cmocka_run_group_tests_name("worker/call", tests, NULL, NULL);
}
