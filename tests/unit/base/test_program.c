/* Programs: what they get, and how their ends are told. */
#include "program.h"

#include <errno.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* Start a line of shell, with these descriptors. */
static pid_t start(const char *line, const int *fds, size_t count)
{
    char *arguments[] = {(char *)"sh", (char *)"-c", (char *)line, NULL};
    char *environment[] = {NULL};
    pid_t id = 0;
    assert_int_equal(program_start(&id, &(struct program_options){.path = "/bin/sh",
                                                                  .arguments = arguments,
                                                                  .environment = environment,
                                                                  .fds = fds,
                                                                  .fd_count = count}),
                     0);
    return id;
}

static void test_an_exit_code_and_a_signal_are_told_apart(void **state)
{
    (void)state;
    static const int fds[] = {0, 1, 2};
    int code;
    assert_true(program_reap(start("exit 7", fds, 3), &code));
    assert_int_equal(code, 7);
    assert_false(program_reap(start("kill -TERM $$", fds, 3), &code));
    assert_int_equal(code, SIGTERM);
}

static void test_it_gets_the_descriptors_it_is_given_and_no_others(void **state)
{
    (void)state;
    int ends[2], code;
    assert_int_equal(pipe(ends), 0); /* not O_CLOEXEC: as a library forgets it */
    int high = fcntl(ends[1], F_DUPFD, 50);
    const int fds[] = {0, high, 2};
    pid_t id = start("test ! -e /proc/self/fd/50 && echo here", fds, 3);
    assert_true(program_reap(id, &code));
    assert_int_equal(code, 0);
    char text[8] = "";
    assert_int_equal(read(ends[0], text, sizeof text), 5);
    assert_string_equal(text, "here\n");
    close(high);
    close(ends[0]);
    close(ends[1]);
}

static void test_its_signals_are_as_at_the_beginning(void **state)
{
    (void)state;
    static const int fds[] = {0, 1, 2};
    sigset_t term;
    int code;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    signal(SIGTERM, SIG_IGN);
    assert_false(program_reap(start("kill -TERM $$; exit 0", fds, 3), &code));
    assert_int_equal(code, SIGTERM);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &term, NULL);
}

static void test_its_whole_group_is_killed(void **state)
{
    (void)state;
    int ends[2], code;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const int fds[] = {0, ends[1], 2};
    pid_t id = start("sleep 3600 & echo; wait", fds, 3);
    close(ends[1]);
    char line;
    assert_int_equal(read(ends[0], &line, 1), 1);
    program_kill(id);
    assert_false(program_reap(id, &code));
    assert_int_equal(code, SIGKILL);
    assert_int_equal(read(ends[0], &line, 1), 0); /* nobody holds the other end any more */
    close(ends[0]);
}

/* A thread, which stands for the process that it would be the only one of. */
static void *start_and_end(void *arg)
{
    static const int fds[] = {0, 1, 2};
    pid_t *id = arg;
    *id = start("exec sleep 3600", fds, 3);
    return NULL;
}

static void test_the_kernel_kills_it_with_who_has_started_it(void **state)
{
    (void)state;
    pthread_t thread;
    pid_t id;
    int code;
    assert_int_equal(pthread_create(&thread, NULL, start_and_end, &id), 0);
    pthread_join(thread, NULL);
    assert_false(program_reap(id, &code));
    assert_int_equal(code, SIGKILL);
}

static void test_a_start_leaves_no_descriptor_and_no_child(void **state)
{
    (void)state;
    static const int fds[] = {0, 1, 2}, none[] = {0, 1, 1000};
    char *nothing[] = {NULL};
    int before = dup(0), code;
    pid_t id;
    close(before);
    program_reap(start("exit 0", fds, 3), &code);
    struct program_options options = {.path = "/nonexistent",
                                      .arguments = nothing,
                                      .environment = nothing,
                                      .fds = fds,
                                      .fd_count = 3};
    assert_int_equal(program_start(&id, &options), ENOENT);
    options.fds = none;
    assert_int_equal(program_start(&id, &options), EBADF);
    int after = dup(0);
    close(after);
    assert_int_equal(after, before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_an_end_that_nobody_would_see_is_known_before(void **state)
{
    (void)state;
    assert_true(program_ends_show());
    signal(SIGCHLD, SIG_IGN);
    assert_false(program_ends_show());
    signal(SIGCHLD, SIG_DFL);
}

static void test_what_cannot_be_started_is_told(void **state)
{
    (void)state;
    static const int fds[] = {0, 1, 2};
    char *nothing[] = {NULL};
    pid_t id;
    assert_int_equal(program_start(&id, &(struct program_options){.path = "/nonexistent",
                                                                  .arguments = nothing,
                                                                  .environment = nothing,
                                                                  .fds = fds,
                                                                  .fd_count = 3}),
                     ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_exit_code_and_a_signal_are_told_apart),
        cmocka_unit_test(test_it_gets_the_descriptors_it_is_given_and_no_others),
        cmocka_unit_test(test_its_signals_are_as_at_the_beginning),
        cmocka_unit_test(test_its_whole_group_is_killed),
        cmocka_unit_test(test_the_kernel_kills_it_with_who_has_started_it),
        cmocka_unit_test(test_a_start_leaves_no_descriptor_and_no_child),
        cmocka_unit_test(test_an_end_that_nobody_would_see_is_known_before),
        cmocka_unit_test(test_what_cannot_be_started_is_told),
    };
    return cmocka_run_group_tests_name("base/program", tests, NULL, NULL);
}
