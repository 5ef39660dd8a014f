/* Tasks that came together: which of them let a socket have its turn between their `done`s, and
 * when the loop gives way to a thread that was woken. */
#include <sched.h>
#include <unistd.h>

#include "executor_struct.h"
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

/* ---- giving way ---- */

static unsigned yields; /* of the loop's thread */
static atomic_bool holds_wakes;
static sem_t *held_wake; /* of a thread that was woken, and has yet to hear of it */

int __real_sched_yield(void);
int __wrap_sched_yield(void);
int __real_sem_post(sem_t *semaphore);
int __wrap_sem_post(sem_t *semaphore);

int __wrap_sched_yield(void)
{
    yields++;
    return __real_sched_yield();
}

int __wrap_sem_post(sem_t *semaphore)
{
    if (!atomic_load(&holds_wakes))
        return __real_sem_post(semaphore);
    assert_null(held_wake); /* one wake-up is in flight at a time */
    held_wake = semaphore;
    return 0;
}

static void await_parked(ferry_executor *executor)
{
    unsigned count;
    do {
        count = 0;
        pthread_mutex_lock(&executor->lock);
        for (const struct pool_thread *thread = executor->parked; thread;
             thread = thread->next_parked)
            count++;
        pthread_mutex_unlock(&executor->lock);
    } while (count < executor->options.threads);
}

/* Submit tasks while the thread that was woken for the first does not come. Returns how often the
 * loop gave way meanwhile. */
static unsigned yields_for(unsigned count, unsigned threads, bool background)
{
    struct fixture f;
    start(&f, &(ferry_executor_options){.threads = threads});
    await_parked(f.executor);
    struct probe probes[TASKS];
    held_wake = NULL;
    yields = 0;
    atomic_store(&holds_wakes, true);
    for (unsigned i = 0; i < count; i++) {
        probes[i] = (struct probe){.background = background};
        assert_int_equal(submit(&f, &probes[i], NULL), 0);
    }
    unsigned gave_way = yields;
    atomic_store(&holds_wakes, false);
    sem_post(held_wake);
    gate_open(&f.gate);
    await_done(&f, count);
    end(&f);
    return gave_way;
}

static void test_the_loop_gives_way_to_a_thread_that_is_long_in_coming(void **state)
{
    (void)state;
    assert_int_equal(yields_for(15, TASKS, false), 0);
    assert_int_equal(yields_for(16, TASKS, false), 1);
    assert_int_equal(yields_for(TASKS, TASKS, false), TASKS / 16);
}

static void test_it_does_not_where_nobody_waits_or_no_thread_is_free(void **state)
{
    (void)state;
    assert_int_equal(yields_for(TASKS, TASKS, true), 0);
    assert_int_equal(yields_for(TASKS, 1, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED(test_with_threads_for_all_a_socket_has_its_turn_between),
        WATCHED(test_those_that_wait_for_a_thread_go_at_once),
        WATCHED(test_background_tasks_go_at_once),
        WATCHED(test_the_loop_gives_way_to_a_thread_that_is_long_in_coming),
        WATCHED(test_it_does_not_where_nobody_waits_or_no_thread_is_free),
    };
    return cmocka_run_group_tests_name("executor/spread", tests, NULL, NULL);
}
