/* A plug-in whose calls do what they are asked: mostly what no call should. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ferry/log.h>
#include <ferry/worker.h>
#include <inttypes.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct settings {
    const char *word;
    const char *const *list;
    const char *inner;
};

static int open_settings(ferry_settings *settings, void **state, ferry_error *error)
{
    (void)error;
    struct settings *mine = malloc(sizeof *mine);
    ferry_log(FERRY_LOG_WARN, "it opens", NULL);
    mine->word = ferry_settings_string(settings, "word", "none");
    mine->list = ferry_settings_list(settings, "list");
    mine->inner = ferry_settings_string(settings, "map.inner", "none");
    *state = mine;
    return 0;
}

static int open_thread(void *state, void **thread_state, ferry_error *error)
{
    if (access("refuse", F_OK) == 0) /* in the folder where the server runs */
        return ferry_error_set(error, FERRY_TRANSIENT, "no connection");
    *thread_state = state;
    return 0;
}

static void close_thread(void *state)
{
    (void)state;
    close(open("closed", O_CREAT | O_WRONLY, 0600));
}

static int tell(ferry_call *call, const struct settings *settings)
{
    size_t length;
    const char *memory = ferry_call_remembered(call, &length);
    ferry_call_reply_header(call, "x-worker", "wild");
    return ferry_call_reply_json(
        call, 200,
        "{\"pid\": %d, \"method\": \"%s\", \"id\": \"%s\", \"header\": \"%s\", \"word\": \"%s\","
        " \"list\": \"%s,%s\", \"inner\": \"%s\", \"attempt\": %u, \"has_deadline\": %s,"
        " \"memory\": \"%s\", \"delivery_id\": %zu}",
        (int)getpid(), ferry_call_method(call), ferry_call_param(call, "id"),
        ferry_call_header(call, "x-from"), settings->word, settings->list[0], settings->list[1],
        settings->inner, ferry_call_attempt(call),
        ferry_call_time_left_ms(call) <= 60000 ? "true" : "false", memory ? memory : "",
        strlen(ferry_call_delivery_id(call)));
}

/* Go on when a file says so: whoever watches can see first what it wants to see. */
static void wait_for(const char *file)
{
    while (access(file, F_OK) < 0)
        usleep(1000);
}

static int find_socket(void)
{
    int type;
    socklen_t size = sizeof type;
    for (int fd = 3; fd < 64; fd++)
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM)
            return fd;
    return -1;
}

static char said[1 << 18];
static size_t said_length;

static void put(const void *data, int64_t length)
{
    memcpy(said + said_length, data, (size_t)length);
    said_length += (size_t)length;
}

static void put_number(int64_t number)
{
    put(&number, sizeof number);
}

static void put_text(const char *text)
{
    put_number((int64_t)strlen(text));
    put(text, (int64_t)strlen(text) + 1);
}

/* A progress of 64 bytes. */
static void put_progress(void)
{
    double fraction = 0.5;
    put_number(55);
    put("p", 1);
    put_number(sizeof fraction);
    put(&fraction, sizeof fraction);
    put("", 1);
    put_text("twenty-nine bytes are in this");
}

static void put_answer(void)
{
    size_t begin = said_length;
    put_number(0);
    put("a", 1);
    put_number(0), put_text(""), put_number(200), put_text("text/plain");
    put_text("said by hand"), put_text("");
    put_number(0), put_text(""), put_number(0), put_number(0);
    int64_t length = (int64_t)(said_length - begin) - 9;
    memcpy(said + begin, &length, sizeof length);
}

static void say(int fd)
{
    (void)!write(fd, said, said_length);
}

static void sleep_for_ever(int number)
{
    (void)number;
    for (;;)
        pause();
}

/* What is said now is read at once later. */
static void stop_the_server(void)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)getppid());
    kill(getppid(), SIGSTOP);
    while (state != 'T') {
        FILE *file = fopen(path, "r");
        (void)!fscanf(file, "%*s %*s %c", &state);
        fclose(file);
    }
}

/* An answer that is not said by ferry's own loop, which hangs, or is of no use: too often, without
 * reading, or as the last. */
static void answer_by_hand(const char *what)
{
    int fd = find_socket(), unread = 0;
    if (strcmp(what, "twice") == 0) {
        put_answer();
        put_answer();
    } else if (strcmp(what, "unread") == 0 || strcmp(what, "shut") == 0) {
        signal(SIGUSR1, sleep_for_ever);
        syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
        put_answer();
        say(fd);
        if (strcmp(what, "shut") == 0) {
            shutdown(fd, SHUT_RDWR);
            close(open("is shut", O_CREAT | O_WRONLY, 0600));
            sleep_for_ever(0);
        }
        while (ioctl(fd, FIONREAD, &unread) == 0 && unread == 0) /* of the next call */
            usleep(1000);
    } else {
        for (int i = 0; i < 2048; i++)
            put_progress();
        put_answer();
        stop_the_server();
        say(fd);
        raise(SIGKILL);
    }
    say(fd);
    sleep_for_ever(0);
}

/* All that a process has of its own, and that a library may change. */
static void change_everything(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_IGN);
    setlocale(LC_ALL, "");
    umask(0777);
    (void)!chdir("/");
    for (int fd = 0; fd < 3; fd++)
        close(fd);
}

static int run(ferry_call *call, void *settings)
{
    const char *what = ferry_call_param(call, "do");
    size_t length;
    const char *body = ferry_call_body(call, &length);
    if (!what)
        return tell(call, settings);
    if (strcmp(what, "echo") == 0)
        return ferry_call_reply(call, 200, "application/octet-stream", body, length);
    if (strcmp(what, "null") == 0)
        *(volatile int *)NULL = 1;
    if (strcmp(what, "die") == 0)
        raise(SIGKILL);
    if (strcmp(what, "exit") == 0)
        _exit(7);
    if (strcmp(what, "close") == 0)
        close_range(0, ~0U, 0);
    if (strcmp(what, "change") == 0)
        change_everything();
    if (strcmp(what, "twins") == 0) /* both return */
        (void)!fork();
    if (strcmp(what, "move") == 0 && chdir("/") < 0)
        return ferry_call_fail(call, FERRY_INTERNAL, "it stays here");
    if (strcmp(what, "wait") == 0 && ferry_call_wait(call, 600000) < 0)
        return ferry_call_fail(call, FERRY_CANCELLED, "told to end");
    if (strcmp(what, "hang") == 0)
        for (;;)
            pause();
    if (strcmp(what, "babble") == 0) {
        for (int fd = 3; fd < 16; fd++)
            (void)!write(fd, "this is no message", 18);
        for (;;)
            pause();
    }
    if (strcmp(what, "twice") == 0 || strcmp(what, "unread") == 0 || strcmp(what, "shut") == 0 ||
        strcmp(what, "last") == 0)
        answer_by_hand(what);
    if (strcmp(what, "fork") == 0 && fork() > 0) { /* what it started keeps all descriptors */
        raise(SIGKILL);
    } else if (strcmp(what, "fork") == 0) {
        for (;;)
            pause();
    }
    if (strcmp(what, "step") == 0) {
        ferry_call_progress(call, 0.5, "half of it");
        wait_for("go");
    }
    if (strcmp(what, "later") == 0 && ferry_call_attempt(call) == 1) {
        ferry_call_remember(call, "sent one", 8);
        ferry_call_retry_after(call, 1);
        return ferry_call_fail(call, FERRY_TRANSIENT, "not yet");
    }
    ferry_log(FERRY_LOG_INFO, "a line of its own", "what=%s", what);
    return tell(call, settings);
}

FERRY_WORKER(wild, .open = open_settings, .close = free, .thread_open = open_thread,
             .thread_close = close_thread, .run = run)
