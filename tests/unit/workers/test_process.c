/* Running a program: what becomes of the pipes to it. The rest is shown by exec's tests. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    FIRST_COUNT = STDERR_FILENO + 1,
    INPUT_BYTES = 1 << 20, /* more than a pipe takes */
    PATIENCE_MS = 60000,
};

/* As where the kernel has no memory for one more open file. */
static bool has_no_pidfd;

int __real_pidfd_open(pid_t id, unsigned flags);
int __wrap_pidfd_open(pid_t id, unsigned flags);

int __wrap_pidfd_open(pid_t id, unsigned flags)
{
    errno = ENFILE;
    return has_no_pidfd ? -1 : __real_pidfd_open(id, flags);
}

static int shell(const char *script, size_t input_length, struct process_result *result,
                 ferry_error *error)
{
    const char *const arguments[] = {"sh", "-c", script, NULL};
    const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
    char *input = calloc(1, input_length + 1);
    assert_non_null(input);
    int rc = process_run(
        &(struct process_options){
            .path = "/bin/sh",
            .arguments = (char *const *)arguments,
            .environment = (char *const *)environment,
            .input = input,
            .input_length = input_length,
            .output_limit = 4096,
            .errors_kept = 4096,
            .timeout_ms = PATIENCE_MS,
            .interrupt_fd = -1,
        },
        result, error);
    free(input);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    return rc;
}

/* ---- what the program sees of them ---- */

#define PIPES "pipes=$(for i in 0 1 2; do readlink /proc/$$/fd/$i; done)\n"

/* Those ends here that others could come upon: whoever is started, and whoever writes to standard
 * error. */
#define LOOK                                                                                       \
    PIPES "for fd in /proc/$PPID/fd/*; do\n"                                                       \
          "    n=${fd##*/} pipe=$(readlink $fd) || continue\n"                                     \
          "    case \"$pipes\" in *\"$pipe\"*) ;; *) continue ;; esac\n"                           \
          "    [ $n -gt 2 ] || echo low\n"                                                         \
          "    grep -q 'flags:.*[2367]......$' /proc/$PPID/fdinfo/$n || echo inherited\n"          \
          "done\n"                                                                                 \
          "echo looked"

static void assert_only_looked(struct process_result *result)
{
    assert_int_equal(result->end, PROCESS_EXITED);
    assert_string_equal(bytes_text(&result->errors), "");
    assert_string_equal(bytes_text(&result->output), "looked\n");
    process_result_fini(result);
}

static void its_pipes_are_nobody_elses(void **state)
{
    (void)state;
    struct process_result result;
    assert_int_equal(shell(LOOK, INPUT_BYTES, &result, NULL), 0);
    assert_only_looked(&result);
}

/* Close some of the first descriptors, a bit each. */
static void first_close(unsigned which, int kept[FIRST_COUNT])
{
    for (int i = 0; i < FIRST_COUNT; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, FIRST_COUNT);
        if (which & 1u << i)
            close(i);
    }
}

static void first_restore(const int kept[FIRST_COUNT])
{
    for (int i = 0; i < FIRST_COUNT; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
}

static void so_they_are_where_the_first_descriptors_are_free(void **state)
{
    (void)state;
    for (unsigned which = 1; which < 1u << FIRST_COUNT; which++) {
        int kept[FIRST_COUNT];
        struct process_result result;
        first_close(which, kept);
        int rc = shell(LOOK, INPUT_BYTES, &result, NULL);
        first_restore(kept);
        assert_int_equal(rc, 0);
        assert_only_looked(&result);
    }
}

/* Else the thread that waits for the program would hear of them over and over. */
static void what_the_program_closes_is_closed_here_as_well(void **state)
{
    (void)state;
    struct process_result result;
    const char *script = PIPES "exec </dev/null >/dev/null 2>&1\n"
                               "while ls -l /proc/$PPID/fd | grep -qF \"$pipes\"; do :; done\n"
                               "exit 9";
    assert_int_equal(shell(script, INPUT_BYTES, &result, NULL), 0);
    assert_int_equal(result.end, PROCESS_EXITED);
    assert_int_equal(result.code, 9);
    process_result_fini(&result);
}

/* ---- trouble ---- */

static void a_program_that_cannot_be_watched_does_not_run_on(void **state)
{
    (void)state;
    struct process_result result;
    ferry_error error;
    has_no_pidfd = true;
    assert_int_equal(shell("while :; do :; done", 0, &result, &error), FERRY_TRANSIENT);
    has_no_pidfd = false;
    assert_string_equal(error.message, "cannot watch /bin/sh: Too many open files in system");
    process_result_fini(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_pipes_are_nobody_elses),
        cmocka_unit_test(so_they_are_where_the_first_descriptors_are_free),
        cmocka_unit_test(what_the_program_closes_is_closed_here_as_well),
        cmocka_unit_test(a_program_that_cannot_be_watched_does_not_run_on),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
