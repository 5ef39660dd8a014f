/* Tasks that came together: which of them let a socket have its turn between their `done`s. */
#include <unistd.h>

#include "fixture.h"

enum { TASKS = 48 };

/* A pipe that is written by what was posted first, and how many tasks were done when it is read. */
struct socket_event {
    struct fixture *fixture;
    int pipe[2];
    unsigned done_before;
};

static void become_readable(void *arg)
{
    struct socket_event *event = arg;
    assert_int_equal(write(event->pipe[1], "x", 1), 1);
}

static void on_readable(int fd, unsigned events, void *arg)
{
    (void)fd, (void)events;
    struct socket_event *event = arg;
    event->done_before = event->fixture->done;
    ferry_loop_stop(event->fixture->loop);
}

/* Have as many tasks wait for the loop, together. Returns how many of them are done before it looks
 * at a socket that becomes readable just before the first. */
static unsigned done_before_a_socket(const ferry_executor_options *options, bool background)
{
    struct fixture f;
    start(&f, options);
    struct socket_event event = {.fixture = &f};
    assert_int_equal(pipe(event.pipe), 0);
    ferry_handler handler =
        ferry_loop_add_handler(f.loop, event.pipe[0], FERRY_FD_READ, on_readable, &event);
    ferry_loop_add_callback(f.loop, become_readable, &event, NULL);
    struct probe probes[TASKS];
    for (unsigned i = 0; i < TASKS; i++) {
        probes[i] = (struct probe){.background = background};
        assert_int_equal(submit(&f, &probes[i], NULL), 0);
    }
    gate_open(&f.gate);
    assert_int_equal(ferry_executor_shutdown(f.executor, INT64_MAX), 0); /* all are posted */
    ferry_loop_run(f.loop);
    ferry_loop_remove_handler(f.loop, handler);
    await_done(&f, TASKS);
    end(&f);
    close(event.pipe[0]);
    close(event.pipe[1]);
    return event.done_before;
}

static void test_with_threads_for_all_a_socket_has_its_turn_between(void **state)
{
    (void)state;
    unsigned done = done_before_a_socket(&(ferry_executor_options){.threads = TASKS}, false);
    assert_in_range(done, 1, TASKS - 1);
}

static void test_those_that_wait_for_a_thread_go_at_once(void **state)
{
    (void)state;
    unsigned done = done_before_a_socket(&(ferry_executor_options){.threads = 1}, false);
    assert_int_equal(done, TASKS);
}

static void test_background_tasks_go_at_once(void **state)
{
    (void)state;
    unsigned done = done_before_a_socket(&(ferry_executor_options){.threads = TASKS}, true);
    assert_int_equal(done, TASKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED(test_with_threads_for_all_a_socket_has_its_turn_between),
        WATCHED(test_those_that_wait_for_a_thread_go_at_once),
        WATCHED(test_background_tasks_go_at_once),
    };
    return cmocka_run_group_tests_name("executor/spread", tests, NULL, NULL);
}
