/* exec, with real programs: what goes in, what comes out, and that nothing stays behind. */
#include "worker_run.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern const ferry_worker ferry_worker_exec;

#define COMMAND(...)                                                                               \
    {                                                                                              \
        .key = "command", .values = {__VA_ARGS__}, .is_list = true                                 \
    }
#define SHELL(script) COMMAND("/bin/sh", "-c", script)

static struct worker_answer call_with(const struct worker_setting *settings,
                                      const struct worker_question *question)
{
    struct worker_run run = worker_run_open(&ferry_worker_exec, settings);
    struct worker_answer answer = worker_run_call(&run, question);
    worker_run_close(&run);
    return answer;
}

static struct worker_answer shell(const char *script, const char *body)
{
    const struct worker_setting settings[] = {SHELL(script), {0}};
    return call_with(settings, &(struct worker_question){.body = body});
}

static size_t open_fd_count(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* This process gets every orphan (see main), so "no child" means: no zombie, no grandchild. */
static void assert_no_child_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static int nothing_left_setup(void **state)
{
    *state = (void *)(uintptr_t)open_fd_count();
    return 0;
}

static int nothing_left_teardown(void **state)
{
    assert_int_equal(open_fd_count(), (size_t)(uintptr_t)*state);
    assert_no_child_left();
    return 0;
}

/* ---- in and out ---- */

static void test_body_in_output_out(void **state)
{
    (void)state;
    assert_answer_text(shell("tr a-z A-Z", "hello"), "HELLO");
    assert_answer_text(shell("cat", ""), "");
}

static void test_five_megabytes_through_cat(void **state)
{
    (void)state;
    enum { SIZE = 5 << 20 };
    char *body = malloc(SIZE);
    assert_non_null(body);
    for (size_t i = 0; i < SIZE; i++)
        body[i] = (char)(i * 7 + i / 4096);
    const struct worker_setting settings[] = {COMMAND("cat"), {0}}; /* by PATH */
    struct worker_answer answer =
        call_with(settings, &(struct worker_question){.body = body, .length = SIZE});
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body.length, SIZE);
    assert_memory_equal(answer.body.data, body, SIZE);
    worker_answer_fini(&answer);
    free(body);
}

static void test_content_type(void **state)
{
    (void)state;
    const struct worker_setting settings[] = {
        COMMAND("/bin/echo", "-n", "{}"),
        {.key = "content_type", .values = {"application/json"}},
        {0}};
    struct worker_answer answer = call_with(settings, &(struct worker_question){0});
    assert_string_equal(answer.content_type, "application/json");
    assert_answer_text(answer, "{}");
    answer = shell("true", "");
    assert_string_equal(answer.content_type, "application/octet-stream");
    assert_answer_text(answer, "");
}

static void test_program_that_does_not_read_its_input(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *body = calloc(1, SIZE);
    assert_non_null(body);
    const struct worker_setting settings[] = {SHELL("exec <&-; echo fine"), {0}};
    assert_answer_text(call_with(settings, &(struct worker_question){.body = body, .length = SIZE}),
                       "fine\n");
    free(body);
}

static void test_output_after_closing_both_ends(void **state)
{
    (void)state;
    /* It goes on after closing its output; its exit code still counts. */
    assert_answer_failed(shell("exec >&- 2>&- <&-; exit 9", ""), FERRY_TRANSIENT, "exit code 9");
}

static void test_environment_is_small_and_named(void **state)
{
    (void)state;
    setenv("SECRET_TOKEN", "do not hand on", 1);
    setenv("WANTED", "from the server", 1);
    setenv("LANG", "C", 1);
    const struct worker_setting settings[] = {
        COMMAND("/usr/bin/env"),
        {.key = "params", .values = {"size", "missing"}, .is_list = true},
        {.key = "env",
         .values = {"WANTED", "ABSENT", "MODE=fast", "LANG=de", "PATHS=other"},
         .is_list = true},
        {0},
    };
    struct worker_answer answer = call_with(
        settings, &(struct worker_question){.params = {"size", "64 $(id)", "LD_PRELOAD", "x"},
                                            .content_type = "text/plain",
                                            .delivery_id = "d1",
                                            .attempt = 3});
    assert_int_equal(answer.status, 200);
    const char *text = bytes_text(&answer.body);
    assert_non_null(strstr(text, "PATH="));
    assert_non_null(strstr(text, "FERRY_METHOD=POST\n"));
    assert_non_null(strstr(text, "FERRY_DELIVERY_ID=d1\n"));
    assert_non_null(strstr(text, "FERRY_ATTEMPT=3\n"));
    assert_non_null(strstr(text, "FERRY_CONTENT_TYPE=text/plain\n"));
    assert_non_null(strstr(text, "FERRY_PARAM_size=64 $(id)\n"));
    assert_non_null(strstr(text, "WANTED=from the server\n"));
    assert_non_null(strstr(text, "MODE=fast\n"));
    assert_non_null(strstr(text, "LANG=de\n"));
    assert_null(strstr(text, "LANG=C\n"));
    assert_null(strstr(text, "SECRET"));
    assert_null(strstr(text, "LD_PRELOAD"));
    assert_null(strstr(text, "missing"));
    worker_answer_fini(&answer);
}

static void test_signals_and_descriptors_are_as_new(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* as the server does; the program must not inherit it */
    int leaked = dup(1);      /* not O_CLOEXEC */
    assert_true(leaked > 2);
    struct worker_answer answer =
        shell("grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd", "");
    close(leaked);
    signal(SIGPIPE, SIG_DFL);
    unsigned long long blocked, ignored;
    int end = 0;
    const char *text = bytes_text(&answer.body);
    assert_int_equal(sscanf(text, "SigBlk: %llx SigIgn: %llx %n", &blocked, &ignored, &end), 2);
    assert_int_equal(blocked, 0);
    assert_int_equal(ignored & 0x7FFFFFFF, 0);       /* 32 and 33 are libc's own */
    assert_string_equal(text + end, "0\n1\n2\n3\n"); /* 3 is the folder that ls reads */
    worker_answer_fini(&answer);
}

/* ---- failures ---- */

static void test_exit_code_and_the_end_of_stderr(void **state)
{
    (void)state;
    assert_answer_failed(shell("echo 'no such user: ann' >&2; exit 3", ""), FERRY_TRANSIENT,
                         "exit code 3: no such user: ann");
    assert_answer_failed(shell("exit 1", ""), FERRY_TRANSIENT, "exit code 1");
    assert_answer_failed(shell("kill -TERM $$", ""), FERRY_TRANSIENT, "ended by signal 15");
}

static void test_an_exit_code_that_is_named_is_no_failure_that_passes(void **state)
{
    (void)state;
    const struct worker_setting settings[] = {
        SHELL("read -r code; echo why >&2; exit $code"),
        {.key = "permanent", .values = {"2", "255"}, .is_list = true},
        {0},
    };
    struct worker_run run = worker_run_open(&ferry_worker_exec, settings);
    struct worker_question ask = {.body = "2\n"};
    assert_answer_failed(worker_run_call(&run, &ask), FERRY_UNPROCESSABLE, "exit code 2: why");
    ask.body = "255\n";
    assert_answer_failed(worker_run_call(&run, &ask), FERRY_UNPROCESSABLE, "exit code 255: why");
    ask.body = "3\n";
    assert_answer_failed(worker_run_call(&run, &ask), FERRY_TRANSIENT, "exit code 3: why");
    worker_run_close(&run);

    const struct worker_setting killed[] = {
        SHELL("kill -KILL $$"), {.key = "permanent", .values = {"9"}}, {0}};
    assert_answer_failed(call_with(killed, &(struct worker_question){0}), FERRY_TRANSIENT,
                         "signal 9"); /* a signal is no exit code */
}

static void test_only_the_end_of_stderr_is_kept(void **state)
{
    (void)state;
    struct worker_answer answer =
        shell("i=0; while [ $i -lt 3000 ]; do echo \"line $i\" >&2; i=$((i+1)); done; exit 1", "");
    assert_null(strstr(answer.message, "line 1 "));
    assert_answer_failed(answer, FERRY_TRANSIENT, "line 2999");

    const struct worker_setting settings[] = {
        SHELL("echo 0123456789 >&2; exit 1"), {.key = "stderr_limit", .values = {"4"}}, {0}};
    answer = call_with(settings, &(struct worker_question){0});
    assert_string_equal(answer.message, "exit code 1: 789");
    worker_answer_fini(&answer);
}

/* A message is one line, and whole characters. */
static void test_what_is_shown_of_stderr_is_text(void **state)
{
    (void)state;
    struct worker_answer answer = shell("printf 'a\\tb\\033[31m\\nc\\n' >&2; exit 1", "");
    assert_string_equal(answer.message, "exit code 1: a b [31m c");
    worker_answer_fini(&answer);
    answer = shell(
        "i=0; while [ $i -lt 100 ]; do printf '\\303\\244'; i=$((i+1)); done >&2; printf . >&2; "
        "exit 1",
        "");
    const char *start = strstr(answer.message, "...");
    assert_non_null(start);
    assert_memory_equal(start + 3, "\303\244", 2);
    worker_answer_fini(&answer);
}

static void test_output_up_to_the_limit(void **state)
{
    (void)state;
    const struct worker_setting at[] = {
        SHELL("printf 12345"), {.key = "stdout_limit", .values = {"5"}}, {0}};
    assert_answer_text(call_with(at, &(struct worker_question){0}), "12345");
    const struct worker_setting past[] = {
        SHELL("printf 123456"), {.key = "stdout_limit", .values = {"5"}}, {0}};
    assert_answer_failed(call_with(past, &(struct worker_question){0}), FERRY_INTERNAL,
                         "more than stdout_limit, 5 bytes");
    /* And one that never stops. */
    const struct worker_setting endless[] = {
        COMMAND("yes"), {.key = "stdout_limit", .values = {"100KiB"}}, {0}};
    assert_answer_failed(call_with(endless, &(struct worker_question){0}), FERRY_INTERNAL,
                         "more than stdout_limit");
}

/* Some libraries ignore SIGCHLD: then the kernel forgets how a program ended. */
static void test_nothing_runs_whose_end_would_not_be_seen(void **state)
{
    (void)state;
    const struct sigaction flagged = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    const struct sigaction ignored = {.sa_handler = SIG_IGN};
    struct sigaction before;
    sigaction(SIGCHLD, &ignored, &before);
    assert_answer_failed(shell("exit 0", ""), FERRY_TRANSIENT, "SIGCHLD");
    sigaction(SIGCHLD, &flagged, NULL);
    assert_answer_failed(shell("exit 0", ""), FERRY_TRANSIENT, "SIGCHLD");
    sigaction(SIGCHLD, &before, NULL);
    assert_answer_text(shell("cat", "again"), "again");
}

static void test_program_that_went_away(void **state)
{
    (void)state;
    char path[] = "/tmp/ferry-exec-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0700), 0);
    close(fd);
    const struct worker_setting settings[] = {COMMAND(path), {0}};
    struct worker_run run = worker_run_open(&ferry_worker_exec, settings);
    unlink(path);
    assert_answer_failed(worker_run_call(&run, &(struct worker_question){0}), FERRY_TRANSIENT,
                         "No such file");
    worker_run_close(&run);
}

/* ---- the deadline, the cancel, and what must not stay ---- */

/* A family that ignores every polite signal. */
#define STUBBORN                                                                                   \
    "trap '' TERM HUP INT; (trap '' TERM HUP INT; while :; do read -r x <>\"$FIFO\"; done) & "     \
    ": >\"$MARK\"; while :; do read -r x <>\"$FIFO\"; done"

/* Two files for a script: a mark that it sets when it is up, and a pipe that never has data. */
struct scene {
    char folder[32];
    char mark[48], fifo[48];
    char mark_variable[64], fifo_variable[64];
};

static void scene_init(struct scene *scene)
{
    snprintf(scene->folder, sizeof scene->folder, "/tmp/ferry-exec-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->mark, sizeof scene->mark, "%s/mark", scene->folder);
    snprintf(scene->fifo, sizeof scene->fifo, "%s/fifo", scene->folder);
    snprintf(scene->mark_variable, sizeof scene->mark_variable, "MARK=%s", scene->mark);
    snprintf(scene->fifo_variable, sizeof scene->fifo_variable, "FIFO=%s", scene->fifo);
    assert_int_equal(mkfifo(scene->fifo, 0600), 0);
}

static void scene_fini(struct scene *scene)
{
    unlink(scene->mark);
    unlink(scene->fifo);
    assert_int_equal(rmdir(scene->folder), 0);
}

static bool is_marked(void *arg)
{
    return access(((struct scene *)arg)->mark, F_OK) == 0;
}

static void test_deadline_kills_the_whole_group(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    const struct worker_setting settings[] = {
        SHELL(STUBBORN),
        {.key = "env", .values = {scene.mark_variable, scene.fifo_variable}, .is_list = true},
        {0},
    };
    struct worker_question question = {.timeout_ms = 300};
    assert_answer_failed(call_with(settings, &question), FERRY_DEADLINE, "deadline");
    assert_no_child_left();
    unlink(scene.mark);
    scene_fini(&scene);
}

static void test_cancel_kills_the_whole_group(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    const struct worker_setting settings[] = {
        SHELL(STUBBORN),
        {.key = "env", .values = {scene.mark_variable, scene.fifo_variable}, .is_list = true},
        {0},
    };
    struct worker_question question = {.cancel_when = is_marked, .arg = &scene};
    struct worker_answer answer = call_with(settings, &question);
    assert_true(answer.was_cancelled);
    assert_answer_failed(answer, FERRY_CANCELLED, "killed");
    assert_no_child_left();
    scene_fini(&scene);
}

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

static void test_cancel_at_any_moment(void **state)
{
    (void)state;
    const struct worker_setting settings[] = {COMMAND("cat"), {0}};
    struct worker_run run = worker_run_open(&ferry_worker_exec, settings);
    for (int i = 0; i < 50; i++) {
        struct worker_question question = {.body = "x", .cancel_when = at_once};
        struct worker_answer answer = worker_run_call(&run, &question);
        if (answer.code)
            assert_answer_failed(answer, FERRY_CANCELLED, "");
        else
            assert_answer_text(answer, "x");
    }
    worker_run_close(&run);
}

static void test_what_it_left_in_the_background_is_killed(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    const struct worker_setting settings[] = {
        SHELL("(trap '' TERM HUP; read -r x <>\"$FIFO\") & echo started"),
        {.key = "env", .values = {scene.fifo_variable}, .is_list = true},
        {0},
    };
    /* The one in the background holds stdout open: the answer does not wait for it. */
    assert_answer_text(call_with(settings, &(struct worker_question){0}), "started\n");
    assert_no_child_left();
    scene_fini(&scene);
}

static void test_one_in_a_session_of_its_own_is_not_waited_for(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    const struct worker_setting settings[] = {
        SHELL("setsid sh -c 'echo $$; : >\"$MARK\"; read -r x <>\"$FIFO\"' & "
              "until [ -e \"$MARK\" ]; do :; done"),
        {.key = "env", .values = {scene.mark_variable, scene.fifo_variable}, .is_list = true},
        {0},
    };
    struct worker_answer answer = call_with(settings, &(struct worker_question){0});
    assert_int_equal(answer.status, 200);
    pid_t stranger = (pid_t)atoi(bytes_text(&answer.body));
    worker_answer_fini(&answer);
    assert_true(stranger > 1);
    assert_int_equal(kill(stranger, SIGKILL), 0); /* it lives: it left the group by its own will */
    assert_int_equal(waitpid(stranger, NULL, 0), stranger);
    scene_fini(&scene);
}

/* ---- settings ---- */

static void test_settings_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct worker_setting settings[3];
        const char *key, *part;
    } cases[] = {
        {{{0}}, "command", "missing"},
        {{COMMAND("/nonexistent/program")}, "command", "No such file"},
        {{COMMAND("/etc/passwd")}, "command", "not an executable file"},
        {{COMMAND("/tmp")}, "command", "not an executable file"},
        {{COMMAND("no-such-program-anywhere")}, "command", "in PATH"},
        {{COMMAND("wc -c")}, "command", "in PATH; write a list"},
        {{COMMAND("/usr/bin/wc -c")}, "command", "No such file or directory; write a list"},
        {{COMMAND("cat"), {.key = "stdout_limit", .values = {"lots"}}}, "stdout_limit", ""},
        {{COMMAND("cat"), {.key = "env", .values = {"=x"}}}, "env", "\"=x\""},
        {{COMMAND("cat"), {.key = "params", .values = {"a-b"}}}, "params", "\"a-b\""},
        {{COMMAND("cat"), {.key = "permanent", .values = {"0"}}}, "permanent", "\"0\""},
        {{COMMAND("cat"), {.key = "permanent", .values = {"256"}}}, "permanent", "1 to 255"},
        {{COMMAND("cat"), {.key = "permanent", .values = {"2x"}}}, "permanent", "\"2x\""},
        {{COMMAND("cat"), {.key = "permanent", .values = {""}}}, "permanent", "\"\""},
        {{COMMAND("cat"), {.key = "shell", .values = {"true"}}}, "shell", "unknown key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_settings_refused(&ferry_worker_exec, cases[i].settings, cases[i].key, cases[i].part);
}

#define EXEC_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, nothing_left_setup, nothing_left_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXEC_TEST(test_body_in_output_out),
        EXEC_TEST(test_five_megabytes_through_cat),
        EXEC_TEST(test_content_type),
        EXEC_TEST(test_program_that_does_not_read_its_input),
        EXEC_TEST(test_output_after_closing_both_ends),
        EXEC_TEST(test_environment_is_small_and_named),
        EXEC_TEST(test_signals_and_descriptors_are_as_new),
        EXEC_TEST(test_exit_code_and_the_end_of_stderr),
        EXEC_TEST(test_an_exit_code_that_is_named_is_no_failure_that_passes),
        EXEC_TEST(test_only_the_end_of_stderr_is_kept),
        EXEC_TEST(test_what_is_shown_of_stderr_is_text),
        EXEC_TEST(test_output_up_to_the_limit),
        EXEC_TEST(test_nothing_runs_whose_end_would_not_be_seen),
        EXEC_TEST(test_program_that_went_away),
        EXEC_TEST(test_deadline_kills_the_whole_group),
        EXEC_TEST(test_cancel_kills_the_whole_group),
        EXEC_TEST(test_cancel_at_any_moment),
        EXEC_TEST(test_what_it_left_in_the_background_is_killed),
        EXEC_TEST(test_one_in_a_session_of_its_own_is_not_waited_for),
        EXEC_TEST(test_settings_that_are_refused),
    };
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
