/*
 * libevent's messages: what ends the process is in the log first.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ferry/log.h>

#include "support.h"

#include "event_log.h"

static void to_pipe(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)level;
    if (write(*(const int *)arg, line, length) < 0)
        _exit(1);
}

static void nothing(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

/* In libevent's debug mode the use of an event that it does not know is fatal. */
static void misuse_libevent(int out)
{
    const struct rlimit no_core = {0};
    struct event unknown;
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    ferry_log_set_sink(to_pipe, &out);
    event_enable_debug_mode();
    event_log_take();
    event_assign(&unknown, event_base_new(), -1, 0, nothing, NULL);
    event_debug_unassign(&unknown);
    event_add(&unknown, NULL);
    _exit(0);
}

static void a_fatal_error_is_in_the_log_before_the_end(void **state)
{
    (void)state;
    int ends[2], status;
    char text[4096];
    size_t length = 0;
    ssize_t n;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        misuse_libevent(ends[1]);
    close(ends[1]);
    while ((n = read(ends[0], text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)n;
    text[length] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "level=error msg=libevent said="));
    assert_non_null(strstr(text, "non-initialized event"));
    assert_non_null(strstr(text, "libevent cannot go on"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fatal_error_is_in_the_log_before_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
