/* Lanes: cancels that come at a moment which a server leaves to chance, and what is lacking. */
#include "failing_memory.h"

#include "lane.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ferry/log.h>

#include "call.h"
#include "call_input.h"
#include "call_struct.h"
#include "lane_host.h"
#include "lane_messages.h"
#include "settings.h"
#include "support.h"

static int wait_for_cancel(ferry_call *call, void *state)
{
    (void)state;
    return ferry_call_fail(call, (ferry_code)ferry_call_wait(call, 30000), "told to end");
}

static int hang(ferry_call *call, void *state)
{
    (void)state;
    ferry_call_progress(call, 1, "it hangs");
    while (pause() < 0)
        continue;
    return 0;
}

static const ferry_worker waits = {
    .abi = FERRY_WORKER_ABI,
    .name = "waits",
    .run = wait_for_cancel,
};
static const ferry_worker hangs = {.abi = FERRY_WORKER_ABI, .name = "hangs", .run = hang};
enum { ANSWER_LIMIT = 1024 };

/* As long as its attempt says. */
static int answer(ferry_call *call, void *state)
{
    static const char body[2 * ANSWER_LIMIT];
    (void)state;
    ferry_call_reply_header(call, "x", "y");
    return ferry_call_reply(call, 200, "text/plain", body, ferry_call_attempt(call));
}

/* At the second attempt. */
static int die(ferry_call *call, void *state)
{
    if (ferry_call_attempt(call) > 1)
        raise(SIGKILL);
    return answer(call, state);
}

static const ferry_worker answers = {.abi = FERRY_WORKER_ABI, .name = "answers", .run = answer};
static const ferry_worker dies = {.abi = FERRY_WORKER_ABI, .name = "dies", .run = die};
static const struct worker worker = {.kind = &waits, .name = (char *)"lone"};

static struct bytes make_opening(const char *kind)
{
    struct bytes opening = {0};
    ferry_settings *settings = settings_new("lone", "/");
    lane_put_opening(&opening, &(struct lane_opening){.worker = "lone",
                                                      .kind = kind,
                                                      .settings = settings,
                                                      .answer_limit = ANSWER_LIMIT});
    settings_free(settings);
    return opening;
}

static ferry_call *make_call_of(unsigned attempt, int64_t timeout_ms)
{
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "GET", 3);
    call_input_end(&block, NULL, 0);
    size_t length = block.length;
    ferry_call *call =
        call_new(&worker, bytes_take(&block), length,
                 &(struct call_options){.attempt = attempt, .timeout_ms = timeout_ms}, NULL);
    assert_non_null(call);
    return call;
}

static ferry_call *make_call(int64_t timeout_ms)
{
    return make_call_of(1, timeout_ms);
}

/* As call_cancel does it where `run` has not set its data yet. */
static void test_a_cancel_that_comes_before_the_process_is_there_is_heeded(void **state)
{
    (void)state;
    struct bytes opening = make_opening("waits");
    struct lane *lane = lane_new("lone", &opening, ANSWER_LIMIT);
    assert_non_null(lane);
    for (int i = 0; i < 2; i++) { /* with a process that starts, and with one that waits */
        ferry_call *call = make_call(0);
        atomic_store(&call->cancelled, true);
        assert_int_equal(lane_run(lane, call), 0);
        assert_int_equal(call_output(call)->error.code, FERRY_CANCELLED);
        call_free(call);
    }
    assert_int_equal(lane_counts().killed, 0);
    assert_int_equal(lane_counts().running, 1);
    lane_free(lane);
    assert_int_equal(lane_counts().running, 0);
    bytes_fini(&opening);
}

struct hanging {
    struct lane *lane;
    ferry_call *call;
};

static void *cancel_when_it_hangs(void *arg)
{
    const struct hanging *hanging = arg;
    double fraction;
    char text[16];
    while (!call_get_progress(hanging->call, &fraction, text, sizeof text))
        sched_yield();
    lane_interrupt(hanging->lane);
    return NULL;
}

/* Returns how it has ended. */
static int run_hanging(struct lane *lane, int64_t timeout_ms)
{
    struct hanging hanging = {.lane = lane, .call = make_call(timeout_ms)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_it_hangs, &hanging), 0);
    int rc = lane_run(lane, hanging.call);
    pthread_join(thread, NULL);
    assert_int_equal(call_output(hanging.call)->error.code, rc);
    call_free(hanging.call);
    return rc;
}

static void test_a_call_that_is_killed_says_why(void **state)
{
    (void)state;
    struct bytes opening = make_opening("hangs");
    struct lane *lane = lane_new("lone", &opening, ANSWER_LIMIT);
    assert_non_null(lane);
    assert_int_equal(run_hanging(lane, 0), FERRY_CANCELLED);
    assert_int_equal(run_hanging(lane, 1), FERRY_DEADLINE);
    assert_int_equal(lane_counts().killed, 2);
    assert_int_equal(lane_counts().running, 0);
    lane_free(lane);
    bytes_fini(&opening);
}

static void test_an_answer_past_its_limit_fails_and_costs_no_process(void **state)
{
    (void)state;
    struct bytes opening = make_opening("answers");
    struct lane *lane = lane_new("lone", &opening, ANSWER_LIMIT);
    for (unsigned length = ANSWER_LIMIT - 4; length <= ANSWER_LIMIT - 3; length++) {
        ferry_call *call = make_call_of(length, 0); /* "x" and "y" are four bytes */
        struct call_output *output = call_output(call);
        assert_int_equal(lane_run(lane, call), 0);
        if (length == ANSWER_LIMIT - 4) {
            assert_int_equal(output->body.length, length);
        } else {
            assert_int_equal(output->error.code, FERRY_INTERNAL);
            assert_non_null(strstr(output->error.message, "answer_limit, 1024 bytes"));
        }
        call_free(call);
    }
    assert_int_equal(lane_counts().running, 1);
    lane_free(lane);
    bytes_fini(&opening);
}

static void test_without_memory_a_call_is_refused_and_nobody_is_blamed(void **state)
{
    (void)state;
    struct bytes opening = make_opening("answers");
    struct lane_counts before = lane_counts();
    for (struct lack lack = {0}; lack_next(&lack);) {
        struct lane *lane = lane_new("lone", &opening, ANSWER_LIMIT);
        ferry_call *call = make_call_of(ANSWER_LIMIT / 2, 0);
        const struct call_output *output = call_output(call);
        lack_begin(&lack);
        lane_run(lane, call);
        lack_end(&lack);
        assert_true(lack.was_lacking || output->status == 200);
        if (output->error.code) {
            assert_int_equal(output->error.code, FERRY_REJECTED);
            assert_non_null(strstr(output->error.message, "no memory"));
        }
        call_free(call);
        lane_free(lane);
    }
    assert_int_equal(lane_counts().crashed, before.crashed);
    bytes_fini(&opening);
}

static void test_an_end_that_nobody_would_see_keeps_it_from_starting(void **state)
{
    (void)state;
    struct bytes opening = make_opening("answers");
    struct lane *lane = lane_new("lone", &opening, ANSWER_LIMIT);
    ferry_call *call = make_call(0);
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(lane_run(lane, call), FERRY_TRANSIENT);
    assert_non_null(strstr(call_output(call)->error.message, "SIGCHLD"));
    signal(SIGCHLD, SIG_DFL);
    assert_int_equal(lane_run(lane, call), 0);
    call_free(call);
    lane_free(lane);
    bytes_fini(&opening);
}

static void test_an_end_that_nobody_has_seen_is_called_so(void **state)
{
    (void)state;
    struct bytes opening = make_opening("dies");
    struct lane *lane = lane_new("lone", &opening, ANSWER_LIMIT);
    ferry_call *call = make_call_of(1, 0), *last = make_call_of(2, 0);
    assert_int_equal(lane_run(lane, call), 0);
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(lane_run(lane, last), FERRY_TRANSIENT);
    signal(SIGCHLD, SIG_DFL);
    assert_non_null(strstr(call_output(last)->error.message, "ignores SIGCHLD"));
    call_free(call);
    call_free(last);
    lane_free(lane);
    bytes_fini(&opening);
}

static void test_a_process_that_cannot_run_says_why(void **state)
{
    (void)state;
    struct bytes opening = make_opening("answers");
    struct lane *lane = lane_new("poor", &opening, ANSWER_LIMIT);
    ferry_call *call = make_call(0);
    int ends[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    assert_int_equal(lane_run(lane, call), FERRY_TRANSIENT);
    dup2(before, STDERR_FILENO);
    close(before);
    close(ends[1]);
    char said[4096] = "";
    assert_true(read(ends[0], said, sizeof said - 1) > 0);
    assert_non_null(strstr(said, "a worker's process cannot run"));
    assert_non_null(strstr(said, strerror(EMFILE)));
    close(ends[0]);
    call_free(call);
    lane_free(lane);
    bytes_fini(&opening);
}

static void log_to_stderr(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    (void)!write(STDERR_FILENO, line, length);
}

static int run_worker(const char *name)
{
    static const ferry_worker *const kinds[] = {&waits, &hangs, &answers, &dies, NULL};
    if (strcmp(name, "poor") == 0) /* nothing to run a loop with */
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){STDERR_FILENO + 1, STDERR_FILENO + 1});
    ferry_log_set_sink(log_to_stderr, NULL);
    return lane_host_run(STDIN_FILENO, kinds) < 0;
}

/* The process of a lane is this program once more. */
int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "worker") == 0)
        return run_worker(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cancel_that_comes_before_the_process_is_there_is_heeded),
        cmocka_unit_test(test_a_call_that_is_killed_says_why),
        cmocka_unit_test(test_an_answer_past_its_limit_fails_and_costs_no_process),
        cmocka_unit_test(test_without_memory_a_call_is_refused_and_nobody_is_blamed),
        cmocka_unit_test(test_an_end_that_nobody_would_see_keeps_it_from_starting),
        cmocka_unit_test(test_an_end_that_nobody_has_seen_is_called_so),
        cmocka_unit_test(test_a_process_that_cannot_run_says_why),
    };
    return cmocka_run_group_tests_name("worker/lane", tests, NULL, NULL);
}
