/* Standard error that nobody reads: no line waits, what is lost is counted, and then told. */
#include "log_stderr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ferry/log.h>

#include "support.h"

enum { LINES = 5000, TEXT_BYTES = 4 << 20 };

static int reader, real_stderr;

/* From here on standard error is the end of a pipe or a socket that this reads the other end of. */
static void replace_stderr(const int ends[2])
{
    reader = ends[0];
    fcntl(reader, F_SETFL, O_NONBLOCK);
    real_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    ferry_log_set_sink(ferry_log_to_stderr, NULL);
    ferry_log_set_format(FERRY_LOG_LOGFMT);
}

static void restore_stderr(void)
{
    ferry_log_set_sink(NULL, NULL);
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    log_stderr_open();
    if (reader >= 0)
        close(reader);
}

/* All that is there to read, ended by a NUL. */
static char *drain(void)
{
    char *text = calloc(1, TEXT_BYTES);
    size_t length = 0;
    ssize_t n;
    while ((n = read(reader, text + length, TEXT_BYTES - 1 - length)) > 0)
        length += (size_t)n;
    return text;
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

/* More lines than fit, none of which is read: each is there whole, or counted, and told of. */
static void fill_and_look(void)
{
    uint64_t before = log_stderr_dropped();
    for (int i = 0; i < LINES; i++)
        ferry_log(FERRY_LOG_INFO, "filler", "text=%s end=here", "some words of no importance");
    uint64_t dropped = log_stderr_dropped() - before;
    assert_true(dropped > 0);
    char *text = drain();
    assert_int_equal(count_of(text, "msg=filler"), LINES - dropped);
    assert_int_equal(count_of(text, "end=here\n"), LINES - dropped);
    free(text);
    ferry_log(FERRY_LOG_INFO, "again", NULL);
    ferry_log(FERRY_LOG_INFO, "and again", NULL);
    char told[64];
    snprintf(told, sizeof told, "msg=\"log lines were dropped\" count=%llu ",
             (unsigned long long)dropped);
    text = drain();
    assert_int_equal(count_of(text, told), 1);
    assert_int_equal(count_of(text, "were dropped"), 1);
    assert_int_equal(count_of(text, "again"), 2);
    free(text);
}

static void a_full_pipe_holds_nobody_up(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    replace_stderr(ends);
    fill_and_look();
    restore_stderr();
}

static void a_full_pipe_that_is_opened_anew_stays_as_it_was_for_others(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    replace_stderr(ends);
    log_stderr_open();
    fill_and_look();
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
    restore_stderr();
}

static void a_full_socket_holds_nobody_up(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    replace_stderr(ends);
    log_stderr_open();
    fill_and_look();
    restore_stderr();
}

static void without_a_reader_lines_are_dropped(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    replace_stderr(ends);
    log_stderr_open();
    close(reader);
    reader = -1;
    uint64_t before = log_stderr_dropped();
    errno = 0;
    ferry_log(FERRY_LOG_INFO, "nobody reads this", NULL);
    assert_int_equal(errno, 0);
    assert_int_equal(log_stderr_dropped(), before + 1);
    restore_stderr();
}

/* What a line at a level looks like when the environment names this socket as the journal's, or the
 * number after it. The caller's to free. */
static char *line_to_journal(ferry_log_level level, bool is_named)
{
    int ends[2];
    struct stat status;
    char name[64];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(fstat(ends[1], &status), 0);
    snprintf(name, sizeof name, "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino + (is_named ? 0 : 1));
    setenv("JOURNAL_STREAM", name, 1);
    replace_stderr(ends);
    log_stderr_open();
    ferry_log(level, "said", NULL);
    char *text = drain();
    unsetenv("JOURNAL_STREAM");
    restore_stderr();
    return text;
}

static void the_journal_gets_each_line_with_its_priority(void **state)
{
    (void)state;
    static const struct {
        ferry_log_level level;
        const char *start;
    } cases[] = {
        {FERRY_LOG_INFO, "<6>ts="}, {FERRY_LOG_WARN, "<4>ts="}, {FERRY_LOG_ERROR, "<3>ts="}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = line_to_journal(cases[i].level, true);
        assert_memory_equal(text, cases[i].start, strlen(cases[i].start));
        assert_non_null(strstr(text, "msg=said\n"));
        free(text);
    }
}

static void whoever_is_not_the_journal_gets_none(void **state)
{
    (void)state;
    char *text = line_to_journal(FERRY_LOG_WARN, false);
    assert_memory_equal(text, "ts=", 3);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_pipe_holds_nobody_up),
        cmocka_unit_test(a_full_pipe_that_is_opened_anew_stays_as_it_was_for_others),
        cmocka_unit_test(a_full_socket_holds_nobody_up),
        cmocka_unit_test(without_a_reader_lines_are_dropped),
        cmocka_unit_test(the_journal_gets_each_line_with_its_priority),
        cmocka_unit_test(whoever_is_not_the_journal_gets_none),
    };
    return cmocka_run_group_tests_name("base/log_stderr", tests, NULL, NULL);
}
