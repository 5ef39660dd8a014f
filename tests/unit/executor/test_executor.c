/* The executor: bounds, order, cancelling, the queue timeout, its threads and its numbers. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "fixture.h"

static void test_a_task_runs_and_comes_back_once(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, NULL); /* every default */
    gate_open(&f.gate);
    struct probe probe = {0};
    assert_int_equal(submit(&f, &probe, NULL), 0);
    await_done(&f, 1);
    assert_int_equal(atomic_load(&probe.runs), 1);
    assert_int_equal(probe.done, 1);
    assert_int_equal(probe.report.outcome, FERRY_OK);
    assert_true(probe.report.wait_us >= 0 && probe.report.run_us >= 0);
    assert_int_equal(stats_of(&f).threads, 8);
    end(&f);
}

/* ---- bounds ---- */

static void test_the_queue_is_bounded_by_count(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.name = "small", .threads = 2, .queue = 3});
    struct probe probes[5] = {{0}}, refused = {0};
    for (size_t i = 0; i < 5; i++) /* two for the threads, taken or not, and three that wait */
        assert_int_equal(submit(&f, &probes[i], NULL), 0);
    ferry_error error;
    assert_int_equal(submit(&f, &refused, &error), FERRY_REJECTED);
    assert_string_equal(error.message, "pool small: its queue is full");
    assert_int_equal(stats_of(&f).rejected_full, 1);
    gate_open(&f.gate);
    await_done(&f, 5);
    assert_int_equal(refused.done + atomic_load(&refused.runs), 0);
    end(&f);
}

static void test_a_queue_without_a_bound_refuses_none(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 2, .queue = UINT_MAX});
    struct probe probes[20] = {{0}};
    for (size_t i = 0; i < COUNT_OF(probes); i++)
        assert_int_equal(submit(&f, &probes[i], NULL), 0);
    gate_open(&f.gate);
    await_done(&f, COUNT_OF(probes));
    end(&f);
}

/* A pool of one thread and one place: whoever waits for done may submit two again, always. */
static void test_a_thread_is_free_when_its_task_is_done(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1, .queue = 1});
    gate_open(&f.gate);
    for (unsigned i = 0; i < 2000; i++) {
        struct probe probes[2] = {{0}};
        assert_int_equal(submit(&f, &probes[0], NULL), 0);
        assert_int_equal(submit(&f, &probes[1], NULL), 0);
        await_done(&f, 2 * i + 2);
        ferry_executor_stats stats = stats_of(&f);
        assert_int_equal(stats.busy, 0);
        assert_int_equal(stats.finished, 2 * i + 2);
    }
    end(&f);
}

static void test_the_queue_is_bounded_by_bytes(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.name = "p", .threads = 1, .queue_bytes = 100});
    struct probe running = {.bytes = 1000}, first = {.bytes = 60}, fits = {.bytes = 40};
    struct probe refused = {.bytes = 1}, huge = {.bytes = SIZE_MAX};
    ferry_error error;
    assert_int_equal(submit(&f, &running, NULL), 0); /* a thread is free for it: it does not wait */
    gate_await(&f.gate, 1);
    assert_int_equal(submit(&f, &first, NULL), 0);
    assert_int_equal(submit(&f, &huge, &error), FERRY_REJECTED); /* 60 + SIZE_MAX is 59 */
    assert_int_equal(submit(&f, &fits, NULL), 0);
    assert_int_equal(stats_of(&f).queued_bytes, 100);
    assert_int_equal(submit(&f, &refused, &error), FERRY_REJECTED);
    assert_string_equal(error.message, "pool p: its queue carries too many bytes");
    assert_int_equal(stats_of(&f).rejected_bytes, 2);
    gate_open(&f.gate);
    await_done(&f, 3);
    assert_int_equal(stats_of(&f).queued_bytes, 0);
    end(&f);
}

static void test_what_is_too_large_alone_may_wait_alone(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1, .queue_bytes = 100});
    struct probe running = {0}, large = {.bytes = 500}, refused = {0};
    ferry_error error;
    submit(&f, &running, NULL);
    gate_await(&f.gate, 1);
    assert_int_equal(submit(&f, &large, NULL), 0);
    assert_int_equal(submit(&f, &refused, &error), FERRY_REJECTED);
    gate_open(&f.gate);
    await_done(&f, 2);
    end(&f);
}

static void test_bytes_do_not_refuse_what_a_thread_is_free_for(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 4, .queue_bytes = 100});
    struct probe probes[4] = {{.bytes = 90}, {.bytes = 90}, {.bytes = 90}, {.bytes = 90}};
    for (size_t i = 0; i < 4; i++) /* however fast the threads take them */
        assert_int_equal(submit(&f, &probes[i], NULL), 0);
    gate_await(&f.gate, 4);
    end(&f);
}

/* ---- order ---- */

static void test_first_in_first_out(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1});
    struct probe probes[50] = {{0}};
    for (size_t i = 0; i < 50; i++)
        submit(&f, &probes[i], NULL);
    gate_open(&f.gate);
    await_done(&f, 50);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(probes[i].order, i + 1);
    end(&f);
}

/* Wait until a thread sleeps. When its task is done that is where it parks, as nothing else that
 * it could sleep on is taken. */
static void await_asleep(pid_t tid)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    while (state != 'S') {
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
        fclose(file);
    }
}

static void test_the_most_recently_parked_thread_is_woken_first(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 3});
    struct probe held[3] = {{0}}, probes[100] = {{0}};
    for (size_t i = 0; i < 3; i++)
        submit(&f, &held[i], NULL);
    gate_await(&f.gate, 3);
    gate_open(&f.gate);
    await_done(&f, 3);
    for (size_t i = 0; i < 3; i++)
        await_asleep(held[i].ran_on);
    for (unsigned i = 0; i < COUNT_OF(probes); i++) {
        submit(&f, &probes[i], NULL);
        await_done(&f, 4 + i);
        await_asleep(probes[i].ran_on);
        assert_int_equal(probes[i].ran_on, probes[0].ran_on); /* the others sleep on */
    }
    end(&f);
}

/* ---- cancelling ---- */

static void test_cancel_takes_a_task_out_of_the_queue(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1});
    struct probe running = {0}, waiting[3] = {{.bytes = 1}, {.bytes = 2}, {.bytes = 4}};
    submit(&f, &running, NULL);
    gate_await(&f.gate, 1);
    for (size_t i = 0; i < 3; i++)
        submit(&f, &waiting[i], NULL);
    assert_false(ferry_task_is_started(waiting[1].task));
    assert_true(ferry_task_cancel(waiting[1].task)); /* from the middle */
    assert_false(ferry_task_cancel(waiting[1].task));
    assert_false(ferry_task_is_started(waiting[1].task)); /* no thread ever took it */
    assert_int_equal(waiting[1].done, 0);                 /* done follows in a later turn */
    assert_int_equal(stats_of(&f).queued, 2);
    assert_int_equal(stats_of(&f).queued_bytes, 5);
    await_done(&f, 1);
    assert_int_equal(waiting[1].report.outcome, FERRY_CANCELLED);
    assert_int_equal(waiting[1].report.run_us, 0);
    gate_open(&f.gate);
    await_done(&f, 4);
    assert_int_equal(atomic_load(&waiting[1].runs), 0);
    assert_int_equal(waiting[1].done, 1);
    assert_int_equal(stats_of(&f).cancelled, 1);
    end(&f);
}

static void test_what_has_started_cannot_be_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1});
    struct probe running = {0};
    submit(&f, &running, NULL);
    gate_await(&f.gate, 1);
    assert_true(ferry_task_is_started(running.task));
    assert_false(ferry_task_cancel(running.task));
    gate_open(&f.gate);
    await_done(&f, 1);
    assert_int_equal(running.report.outcome, FERRY_OK);
    end(&f);
}

/* ---- the queue timeout ---- */

enum { QUEUE_TIMEOUT_MS = 5 };

/* Start a pool whose one thread is held in `stuck`. */
static ferry_executor_stats start_stuck(struct fixture *f, struct probe *stuck)
{
    start(f, &(ferry_executor_options){.threads = 1, .queue_timeout_ms = QUEUE_TIMEOUT_MS});
    hold_thread(f, stuck);
    return stats_of(f);
}

static void test_the_queue_timeout_comes_though_every_thread_is_stuck(void **state)
{
    (void)state;
    struct fixture f;
    struct probe stuck = {0}, waiting[3] = {{0}};
    ferry_executor_stats before = start_stuck(&f, &stuck);
    for (unsigned i = 0; i < 3; i++) {
        submit(&f, &waiting[i], NULL);
        await_done(&f, i + 1);
        assert_int_equal(waiting[i].report.outcome, FERRY_REJECTED);
        assert_true(waiting[i].report.wait_us >= QUEUE_TIMEOUT_MS * 1000); /* never early */
        assert_int_equal(atomic_load(&waiting[i].runs), 0);
    }
    assert_int_equal(stats_of(&f).timed_out, before.timed_out + 3);
    assert_int_equal(stats_of(&f).queued, 0);
    end(&f);
}

static void test_a_thread_does_not_run_what_has_expired(void **state)
{
    (void)state;
    struct fixture f;
    struct probe stuck = {0}, expired = {0};
    ferry_executor_stats before = start_stuck(&f, &stuck);
    submit(&f, &expired, NULL);
    int64_t until_ms = ferry_loop_now_ms(f.loop) + QUEUE_TIMEOUT_MS + 1;
    while (ferry_loop_now_ms(f.loop) < until_ms) /* the loop does not run meanwhile */
        sched_yield();
    gate_open(&f.gate);
    while (stats_of(&f).queued > 0) /* it is the thread that takes it out */
        sched_yield();
    await_done(&f, 2);
    assert_int_equal(expired.report.outcome, FERRY_REJECTED);
    assert_int_equal(atomic_load(&expired.runs), 0);
    assert_int_equal(stats_of(&f).timed_out, before.timed_out + 1);
    assert_int_equal(stats_of(&f).finished, before.finished + 1);
    end(&f);
}

static void note_done(void *arg)
{
    struct fixture *f = arg;
    f->awaited = f->done; /* so many were done at the mark */
    ferry_loop_stop(f->loop);
}

static void post_note(void *arg)
{
    struct fixture *f = arg;
    ferry_loop_add_callback(f->loop, note_done, f, NULL);
}

/* The timer is set anew for what is left when the oldest has gone. */
static void test_each_task_waits_no_longer_than_the_timeout(void **state)
{
    (void)state;
    enum { TIMEOUT_MS = 200 };
    struct fixture f;
    struct probe stuck = {0}, first = {0}, second = {0};
    start(&f, &(ferry_executor_options){.threads = 1, .queue_timeout_ms = TIMEOUT_MS});
    hold_thread(&f, &stuck);
    submit(&f, &first, NULL);
    int64_t until_ms = ferry_loop_now_ms(f.loop) + TIMEOUT_MS / 2;
    while (ferry_loop_now_ms(f.loop) < until_ms)
        sched_yield();
    submit(&f, &second, NULL);
    ferry_loop_call_later(f.loop, TIMEOUT_MS + TIMEOUT_MS / 4, post_note, &f);
    ferry_loop_run(f.loop);
    assert_int_equal(f.awaited, 2);
    assert_int_equal(second.report.outcome, FERRY_REJECTED);
    end(&f);
}

static void test_a_timeout_without_end_is_none(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 1, .queue_timeout_ms = INT64_MAX});
    struct probe probe = {0};
    gate_open(&f.gate);
    submit(&f, &probe, NULL);
    await_done(&f, 1);
    assert_int_equal(probe.report.outcome, FERRY_OK);
    end(&f);
}

/* ---- the threads, and the numbers ---- */

static char seen_name[16];
static int seen_policy;
static int seen_niceness;
static sigset_t seen_mask;

static void look_around(void *arg)
{
    (void)arg;
    struct sched_param parameters;
    pthread_getname_np(pthread_self(), seen_name, sizeof seen_name);
    pthread_getschedparam(pthread_self(), &seen_policy, &parameters);
    seen_niceness = getpriority(PRIO_PROCESS, 0);
    pthread_sigmask(SIG_SETMASK, NULL, &seen_mask);
}

static void stop(void *arg, const ferry_task_report *report)
{
    (void)report;
    ferry_loop_stop(arg);
}

static void test_a_thread_has_its_name_and_takes_no_signals(void **state)
{
    (void)state;
    struct fixture f;
    sigset_t makers;
    start(&f, &(ferry_executor_options){.name = "a very long name", .threads = 1, .batch = true});
    pthread_sigmask(SIG_SETMASK, NULL, &makers);
    assert_false(sigismember(&makers, SIGTERM));
    ferry_task_work work = {.run = look_around, .done = stop, .arg = f.loop};
    ferry_executor_submit(f.executor, f.loop, &work, NULL);
    ferry_loop_run(f.loop);
    assert_string_equal(seen_name, "a very lon-0");
    assert_true(sigismember(&seen_mask, SIGTERM) && sigismember(&seen_mask, SIGUSR1));
    assert_false(sigismember(&seen_mask, SIGSEGV) || sigismember(&seen_mask, SIGABRT));
    assert_true(seen_policy == SCHED_BATCH || seen_policy == SCHED_OTHER); /* a wish */
    end(&f);
}

static void test_a_thread_is_scheduled_as_its_maker_unless_asked_for_batch(void **state)
{
    (void)state;
    struct fixture f;
    int makers;
    struct sched_param parameters;
    start(&f, &(ferry_executor_options){.threads = 1});
    pthread_getschedparam(pthread_self(), &makers, &parameters);
    ferry_task_work work = {.run = look_around, .done = stop, .arg = f.loop};
    ferry_executor_submit(f.executor, f.loop, &work, NULL);
    ferry_loop_run(f.loop);
    assert_int_equal(seen_policy, makers);
    end(&f);
}

static void test_a_thread_is_as_nice_as_it_is_asked_to_be_beside_its_maker(void **state)
{
    (void)state;
    const struct {
        unsigned nice;
        int added;
    } cases[] = {{0, 0}, {3, 3}, {UINT_MAX, 19}};
    int makers = getpriority(PRIO_PROCESS, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        start(&f, &(ferry_executor_options){.threads = 1, .nice = cases[i].nice});
        ferry_task_work work = {.run = look_around, .done = stop, .arg = f.loop};
        ferry_executor_submit(f.executor, f.loop, &work, NULL);
        ferry_loop_run(f.loop);
        int wanted = makers + cases[i].added;
        assert_int_equal(seen_niceness, wanted < 19 ? wanted : 19);
        assert_int_equal(getpriority(PRIO_PROCESS, 0), makers);
        end(&f);
    }
}

static void test_stats(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = 2, .queue = 2});
    struct probe probes[5] = {{.bytes = 1}, {.bytes = 1}, {.bytes = 10}, {.bytes = 20}};
    submit(&f, &probes[0], NULL);
    submit(&f, &probes[1], NULL);
    gate_await(&f.gate, 2);
    submit(&f, &probes[2], NULL);
    submit(&f, &probes[3], NULL);
    submit(&f, &probes[4], NULL);
    ferry_executor_stats stats = stats_of(&f);
    assert_int_equal(stats.threads, 2);
    assert_int_equal(stats.busy, 2);
    assert_int_equal(stats.queued, 2);
    assert_int_equal(stats.queued_bytes, 30);
    assert_int_equal(stats.submitted, 4);
    assert_int_equal(stats.finished, 0);
    assert_int_equal(stats.rejected_full, 1);
    gate_open(&f.gate);
    await_done(&f, 4);
    stats = stats_of(&f);
    assert_int_equal(stats.busy + stats.queued, 0);
    assert_int_equal(stats.finished, 4);
    end(&f);
}

static void test_threads_that_the_system_refuses_are_an_error(void **state)
{
    (void)state;
    assert_null(ferry_executor_new(&(ferry_executor_options){.threads = 2, .stack_bytes = 1}));
    const size_t too_large = (size_t)1 << 60;
    assert_null(
        ferry_executor_new(&(ferry_executor_options){.threads = 2, .stack_bytes = too_large}));
}

static void test_more_threads_than_any_use_has_are_an_error(void **state)
{
    (void)state;
    errno = 0;
    assert_null(ferry_executor_new(&(ferry_executor_options){.threads = 10001}));
    assert_int_equal(errno, EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED(test_a_task_runs_and_comes_back_once),
        WATCHED(test_the_queue_is_bounded_by_count),
        WATCHED(test_a_queue_without_a_bound_refuses_none),
        WATCHED(test_a_thread_is_free_when_its_task_is_done),
        WATCHED(test_the_queue_is_bounded_by_bytes),
        WATCHED(test_what_is_too_large_alone_may_wait_alone),
        WATCHED(test_bytes_do_not_refuse_what_a_thread_is_free_for),
        WATCHED(test_first_in_first_out),
        WATCHED(test_the_most_recently_parked_thread_is_woken_first),
        WATCHED(test_cancel_takes_a_task_out_of_the_queue),
        WATCHED(test_what_has_started_cannot_be_cancelled),
        WATCHED(test_the_queue_timeout_comes_though_every_thread_is_stuck),
        WATCHED(test_a_thread_does_not_run_what_has_expired),
        WATCHED(test_each_task_waits_no_longer_than_the_timeout),
        WATCHED(test_a_timeout_without_end_is_none),
        WATCHED(test_a_thread_has_its_name_and_takes_no_signals),
        WATCHED(test_a_thread_is_scheduled_as_its_maker_unless_asked_for_batch),
        WATCHED(test_a_thread_is_as_nice_as_it_is_asked_to_be_beside_its_maker),
        WATCHED(test_stats),
        WATCHED(test_threads_that_the_system_refuses_are_an_error),
        WATCHED(test_more_threads_than_any_use_has_are_an_error),
    };
    return cmocka_run_group_tests_name("executor/executor", tests, NULL, NULL);
}
