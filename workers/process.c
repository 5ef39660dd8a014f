/*
 * Running a program to its end.
 *
 * All of a run belongs to the thread that called process_run. Its end of each pipe does not block;
 * one poll loop feeds the program, collects what it says, and watches for its end (a pidfd), for
 * the interrupt, and for the deadline.
 *
 * Order at the end. The group is killed before its head is reaped: until then the group's number
 * cannot be taken by anybody else. What the program wrote before its end is in the pipes by then,
 * and is read without waiting: a stranger that holds the other end open cannot make us wait.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "clock.h"
#include "program.h"

enum { CHUNK_BYTES = 65536 };

/* Our ends of the pipes, in the order of the program's descriptors. */
enum { IN, OUT, ERR, PIPE_COUNT };

struct process {
    const struct process_options *options;
    struct process_result *result;
    pid_t id; /* and its group's */
    int id_fd;
    int ours[PIPE_COUNT];   /* -1: closed */
    int theirs[PIPE_COUNT]; /* -1: closed; open until the program has started */
    size_t written;         /* of the input */
    int64_t until_ms;       /* monotonic; INT64_MAX: no deadline */
};

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- start ---- */

/* Make the end of a pipe stay clear of 0, 1 and 2, which the program's own ends are moved to. */
static bool fd_lift(int *fd)
{
    if (*fd > STDERR_FILENO)
        return true;
    int lifted = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    fd_close(fd);
    *fd = lifted;
    return lifted >= 0;
}

static bool process_open_pipes(struct process *process)
{
    for (int i = 0; i < PIPE_COUNT; i++) {
        int ends[2]; /* to read from, to write to */
        if (pipe2(ends, O_CLOEXEC) < 0)
            return false;
        process->ours[i] = ends[i == IN];
        process->theirs[i] = ends[i != IN];
        if (!fd_lift(&process->ours[i]) || !fd_lift(&process->theirs[i]) ||
            fcntl(process->ours[i], F_SETFL, O_NONBLOCK) < 0)
            return false;
    }
    return true;
}

static int process_spawn(struct process *process)
{
    return program_start(&process->id, &(struct program_options){
                                           .path = process->options->path,
                                           .arguments = process->options->arguments,
                                           .environment = process->options->environment,
                                           .fds = process->theirs,
                                           .fd_count = PIPE_COUNT,
                                       });
}

/* ---- end ---- */

static void process_reap(struct process *process)
{
    bool has_exited = program_reap(process->id, &process->result->code);
    process->result->end = has_exited ? PROCESS_EXITED : PROCESS_SIGNALLED;
}

/* ---- in between ---- */

static void process_feed(struct process *process)
{
    const struct process_options *options = process->options;
    ssize_t n = 0;
    if (process->written < options->input_length)
        n = write(process->ours[IN], (const char *)options->input + process->written,
                  options->input_length - process->written);
    if (n > 0)
        process->written += (size_t)n;
    bool stays = n < 0 ? errno == EAGAIN || errno == EINTR : true;
    /* A program may close its input early (EPIPE): it knows what it needs. */
    if (!stays || process->written == options->input_length)
        fd_close(&process->ours[IN]);
}

/* Read once. Returns how much, 0 when there is nothing (more) to be had now. */
static size_t process_read(struct process *process, int which, char *chunk)
{
    if (process->ours[which] < 0)
        return 0;
    ssize_t n;
    do {
        n = read(process->ours[which], chunk, CHUNK_BYTES);
    } while (n < 0 && errno == EINTR);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        fd_close(&process->ours[which]);
    return n > 0 ? (size_t)n : 0;
}

/* Returns PROCESS_EXITED while all is well. */
static enum process_end process_collect_output(struct process *process, char *chunk, size_t *n)
{
    struct bytes *output = &process->result->output;
    *n = process_read(process, OUT, chunk);
    if (output->length + *n > process->options->output_limit)
        return PROCESS_SAID_TOO_MUCH;
    bytes_append(output, chunk, *n);
    return output->failed ? PROCESS_OUT_OF_MEMORY : PROCESS_EXITED;
}

static void errors_trim(struct bytes *errors, size_t kept)
{
    if (errors->length <= kept)
        return;
    memmove(errors->data, errors->data + errors->length - kept, kept);
    errors->length = kept;
    errors->data[kept] = '\0';
}

static size_t process_collect_errors(struct process *process, char *chunk)
{
    struct bytes *errors = &process->result->errors;
    size_t n = process_read(process, ERR, chunk);
    bytes_append(errors, chunk, n);
    errors_trim(errors, process->options->errors_kept);
    return n;
}

/* After the end: take what is in the pipes, and wait for nothing. */
static enum process_end process_drain(struct process *process, char *chunk)
{
    enum process_end end = PROCESS_EXITED;
    size_t n = 1;
    while (n > 0 && end == PROCESS_EXITED)
        end = process_collect_output(process, chunk, &n);
    /* A stranger may write for ever: a pipe holds 64 KiB, so a few reads empty ours. */
    for (int i = 0; i < 4 && process_collect_errors(process, chunk) > 0; i++)
        continue;
    return end;
}

static int process_poll_timeout(const struct process *process)
{
    if (process->until_ms == INT64_MAX)
        return -1;
    int64_t left_ms = process->until_ms - clock_monotonic_ms();
    return left_ms <= 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

/* Feed and listen until the program has ended or must. Returns why; PROCESS_EXITED: by itself. */
static enum process_end process_pump(struct process *process)
{
    char chunk[CHUNK_BYTES];
    for (;;) {
        struct pollfd fds[] = {
            {.fd = process->id_fd, .events = POLLIN},
            {.fd = process->options->interrupt_fd, .events = POLLIN},
            {.fd = process->ours[IN], .events = POLLOUT},
            {.fd = process->ours[OUT], .events = POLLIN},
            {.fd = process->ours[ERR], .events = POLLIN},
        };
        int timeout_ms = process_poll_timeout(process);
        if (timeout_ms == 0)
            return PROCESS_TIMED_OUT;
        if (poll(fds, sizeof fds / sizeof fds[0], timeout_ms) <= 0)
            continue; /* EINTR, or the deadline, which the next turn sees */
        if (fds[1].revents)
            return PROCESS_INTERRUPTED;
        if (fds[0].revents) {
            program_kill(process->id); /* what it left behind */
            return process_drain(process, chunk);
        }
        if (fds[2].revents)
            process_feed(process);
        size_t n;
        enum process_end end = PROCESS_EXITED;
        if (fds[3].revents)
            end = process_collect_output(process, chunk, &n);
        if (fds[4].revents)
            process_collect_errors(process, chunk);
        if (end != PROCESS_EXITED)
            return end;
    }
}

static void process_close(struct process *process)
{
    for (int i = 0; i < PIPE_COUNT; i++) {
        fd_close(&process->ours[i]);
        fd_close(&process->theirs[i]);
    }
    fd_close(&process->id_fd);
}

static int process_start(struct process *process, ferry_error *error)
{
    if (!program_ends_show())
        return ferry_error_set(error, FERRY_TRANSIENT,
                               "a plug-in ignores SIGCHLD: nobody would know how %s ends",
                               process->options->path);
    if (!process_open_pipes(process))
        return ferry_error_set(error, FERRY_TRANSIENT, "no pipe: %s", strerror(errno));
    int number = process_spawn(process);
    if (number)
        return ferry_error_set(error, FERRY_TRANSIENT, "cannot start %s: %s",
                               process->options->path, strerror(number));
    for (int i = 0; i < PIPE_COUNT; i++)
        fd_close(&process->theirs[i]); /* so that its end is seen as the end */
    process->id_fd = pidfd_open(process->id, 0);
    if (process->id_fd < 0) {
        number = errno;
        program_kill(process->id);
        process_reap(process);
        return ferry_error_set(error, FERRY_TRANSIENT, "cannot watch %s: %s",
                               process->options->path, strerror(number));
    }
    return 0;
}

int process_run(const struct process_options *options, struct process_result *result,
                ferry_error *error)
{
    struct process process = {
        .options = options,
        .result = result,
        .id_fd = -1,
        .ours = {-1, -1, -1},
        .theirs = {-1, -1, -1},
        .until_ms = INT64_MAX,
    };
    *result = (struct process_result){0};
    if (options->timeout_ms < INT64_MAX / 2)
        process.until_ms = clock_monotonic_ms() + options->timeout_ms;
    int rc = process_start(&process, error);
    if (rc == 0) {
        enum process_end end = process_pump(&process);
        if (end != PROCESS_EXITED)
            program_kill(process.id);
        process_reap(&process);
        if (end != PROCESS_EXITED)
            result->end = end;
    }
    process_close(&process);
    return rc;
}

void process_result_fini(struct process_result *result)
{
    bytes_fini(&result->output);
    bytes_fini(&result->errors);
}
