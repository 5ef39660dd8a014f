/* The life of a loop: run once at a time, freed from outside, and after what uses it. */
#include <ferry/loop.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ferry/log.h>

#include "loop_base.h"
#include "one_loop.h"

enum { LINE_SIZE = 512 };

static void run_again(void *arg)
{
    assert_int_equal(ferry_loop_run(arg), FERRY_CONFLICT);
    ferry_loop_add_callback(arg, stop, arg, NULL);
}

static void test_a_loop_that_runs_is_not_run_from_its_callback(void **state)
{
    ferry_loop_add_callback(*state, run_again, *state, NULL);
    assert_int_equal(ferry_loop_run(*state), 0);
}

static void *run_from_elsewhere(void *arg)
{
    static int rc;
    rc = ferry_loop_run(arg);
    ferry_loop_add_callback(arg, stop, arg, NULL);
    return &rc;
}

static void start_a_stranger(void *arg)
{
    pthread_t thread;
    void *rc;
    assert_int_equal(pthread_create(&thread, NULL, run_from_elsewhere, arg), 0);
    pthread_join(thread, &rc);
    assert_int_equal(*(int *)rc, FERRY_CONFLICT);
    ferry_loop_now_ms(arg); /* a debug build aborts, if the loop is not this thread's any more */
}

static void test_a_loop_that_runs_is_not_run_by_another_thread(void **state)
{
    ferry_loop_add_callback(*state, start_a_stranger, *state, NULL);
    assert_int_equal(ferry_loop_run(*state), 0);
}

static void keep_line(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)level;
    snprintf(arg, LINE_SIZE, "%.*s", (int)length, line);
}

static void free_the_loop(void *arg)
{
    ferry_loop_free(arg);
}

static void test_a_free_in_a_callback_is_refused_and_ends_the_run(void **state)
{
    char line[LINE_SIZE] = "";
    unsigned counted = 0;
    ferry_log_set_sink(keep_line, line);
    ferry_loop_add_callback(*state, free_the_loop, *state, NULL);
    assert_int_equal(ferry_loop_run(*state), 0);
    ferry_log_set_sink(NULL, NULL);
    assert_non_null(strstr(line, "level=error msg=\"a loop was freed from inside\""));
    ferry_loop_add_callback(*state, count, &counted, NULL);
    ferry_loop_add_callback(*state, stop, *state, NULL);
    assert_int_equal(ferry_loop_run(*state), 0); /* it lives on */
    assert_int_equal(counted, 1);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

static void on_fd(int fd, unsigned events, void *arg)
{
    (void)fd, (void)events, (void)arg;
}

static void test_who_outlives_the_loop_is_logged(void **state)
{
    (void)state;
    char line[LINE_SIZE] = "";
    int ends[2];
    struct event event; /* what a stream or a server has */
    ferry_loop *loop = ferry_loop_new();
    assert_int_equal(pipe(ends), 0);
    assert_true(ferry_loop_add_handler(loop, ends[1], FERRY_FD_READ, on_fd, NULL));
    assert_true(ferry_loop_add_signal(loop, SIGUSR1, count, NULL));
    ferry_loop_call_later(loop, 1000, count, NULL);
    ferry_log_set_sink(keep_line, line);
    ferry_loop_free(loop);
    assert_string_equal(line, ""); /* what is the loop's own goes with it */

    loop = ferry_loop_new();
    event_assign(&event, loop_event_base(loop), ends[0], EV_READ, on_event, NULL);
    event_add(&event, NULL);
    ferry_loop_free(loop);
    ferry_log_set_sink(NULL, NULL);
    assert_non_null(strstr(line, "level=error msg=\"a loop was freed before what uses it\""));
    close(ends[0]);
    close(ends[1]);
}

static void test_a_closed_loop_that_is_kept_takes_nothing(void **state)
{
    (void)state;
    unsigned counted = 0;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    ferry_loop *loop = ferry_loop_ref(ferry_loop_new());
    ferry_loop_free(loop);
    assert_int_equal(ferry_loop_add_callback(loop, count, &counted, count), FERRY_REJECTED);
    assert_int_equal(counted, 1);
    assert_int_equal(ferry_loop_call_later(loop, 0, count, &counted), 0);
    assert_int_equal(ferry_loop_call_at(loop, 0, count, &counted), 0);
    assert_int_equal(ferry_loop_add_signal(loop, SIGUSR1, count, &counted), 0);
    assert_int_equal(ferry_loop_add_handler(loop, ends[1], FERRY_FD_WRITE, on_fd, NULL), 0);
    assert_int_equal(errno, ECANCELED);
    assert_int_equal(ferry_loop_run(loop), FERRY_CONFLICT);
    ferry_loop_free(loop); /* a second time */
    assert_int_equal(counted, 1);
    ferry_loop_unref(loop);
    close(ends[0]);
    close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, one_loop_setup, one_loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_loop_that_runs_is_not_run_from_its_callback),
        TEST(test_a_loop_that_runs_is_not_run_by_another_thread),
        TEST(test_a_free_in_a_callback_is_refused_and_ends_the_run),
        TEST(test_who_outlives_the_loop_is_logged),
        TEST(test_a_closed_loop_that_is_kept_takes_nothing),
    };
    return cmocka_run_group_tests_name("loop/life", tests, NULL, NULL);
}
