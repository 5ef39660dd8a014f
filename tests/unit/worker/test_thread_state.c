/* Thread states: opened once a thread, tried again after a failure, closed where they were made. */
#include <stdatomic.h>

#include "fixture.h"

enum { THREADS = 3 };

static struct fixture f;
static struct gate gate;
static atomic_uint opens, closes, failures_left;
static atomic_bool closed_elsewhere;

struct thread_state {
    pthread_t thread;
    unsigned runs;
};

static int setup(void **state)
{
    fixture_start(&f, THREADS);
    gate = (struct gate)GATE_CLOSED;
    atomic_store(&opens, 0);
    atomic_store(&closes, 0);
    atomic_store(&failures_left, 0);
    atomic_store(&closed_elsewhere, false);
    return watchdog_start(state);
}

static int teardown(void **state)
{
    if (f.executor)
        fixture_end(&f);
    return watchdog_stop(state);
}

static int open_thread(void *worker_state, void **thread_state, ferry_error *error)
{
    if (atomic_load(&failures_left) > 0) {
        atomic_fetch_sub(&failures_left, 1);
        return worker_state ? ferry_error_set(error, FERRY_NOT_FOUND, "no database")
                            : FERRY_NOT_FOUND; /* a sloppy one, that says nothing */
    }
    struct thread_state *mine = calloc(1, sizeof *mine);
    mine->thread = pthread_self();
    *thread_state = mine;
    atomic_fetch_add(&opens, 1);
    return 0;
}

static void close_thread(void *thread_state)
{
    struct thread_state *mine = thread_state;
    if (!pthread_equal(mine->thread, pthread_self()))
        atomic_store(&closed_elsewhere, true);
    free(mine);
    atomic_fetch_add(&closes, 1);
}

static int run_on_state(ferry_call *call, void *thread_state)
{
    struct thread_state *mine = thread_state;
    mine->runs++; /* no lock: it is this thread's own */
    if (ferry_call_param(call, "gate"))
        gate_pass(&gate);
    return ferry_call_reply_json(call, 200, "%u", mine->runs);
}

static const ferry_worker kind = {
    .name = "k", .thread_open = open_thread, .thread_close = close_thread, .run = run_on_state};
static int worker_state;
static const struct worker worker = {.kind = &kind, .name = (char[]){"db"}, .state = &worker_state};

static void run_and_free(const struct worker *of, const char *query)
{
    ferry_call *call = run_call(&f, of, query);
    assert_int_equal(call_outcome(call), FERRY_OK);
    call_free(call);
}

static void test_it_is_opened_once_a_thread(void **state)
{
    (void)state;
    ferry_call *calls[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        calls[i] = make_call(&worker, "gate=1", NULL);
        submit_call(&f, calls[i]);
    }
    gate_await(&gate, THREADS); /* each thread is in a run of its own */
    assert_int_equal(atomic_load(&opens), THREADS);
    gate_open(&gate);
    await_calls(&f, THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        call_free(calls[i]);
    for (int i = 0; i < 50; i++)
        run_and_free(&worker, "");
    assert_int_equal(atomic_load(&opens), THREADS);
    assert_int_equal(atomic_load(&closes), 0);
    fixture_end(&f);
    f.executor = NULL;
    assert_int_equal(atomic_load(&closes), THREADS);
    assert_false(atomic_load(&closed_elsewhere));
}

static void test_two_workers_have_a_state_each(void **state)
{
    (void)state;
    fixture_end(&f);
    fixture_start(&f, 1);
    struct worker other = worker;
    run_and_free(&worker, "");
    run_and_free(&other, "");
    run_and_free(&worker, "");
    assert_int_equal(atomic_load(&opens), 2);
    fixture_end(&f);
    f.executor = NULL;
    assert_int_equal(atomic_load(&closes), 2);
}

static void test_a_failure_is_transient_and_tried_again(void **state)
{
    (void)state;
    fixture_end(&f);
    fixture_start(&f, 1);
    atomic_store(&failures_left, 2);
    for (int i = 0; i < 2; i++) {
        ferry_call *call = run_call(&f, &worker, "");
        assert_int_equal(call_outcome(call), FERRY_TRANSIENT);
        assert_string_equal(call_output(call)->error.message,
                            "db cannot start on its thread: no database");
        call_free(call);
    }
    run_and_free(&worker, "");
    assert_int_equal(atomic_load(&opens), 1);
}

static void test_a_failure_without_a_word_is_named_by_its_code(void **state)
{
    (void)state;
    struct worker sloppy = {.kind = &kind, .name = (char[]){"db"}};
    atomic_store(&failures_left, 1);
    ferry_call *call = run_call(&f, &sloppy, "");
    assert_string_equal(call_output(call)->error.message,
                        "db cannot start on its thread: not_found");
    call_free(call);
}

static int open_foreign(void *state, void **thread_state, ferry_error *error)
{
    (void)state, (void)thread_state, (void)error;
    return 14; /* such as SQLITE_CANTOPEN */
}

static void test_any_return_but_0_is_a_failure(void **state)
{
    (void)state;
    static const ferry_worker foreign = {
        .name = "k", .thread_open = open_foreign, .run = run_on_state};
    ferry_call *call = run_call(&f, &(struct worker){.kind = &foreign, .name = (char[]){"db"}}, "");
    assert_int_equal(call_outcome(call), FERRY_TRANSIENT);
    assert_string_equal(call_output(call)->error.message,
                        "db cannot start on its thread: its thread_open returned 14");
    call_free(call);
}

static int open_closed(void *state, void **thread_state, ferry_error *error)
{
    (void)state, (void)thread_state;
    ferry_error_set(error, FERRY_FORBIDDEN, "the folder is closed");
    return 14;
}

static void test_a_foreign_code_hides_no_reason(void **state)
{
    (void)state;
    static const ferry_worker closed = {
        .name = "k", .thread_open = open_closed, .run = run_on_state};
    ferry_call *call = run_call(&f, &(struct worker){.kind = &closed, .name = (char[]){"db"}}, "");
    assert_string_equal(call_output(call)->error.message,
                        "db cannot start on its thread: the folder is closed");
    call_free(call);
}

static void *seen_state;

static int run_look(ferry_call *call, void *state)
{
    (void)call;
    seen_state = state;
    return 0;
}

static void test_without_thread_open_run_gets_the_workers_state(void **state)
{
    (void)state;
    static const ferry_worker plain = {.name = "plain", .run = run_look};
    run_and_free(&(struct worker){.kind = &plain, .name = (char[]){"w"}, .state = &worker_state},
                 "");
    assert_ptr_equal(seen_state, &worker_state);
    run_and_free(&(struct worker){.kind = &plain, .name = (char[]){"w"}}, "");
    assert_null(seen_state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_opened_once_a_thread),
        TEST(test_two_workers_have_a_state_each),
        TEST(test_a_failure_is_transient_and_tried_again),
        TEST(test_a_failure_without_a_word_is_named_by_its_code),
        TEST(test_any_return_but_0_is_a_failure),
        TEST(test_a_foreign_code_hides_no_reason),
        TEST(test_without_thread_open_run_gets_the_workers_state),
    };
    return cmocka_run_group_tests_name("worker/thread_state", tests, NULL, NULL);
}
