/* The loop: callbacks from threads, timers, signals, stopping and closing. */
#include <ferry/loop.h>

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "one_loop.h"

/* ---- run and stop ---- */

static void test_a_stop_before_the_run_ends_it_at_once(void **state)
{
    unsigned counted = 0;
    ferry_loop_add_callback(*state, count, &counted, NULL);
    ferry_loop_stop(*state);
    assert_int_equal(ferry_loop_run(*state), 0);
    assert_int_equal(counted, 0);
    ferry_loop_add_callback(*state, stop, *state, NULL); /* it is used up: this run is whole */
    assert_int_equal(ferry_loop_run(*state), 0);
    assert_int_equal(counted, 1);
}

static void test_stop_comes_after_the_present_callback(void **state)
{
    unsigned counted = 0;
    ferry_loop_add_callback(*state, stop, *state, NULL);
    ferry_loop_add_callback(*state, count, &counted, NULL);
    ferry_loop_run(*state);
    assert_int_equal(counted, 0);
    ferry_loop_add_callback(*state, stop, *state, NULL);
    ferry_loop_run(*state);
    assert_int_equal(counted, 1);
}

/* ---- callbacks ---- */

enum { POSTERS = 4, POSTS = 5000 };

struct posting {
    ferry_loop *loop;
    unsigned left;
};

static void on_posted(void *arg)
{
    struct posting *posting = arg;
    if (--posting->left == 0)
        ferry_loop_stop(posting->loop);
}

static void *post_many(void *arg)
{
    struct posting *posting = arg;
    for (int i = 0; i < POSTS; i++)
        assert_int_equal(ferry_loop_add_callback(posting->loop, on_posted, posting, NULL), 0);
    return NULL;
}

static void test_threads_post_to_it(void **state)
{
    struct posting posting = {.loop = *state, .left = POSTERS * POSTS};
    pthread_t threads[POSTERS];
    for (size_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posting), 0);
    ferry_loop_run(*state);
    for (size_t i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(posting.left, 0);
}

static void test_closing_frees_what_waits_and_refuses_what_is_late(void **state)
{
    (void)state;
    unsigned ran = 0, freed = 0;
    ferry_loop *loop = ferry_loop_new();
    ferry_loop_add_callback(loop, count, &ran, NULL); /* nothing to free is allowed */
    ferry_loop_add_callback(loop, count, &freed, count);
    ferry_loop_call_later(loop, 0, count, &ran);
    ferry_loop_ref(loop);
    ferry_loop_free(loop);
    assert_int_equal(freed, 1);
    assert_int_equal(ferry_loop_add_callback(loop, count, &ran, count), FERRY_REJECTED);
    assert_int_equal(ran, 1); /* by its free_arg, which is the same function */
    assert_int_equal(ferry_loop_add_callback(loop, count, &ran, NULL), FERRY_REJECTED);
    assert_int_equal(ran, 1);
    ferry_loop_unref(loop);
    ferry_loop_free(NULL);
}

static void give_back(void *loop)
{
    ferry_loop_unref(loop);
}

static pthread_barrier_t together;

static void *post_the_own_reference(void *loop)
{
    pthread_barrier_wait(&together);
    ferry_loop_add_callback(loop, give_back, loop, give_back);
    return NULL;
}

/* What is posted carries the poster's only reference, and is freed before the post has returned. */
static void test_a_post_may_carry_the_reference_that_it_needs(void **state)
{
    (void)state;
    pthread_t threads[POSTERS];
    pthread_barrier_init(&together, NULL, POSTERS + 1);
    for (int round = 0; round < 500; round++) {
        ferry_loop *loop = ferry_loop_new();
        for (size_t i = 0; i < POSTERS; i++)
            assert_int_equal(
                pthread_create(&threads[i], NULL, post_the_own_reference, ferry_loop_ref(loop)), 0);
        pthread_barrier_wait(&together);
        if (round % 2) /* once only: on a busy machine the others take a time slice each time */
            sched_yield();
        for (volatile int i = 0; i < round * 20; i++)
            continue;
        ferry_loop_free(loop);
        for (size_t i = 0; i < POSTERS; i++)
            pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&together);
}

/* ---- timers ---- */

struct alarm_clock {
    ferry_loop *loop;
    int64_t not_before_ms;
    unsigned *left;
    unsigned early;
};

static void on_alarm(void *arg)
{
    struct alarm_clock *clock = arg;
    clock->early += ferry_loop_now_ms(clock->loop) < clock->not_before_ms;
    if (--*clock->left == 0)
        ferry_loop_stop(clock->loop);
}

static void test_a_timer_is_never_early(void **state)
{
    enum { COUNT = 300 };
    struct alarm_clock clocks[COUNT];
    unsigned left = COUNT;
    for (int i = 0; i < COUNT; i++) {
        int64_t now_ms = ferry_loop_now_ms(*state), delay_ms = i % 50;
        clocks[i] = (struct alarm_clock){*state, now_ms + delay_ms, &left, 0};
        if (i % 2)
            assert_true(ferry_loop_call_later(*state, delay_ms, on_alarm, &clocks[i]));
        else
            assert_true(ferry_loop_call_at(*state, now_ms + delay_ms, on_alarm, &clocks[i]));
    }
    ferry_loop_run(*state);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(clocks[i].early, 0);
}

struct ordered {
    ferry_loop *loop;
    int seen[4];
    size_t count;
};

static void first(void *arg)
{
    struct ordered *ordered = arg;
    ordered->seen[ordered->count++] = 1;
}

static void second(void *arg)
{
    struct ordered *ordered = arg;
    ordered->seen[ordered->count++] = 2;
    if (ordered->count == 4)
        ferry_loop_stop(ordered->loop);
}

static void test_timers_that_are_due_together_keep_their_order(void **state)
{
    struct ordered ordered = {.loop = *state};
    int64_t now_ms = ferry_loop_now_ms(*state);
    ferry_loop_call_at(*state, now_ms - 10, second, &ordered);
    ferry_loop_call_at(*state, now_ms - 20, first, &ordered);
    ferry_loop_call_at(*state, now_ms + 1, first, &ordered);
    ferry_loop_call_at(*state, now_ms + 1, second, &ordered);
    ferry_loop_run(*state);
    assert_memory_equal(ordered.seen, ((int[]){1, 2, 1, 2}), sizeof ordered.seen);
}

static void test_an_earlier_timer_is_not_held_up_by_a_later_one(void **state)
{
    unsigned counted = 0;
    ferry_loop_call_later(*state, 1000 * 1000, count, &counted);
    ferry_timer cancelled = ferry_loop_call_later(*state, 0, count, &counted);
    assert_true(ferry_loop_cancel(*state, cancelled));
    assert_false(ferry_loop_cancel(*state, cancelled));
    assert_false(ferry_loop_cancel(*state, 0));
    ferry_loop_call_later(*state, 2, stop, *state);
    ferry_loop_run(*state);
    assert_int_equal(counted, 0);
}

static void test_times_at_the_edges(void **state)
{
    unsigned counted = 0;
    assert_true(ferry_loop_call_later(*state, INT64_MAX, count, &counted));
    assert_true(ferry_loop_call_at(*state, INT64_MAX, count, &counted));
    ferry_loop_call_later(*state, INT64_MIN, count, &counted);
    ferry_loop_call_at(*state, INT64_MIN, count, &counted);
    ferry_loop_call_later(*state, 0, stop, *state);
    ferry_loop_run(*state);
    assert_int_equal(counted, 2);
}

/* ---- signals ---- */

struct signalled {
    ferry_loop *loop;
    ferry_signal handler;
    unsigned count;
};

static void on_signal(void *arg)
{
    struct signalled *signalled = arg;
    signalled->count++;
    ferry_loop_stop(signalled->loop);
}

static void on_signal_once(void *arg)
{
    struct signalled *signalled = arg;
    signalled->count++;
    assert_true(ferry_loop_remove_signal(signalled->loop, signalled->handler));
    ferry_loop_stop(signalled->loop);
}

static void test_a_signal_comes_through_the_loop(void **state)
{
    struct signalled signalled = {.loop = *state};
    ferry_signal handler = ferry_loop_add_signal(*state, SIGUSR1, on_signal, &signalled);
    assert_true(handler);
    for (unsigned i = 1; i <= 3; i++) {
        kill(getpid(), SIGUSR1);
        ferry_loop_run(*state);
        assert_int_equal(signalled.count, i);
    }
    assert_true(ferry_loop_remove_signal(*state, handler));
    assert_false(ferry_loop_remove_signal(*state, handler));
    assert_false(ferry_loop_remove_signal(*state, 0));
}

static void test_two_handlers_of_a_signal_and_one_that_removes_itself(void **state)
{
    struct signalled always = {.loop = *state}, once = {.loop = *state};
    ferry_loop_add_signal(*state, SIGUSR2, on_signal, &always); /* the close removes it */
    once.handler = ferry_loop_add_signal(*state, SIGUSR2, on_signal_once, &once);
    for (int i = 0; i < 2; i++) {
        kill(getpid(), SIGUSR2);
        while (always.count < (unsigned)i + 1 || once.count < 1)
            ferry_loop_run(*state);
    }
    assert_int_equal(always.count, 2);
    assert_int_equal(once.count, 1);
}

static void test_what_is_no_signal_is_refused(void **state)
{
    assert_int_equal(ferry_loop_add_signal(*state, 12345, on_signal, NULL), 0);
    assert_int_equal(ferry_loop_add_signal(*state, -1, on_signal, NULL), 0);
}

/* ---- libevent without memory ---- */

static bool event_memory_is_out;

static void *event_malloc(size_t size)
{
    return event_memory_is_out ? NULL : malloc(size);
}

static void *event_realloc(void *memory, size_t size)
{
    return event_memory_is_out ? NULL : realloc(memory, size);
}

static void test_what_the_loop_cannot_wait_for_is_refused(void **state)
{
    ferry_loop *loop = *state;
    event_memory_is_out = true;
    assert_int_equal(ferry_loop_call_later(loop, 0, stop, loop), 0);
    errno = 0;
    assert_int_equal(ferry_loop_add_signal(loop, SIGUSR1, count, NULL), 0);
    assert_int_equal(errno, ENOMEM);
    event_memory_is_out = false;
    unsigned calls = 0;
    assert_int_not_equal(ferry_loop_call_later(loop, 0, count, &calls), 0);
    assert_int_not_equal(ferry_loop_call_later(loop, 1, stop, loop), 0);
    assert_int_equal(ferry_loop_run(loop), 0);
    assert_int_equal(calls, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, one_loop_setup, one_loop_teardown)

int main(void)
{
    event_set_mem_functions(event_malloc, event_realloc, free);

    const struct CMUnitTest tests[] = {
        TEST(test_a_stop_before_the_run_ends_it_at_once),
        TEST(test_stop_comes_after_the_present_callback),
        TEST(test_threads_post_to_it),
        TEST(test_closing_frees_what_waits_and_refuses_what_is_late),
        TEST(test_a_post_may_carry_the_reference_that_it_needs),
        TEST(test_a_timer_is_never_early),
        TEST(test_timers_that_are_due_together_keep_their_order),
        TEST(test_an_earlier_timer_is_not_held_up_by_a_later_one),
        TEST(test_times_at_the_edges),
        TEST(test_a_signal_comes_through_the_loop),
        TEST(test_two_handlers_of_a_signal_and_one_that_removes_itself),
        TEST(test_what_is_no_signal_is_refused),
        TEST(test_what_the_loop_cannot_wait_for_is_refused),
    };
    return cmocka_run_group_tests_name("loop/loop", tests, NULL, NULL);
}
