/*
 * steps: a worker for tests, which does what it is told by the lines of a fifo:
 *
 *     50 message    report half of the work as done
 *     fail message  fail in a way that may pass
 *     end           answer
 *
 * With ?heeds=cancel it also ends when it is cancelled.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ferry/worker.h>

static int open_steps(ferry_settings *settings, void **state, ferry_error *error)
{
    (void)error;
    *state = (void *)ferry_settings_string(settings, "fifo", "");
    return 0;
}

/* Returns false when cancelled. */
static bool read_line(ferry_call *call, int fd, char *line, size_t size)
{
    bool heeds = ferry_call_param(call, "heeds") != NULL;
    struct pollfd in = {.fd = fd, .events = POLLIN};
    for (size_t at = 0; at + 1 < size;) {
        if (heeds && ferry_call_is_cancelled(call))
            return false;
        if (poll(&in, 1, 20) == 0)
            continue;
        if (read(fd, line + at, 1) != 1)
            abort();
        line[at + 1] = '\0';
        if (line[at] == '\n') {
            line[at] = '\0';
            return true;
        }
        at++;
    }
    abort();
}

static int run(ferry_call *call, void *fifo)
{
    char line[256] = "";
    int fd = open(fifo, O_RDONLY | O_CLOEXEC);
    bool goes_on = fd >= 0 && read_line(call, fd, line, sizeof line);
    while (goes_on && strncmp(line, "fail ", 5) != 0 && strcmp(line, "end") != 0) {
        char *message;
        double percent = strtod(line, &message);
        ferry_call_progress(call, percent / 100, message + (*message == ' '));
        goes_on = read_line(call, fd, line, sizeof line);
    }
    close(fd);
    if (!goes_on)
        return ferry_call_fail(call, FERRY_CANCELLED, "told to end");
    if (strcmp(line, "end") != 0)
        return ferry_call_fail(call, FERRY_TRANSIENT, "%s", line + 5);
    return ferry_call_reply_json(call, 200, "{\"steps\": \"all\"}");
}

FERRY_WORKER(steps, .open = open_steps, .run = run)
