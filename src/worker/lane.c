/*
 * Lanes, on ferry's side: start a process, give it a call, wait for what comes back.
 *
 * All of a lane is its thread's but the wake_fd, which the loop writes to when it cancels a call.
 * Only the thread writes to the socket, so that no message is written into another; its end does
 * not block. What is not written yet stays before what comes later: a cancel whose call has ended
 * by itself finds none, and does nothing.
 *
 * The process has ended when its end of the socket is closed, or when its pidfd says so: a program
 * that it has started may hold a copy of the socket.
 */
#include "lane.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ferry/log.h>

#include "call_struct.h"
#include "clock.h"
#include "lane_messages.h"
#include "program.h"

enum { ANSWER_MORE_BYTES = 1 << 20 }; /* of a message: beside an answer's body and headers */

struct lane {
    const char *worker;
    const struct bytes *opening;
    int wake_fd;
    pid_t id;    /* 0: there is no process, and what follows is closed and empty */
    int id_fd;   /* -1: closed */
    int socket;  /* -1: closed */
    size_t sent; /* of `out` */
    struct bytes out;
    struct message_inbox inbox;
};

struct lane *lane_new(const char *worker, const struct bytes *opening, size_t answer_limit)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    *lane = (struct lane){.worker = worker, .opening = opening, .id_fd = -1, .socket = -1};
    lane->inbox.limit = answer_limit + ANSWER_MORE_BYTES;
    lane->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lane->wake_fd >= 0)
        return lane;
    free(lane);
    return NULL;
}

void lane_interrupt(struct lane *lane)
{
    eventfd_write(lane->wake_fd, 1);
}

/* ---- counts ---- */

static struct {
    atomic_uint running;
    atomic_ullong crashed;
    atomic_ullong killed;
} counts;

struct lane_counts lane_counts(void)
{
    return (struct lane_counts){
        .running = atomic_load(&counts.running),
        .crashed = atomic_load(&counts.crashed),
        .killed = atomic_load(&counts.killed),
    };
}

/* ---- the process ---- */

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Forget the process, which has been reaped or never was. */
static void lane_clear(struct lane *lane)
{
    lane->id = 0;
    fd_close(&lane->id_fd);
    fd_close(&lane->socket);
    lane->sent = 0;
    bytes_fini(&lane->out);
    message_inbox_fini(&lane->inbox);
}

/* Kill what there is of the process. Returns how it has ended, as program_reap does. */
static bool lane_kill(struct lane *lane, int *code)
{
    program_kill(lane->id);
    bool has_exited = program_reap(lane->id, code);
    lane_clear(lane);
    atomic_fetch_sub(&counts.running, 1);
    return has_exited;
}

/* Returns 0 or an errno. */
static int lane_spawn(struct lane *lane)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return errno;
    lane->socket = ends[0];
    char *arguments[] = {(char *)"ferry", (char *)"worker", (char *)lane->worker, NULL};
    int number = fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? errno : 0;
    if (number == 0)
        number = program_start(&lane->id, &(struct program_options){
                                              .path = "/proc/self/exe",
                                              .arguments = arguments,
                                              .environment = environ,
                                              .fds = (int[]){ends[1], STDOUT_FILENO, STDERR_FILENO},
                                              .fd_count = 3,
                                          });
    close(ends[1]); /* so that its end is seen as the end */
    return number;
}

static int lane_start(struct lane *lane, ferry_error *error)
{
    if (!program_ends_show())
        return ferry_error_set(error, FERRY_TRANSIENT,
                               "a plug-in ignores SIGCHLD: nobody would know how a process ends");
    int number = lane_spawn(lane), code;
    if (number) {
        lane_clear(lane);
        return ferry_error_set(error, FERRY_TRANSIENT, "cannot start a process: %s",
                               strerror(number));
    }
    atomic_fetch_add(&counts.running, 1);
    lane->id_fd = pidfd_open(lane->id, 0);
    if (lane->id_fd < 0) {
        number = errno;
        lane_kill(lane, &code);
        return ferry_error_set(error, FERRY_TRANSIENT, "cannot watch a process: %s",
                               strerror(number));
    }
    lane_put_log(&lane->out);
    bytes_append(&lane->out, lane->opening->data, lane->opening->length);
    ferry_log(FERRY_LOG_DEBUG, "a worker's process has started", "worker=%s process=%d",
              lane->worker, (int)lane->id);
    return 0;
}

/* Wait for one of them, or not, when it is -1. Returns whether there was something. */
static bool wait_for(int id_fd, int socket, int timeout_ms)
{
    struct pollfd ends[] = {{.fd = id_fd, .events = POLLIN}, {.fd = socket, .events = POLLIN}};
    int rc;
    do {
        rc = poll(ends, sizeof ends / sizeof ends[0], timeout_ms);
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

/* How a process has ended, for a person. */
static void end_text(bool has_exited, int code, struct bytes *text)
{
    const char *name = has_exited ? NULL : sigabbrev_np(code);
    if (has_exited)
        bytes_printf(text, "exit code %d", code);
    else if (name)
        bytes_printf(text, "SIG%s", name);
    else if (code)
        bytes_printf(text, "signal %d", code);
    else
        bytes_printf(text, "an end that nobody knows, as a plug-in ignores SIGCHLD");
}

static void log_end(const struct lane *lane, pid_t id, const char *message, const char *how)
{
    ferry_log(FERRY_LOG_WARN, message, "worker=%s process=%d end=%s", lane->worker, (int)id, how);
}

/* Have a process that can take a call. One may have ended since the last call, by the operator or
 * for want of memory: no call has to fail for that. */
static int lane_ready(struct lane *lane, ferry_error *error)
{
    if (lane->id > 0 && wait_for(lane->id_fd, lane->socket, 0)) { /* it has nothing to say */
        pid_t id = lane->id;
        int code;
        struct bytes how = {0};
        bool has_exited = lane_kill(lane, &code);
        end_text(has_exited, code, &how);
        atomic_fetch_add(&counts.crashed, 1);
        log_end(lane, id, "a worker's process has ended between calls", bytes_text(&how));
        bytes_fini(&how);
    }
    return lane->id > 0 ? 0 : lane_start(lane, error);
}

void lane_free(struct lane *lane)
{
    int code;
    if (lane->id > 0) {
        fd_close(&lane->socket);
        wait_for(lane->id_fd, -1, LANE_GRACE_MS);
        lane_kill(lane, &code);
    }
    close(lane->wake_fd);
    free(lane);
}

/* ---- a call ---- */

enum lane_end {
    LANE_GOES_ON,
    LANE_ANSWERED,
    LANE_DIED,
    LANE_BROKEN, /* what it says makes no sense */
    LANE_LATE,   /* past its cancel */
    LANE_FULL,   /* there is no memory for what it says */
};

/* Write what can be written now. A process that has ended shows when it is read from. */
static void lane_send(struct lane *lane)
{
    ssize_t n = send(lane->socket, lane->out.data + lane->sent, lane->out.length - lane->sent,
                     MSG_NOSIGNAL);
    if (n > 0)
        lane->sent += (size_t)n;
    if (lane->sent < lane->out.length)
        return;
    lane->sent = 0;
    bytes_fini(&lane->out); /* it may have been large */
}

static enum lane_end take_message(struct message *message, ferry_call *call)
{
    int rc = FERRY_INVALID;
    if (message->kind == MESSAGE_PROGRESS)
        rc = lane_take_progress(message, call);
    else if (message->kind == MESSAGE_ANSWER)
        rc = lane_take_answer(message, call);
    else if (message->kind == MESSAGE_DROPPED)
        rc = lane_take_dropped(message);
    if (rc < 0)
        return LANE_BROKEN;
    return message->kind == MESSAGE_ANSWER ? LANE_ANSWERED : LANE_GOES_ON;
}

/* Read once, and take what has come whole. */
static enum lane_end lane_receive(struct lane *lane, ferry_call *call)
{
    int rc = message_receive(&lane->inbox, lane->socket);
    if (rc < 0 && errno == EAGAIN)
        return LANE_GOES_ON;
    if (rc < 0)
        return errno == ENOMEM ? LANE_FULL : LANE_BROKEN;
    struct message message;
    enum lane_end end = LANE_GOES_ON;
    int next = 0;
    while (end == LANE_GOES_ON && (next = message_next(&lane->inbox, &message)) > 0)
        end = take_message(&message, call);
    if (next < 0)
        return LANE_BROKEN;
    return end == LANE_GOES_ON && rc == 0 ? LANE_DIED : end;
}

/* What has been said before the end is still there, and then the end of the socket: nobody else who
 * holds that adds to it any more. */
static enum lane_end lane_last_words(struct lane *lane, ferry_call *call)
{
    enum lane_end end;
    shutdown(lane->socket, SHUT_RD);
    do {
        end = lane_receive(lane, call);
    } while (end == LANE_GOES_ON);
    return end;
}

static void lane_send_cancel(struct lane *lane)
{
    message_end(&lane->out, message_begin(&lane->out, MESSAGE_CANCEL));
}

static enum lane_end lane_talk(struct lane *lane, ferry_call *call)
{
    int64_t until_ms = INT64_MAX;
    enum lane_end end = LANE_GOES_ON;
    while (end == LANE_GOES_ON) {
        bool has_more = lane->out.length > 0;
        struct pollfd fds[] = {
            {.fd = lane->socket, .events = POLLIN | (has_more ? POLLOUT : 0)},
            {.fd = lane->id_fd, .events = POLLIN},
            {.fd = until_ms == INT64_MAX ? lane->wake_fd : -1, .events = POLLIN},
        };
        int64_t left_ms = until_ms == INT64_MAX ? -1 : until_ms - clock_monotonic_ms();
        if (until_ms != INT64_MAX && left_ms <= 0)
            return LANE_LATE;
        if (poll(fds, sizeof fds / sizeof fds[0], (int)left_ms) <= 0)
            continue; /* EINTR, or late */
        if (fds[2].revents) {
            until_ms = clock_monotonic_ms() + LANE_GRACE_MS;
            lane_send_cancel(lane);
        }
        if (fds[0].revents & POLLOUT)
            lane_send(lane);
        if (fds[1].revents)
            end = lane_last_words(lane, call);
        else if (fds[0].revents & ~POLLOUT)
            end = lane_receive(lane, call);
    }
    return end;
}

/* The process is of no use any more, and its call has no answer. */
static int lane_fail(struct lane *lane, ferry_call *call, enum lane_end end)
{
    pid_t id = lane->id;
    int code, rc;
    struct bytes how = {0};
    if (end == LANE_DIED)
        wait_for(lane->id_fd, -1, LANE_GRACE_MS); /* how it ends by itself says more */
    bool has_exited = lane_kill(lane, &code);
    end_text(has_exited, code, &how);
    if (end != LANE_FULL)
        atomic_fetch_add(end == LANE_LATE ? &counts.killed : &counts.crashed, 1);
    if (end == LANE_LATE) {
        log_end(lane, id, "a worker's process is killed: its call did not end", bytes_text(&how));
        ferry_code why = ferry_call_time_left_ms(call) > 0 ? FERRY_CANCELLED : FERRY_DEADLINE;
        rc = ferry_call_fail(call, why, "%s did not end when it should: its process was killed",
                             lane->worker);
    } else if (end == LANE_BROKEN) {
        log_end(lane, id, "a worker's process is killed: what it said makes no sense",
                bytes_text(&how));
        rc = ferry_call_fail(call, FERRY_TRANSIENT, "%s: its process said what makes no sense",
                             lane->worker);
    } else if (end == LANE_FULL) {
        log_end(lane, id, "a worker's process is killed: no memory for what it says",
                bytes_text(&how));
        rc = ferry_call_fail(call, FERRY_REJECTED, "%s: no memory for what its process says",
                             lane->worker);
    } else {
        log_end(lane, id, "a worker's process has crashed", bytes_text(&how));
        rc = ferry_call_fail(call, FERRY_TRANSIENT, "%s crashed: its process has ended with %s",
                             lane->worker, bytes_text(&how));
    }
    bytes_fini(&how);
    return rc;
}

/* Tell whether the process has said no more than its answer, and that to a whole call: a cancel
 * that came too late is all that may be left to write. */
static bool is_at_rest(struct lane *lane)
{
    message_inbox_compact(&lane->inbox);
    return lane->inbox.bytes.length == 0 && lane->out.length - lane->sent <= MESSAGE_HEAD_BYTES;
}

int lane_run(struct lane *lane, ferry_call *call)
{
    ferry_error error;
    eventfd_t old;
    if (lane_ready(lane, &error) < 0)
        return ferry_call_fail(call, FERRY_TRANSIENT, "%s: %s", lane->worker, error.message);
    lane_put_call(&lane->out, call);
    if (lane->out.failed) {
        int code;
        lane_kill(lane, &code); /* what it has got of this is not known */
        return ferry_call_fail(call, FERRY_REJECTED, "no memory for a call to a process");
    }
    eventfd_read(lane->wake_fd, &old); /* of a call before */
    ferry_call_set_data(call, lane);
    if (ferry_call_is_cancelled(call))
        lane_interrupt(lane);
    enum lane_end end = lane_talk(lane, call);
    ferry_call_set_data(call, NULL);
    if (end == LANE_ANSWERED && !is_at_rest(lane))
        end = LANE_BROKEN;
    return end == LANE_ANSWERED ? 0 : lane_fail(lane, call, end);
}
