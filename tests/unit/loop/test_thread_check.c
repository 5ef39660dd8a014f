/*
 * A function of the loop that is called on the wrong thread ends a debug build, and says which
 * function and which threads. A forked child does the wrong thing; its standard error is read.
 */
#include <ferry/loop.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"
#include "watchdog.h"

struct wrong_call {
    const char *name; /* what standard error must name */
    void (*call)(ferry_loop *loop);
};

static void nothing(void *arg)
{
    (void)arg;
}

static void call_stop(ferry_loop *loop)
{
    ferry_loop_stop(loop);
}

static void call_free(ferry_loop *loop)
{
    ferry_loop_free(loop);
}

static void call_now_ms(ferry_loop *loop)
{
    ferry_loop_now_ms(loop);
}

static void call_later(ferry_loop *loop)
{
    ferry_loop_call_later(loop, 0, nothing, NULL);
}

static void call_at(ferry_loop *loop)
{
    ferry_loop_call_at(loop, 0, nothing, NULL);
}

static void call_cancel(ferry_loop *loop)
{
    ferry_loop_cancel(loop, 0);
}

static void call_add_signal(ferry_loop *loop)
{
    ferry_loop_add_signal(loop, SIGUSR1, nothing, NULL);
}

static void call_remove_signal(ferry_loop *loop)
{
    ferry_loop_remove_signal(loop, 1);
}

static const struct wrong_call wrong_calls[] = {
    {"ferry_loop_stop", call_stop},
    {"ferry_loop_free", call_free},
    {"ferry_loop_now_ms", call_now_ms},
    {"ferry_loop_call_later", call_later},
    {"ferry_loop_call_at", call_at},
    {"ferry_loop_cancel", call_cancel},
    {"ferry_loop_add_signal", call_add_signal},
    {"ferry_loop_remove_signal", call_remove_signal},
};

struct stranger {
    ferry_loop *loop;
    const struct wrong_call *wrong;
};

static void *be_strange(void *arg)
{
    struct stranger *stranger = arg;
    pthread_setname_np(pthread_self(), "stranger");
    stranger->wrong->call(stranger->loop);
    return NULL;
}

/* In the child: make a loop on a thread of one name, and call it on one of another. */
static void do_wrong(const struct wrong_call *wrong, int stderr_to)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    dup2(stderr_to, STDERR_FILENO);
    signal(SIGABRT, SIG_DFL); /* cmocka and the sanitizers have their own */
    pthread_setname_np(pthread_self(), "owner");
    struct stranger stranger = {.loop = ferry_loop_new(), .wrong = wrong};
    pthread_t thread;
    pthread_create(&thread, NULL, be_strange, &stranger);
    pthread_join(thread, NULL);
    _exit(0);
}

static void read_all(int fd, char *text, size_t size)
{
    size_t length = 0;
    ssize_t n;
    while (length + 1 < size && (n = read(fd, text + length, size - 1 - length)) > 0)
        length += (size_t)n;
    text[length] = '\0';
}

static void test_the_wrong_thread_aborts_a_debug_build(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong_calls); i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            do_wrong(&wrong_calls[i], ends[1]);
        assert_true(child > 0);
        close(ends[1]);
        char text[8192];
        read_all(ends[0], text, sizeof text);
        close(ends[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
        char expected[128];
        snprintf(expected, sizeof expected, "ferry: %s was called on thread \"stranger\"",
                 wrong_calls[i].name);
        assert_non_null(strstr(text, expected));
        assert_non_null(strstr(text, "the loop belongs to \"owner\""));
        assert_non_null(strstr(text, "use ferry_loop_add_callback"));
    }
}

static void stop(void *arg)
{
    ferry_loop_stop(arg);
}

static void *own_it(void *arg)
{
    ferry_loop_add_callback(arg, stop, arg, NULL);
    ferry_loop_run(arg);
    ferry_loop_call_later(arg, 0, nothing, NULL);
    ferry_loop_free(arg);
    return NULL;
}

static void test_the_thread_that_runs_it_owns_it(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, own_it, ferry_loop_new()), 0);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED(test_the_wrong_thread_aborts_a_debug_build),
        WATCHED(test_the_thread_that_runs_it_owns_it),
    };
    return cmocka_run_group_tests_name("loop/thread_check", tests, NULL, NULL);
}
