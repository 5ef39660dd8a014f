/* Lanes: cancels that come at a moment which a server leaves to chance. */
#include "lane.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

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
static const struct worker worker = {.kind = &waits, .name = (char *)"lone"};

static struct bytes make_opening(const char *kind)
{
    struct bytes opening = {0};
    ferry_settings *settings = settings_new("lone", "/");
    lane_put_opening(&opening,
                     &(struct lane_opening){.worker = "lone", .kind = kind, .settings = settings});
    settings_free(settings);
    return opening;
}

static ferry_call *make_call(int64_t timeout_ms)
{
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "GET", 3);
    call_input_end(&block, NULL, 0);
    size_t length = block.length;
    ferry_call *call =
        call_new(&worker, bytes_take(&block), length,
                 &(struct call_options){.attempt = 1, .timeout_ms = timeout_ms}, NULL);
    assert_non_null(call);
    return call;
}

/* As call_cancel does it where `run` has not set its data yet. */
static void test_a_cancel_that_comes_before_the_process_is_there_is_heeded(void **state)
{
    (void)state;
    struct bytes opening = make_opening("waits");
    struct lane *lane = lane_new("lone", &opening);
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
    struct lane *lane = lane_new("lone", &opening);
    assert_non_null(lane);
    assert_int_equal(run_hanging(lane, 0), FERRY_CANCELLED);
    assert_int_equal(run_hanging(lane, 1), FERRY_DEADLINE);
    assert_int_equal(lane_counts().killed, 2);
    assert_int_equal(lane_counts().running, 0);
    lane_free(lane);
    bytes_fini(&opening);
}

/* The process of a lane is this program once more. */
int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return lane_host_run(STDIN_FILENO, (const ferry_worker *[]){&waits, &hangs, NULL}) < 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cancel_that_comes_before_the_process_is_there_is_heeded),
        cmocka_unit_test(test_a_call_that_is_killed_says_why),
    };
    return cmocka_run_group_tests_name("worker/lane", tests, NULL, NULL);
}
