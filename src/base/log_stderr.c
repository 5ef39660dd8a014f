/*
 * Lines to standard error, by one write(2) each, that no thread waits for: least of all the loop.
 *
 * A regular file is written to as it is. A pipe, a socket or a terminal may be full, because
 * whoever reads it has stopped: then the line is dropped. O_NONBLOCK belongs to a description,
 * and that of standard error is shared with whoever started the process. A socket has a flag for a
 * single send; the others are opened anew, which gives a description of one's own.
 * A write to a pipe is at most PIPE_BUF long: it goes whole, or not at all.
 *
 * systemd's journal gives a line the priority that stands before it, and takes that off; who else
 * reads standard error would see it.
 *
 * No lock: the counts are atomics, and the rest is set before other threads start.
 */
#include "log_stderr.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ferry/log.h>

#include "log_line.h"

static atomic_int own_fd = -1; /* a description that does not block; -1: none */
static atomic_bool is_journal; /* standard error is systemd's */
static atomic_uint_fast64_t dropped;
static atomic_uint_fast64_t untold; /* of these, those that no line has told of */

/* The journal names its stream in the environment, which standard error may have left since. */
static bool is_named_as_journal(const struct stat *status)
{
    char stream[64];
    const char *named = getenv("JOURNAL_STREAM");
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status->st_dev,
             (uintmax_t)status->st_ino);
    return named && strcmp(named, stream) == 0;
}

void log_stderr_open(void)
{
    struct stat status;
    int fd = -1;
    bool is_there = fstat(STDERR_FILENO, &status) == 0;
    atomic_store(&is_journal, is_there && is_named_as_journal(&status));
    if (is_there && (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
        fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int before = atomic_exchange(&own_fd, fd);
    if (before >= 0)
        close(before);
}

uint64_t log_stderr_dropped(void)
{
    return atomic_load(&dropped);
}

void log_stderr_add_dropped(uint64_t count)
{
    atomic_fetch_add(&dropped, count);
}

/* Between a look and a write another thread may take the room that was seen: this is for those
 * who have no better. */
static bool has_room(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) > 0 && (out.revents & POLLOUT);
}

static bool send_to_journal(ferry_log_level level, const char *line, size_t length)
{
    static const char *const priorities[] = {
        [FERRY_LOG_DEBUG] = "<7>",
        [FERRY_LOG_INFO] = "<6>",
        [FERRY_LOG_WARN] = "<4>",
        [FERRY_LOG_ERROR] = "<3>",
    };
    struct iovec parts[] = {{(char *)priorities[level], 3}, {(char *)line, length}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(STDERR_FILENO, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* Returns whether the line went out. */
static bool write_now(ferry_log_level level, const char *line, size_t length)
{
    if (atomic_load_explicit(&is_journal, memory_order_relaxed))
        return send_to_journal(level, line, length);
    int fd = atomic_load_explicit(&own_fd, memory_order_relaxed);
    if (fd >= 0)
        return write(fd, line, length) >= 0;
    if (send(STDERR_FILENO, line, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return true;
    return errno == ENOTSOCK && has_room() && write(STDERR_FILENO, line, length) >= 0;
}

/* Say how many lines are missing; if that does not go out, either, the next line tries again. */
static void tell_dropped(void)
{
    uint_fast64_t count = atomic_exchange(&untold, 0);
    if (count == 0)
        return;
    char line[LOG_LINE_MAX_BYTES];
    size_t length =
        log_line_make(line, FERRY_LOG_WARN, "log lines were dropped", "count=%llu hint=%s",
                      (unsigned long long)count, "whoever reads standard error does not keep up");
    if (!write_now(FERRY_LOG_WARN, line, length))
        atomic_fetch_add(&untold, count);
}

void ferry_log_to_stderr(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg;
    int before = errno;
    if (write_now(level, line, length)) {
        if (atomic_load_explicit(&untold, memory_order_relaxed) > 0)
            tell_dropped();
    } else {
        atomic_fetch_add(&dropped, 1);
        atomic_fetch_add(&untold, 1);
    }
    errno = before;
}
