/* slots: a worker for tests. It writes down which run of which schedule it is, and what it got. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <ferry/worker.h>

static int open_slots(ferry_settings *settings, void **state, ferry_error *error)
{
    (void)error;
    *state = (void *)ferry_settings_string(settings, "record", "");
    return 0;
}

static const char *or_none(const char *text)
{
    return text ? text : "-";
}

static int run(ferry_call *call, void *state)
{
    char line[512];
    int length =
        snprintf(line, sizeof line, "%s %s %s %s %s %s %s\n",
                 or_none(ferry_call_header(call, "Ferry-Schedule")),
                 or_none(ferry_call_header(call, "Ferry-Slot")), ferry_call_delivery_id(call),
                 ferry_call_method(call), or_none(ferry_call_param(call, "name")),
                 or_none(ferry_call_header(call, "Content-Type")), ferry_call_body(call, NULL));
    int fd = open(state, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, (size_t)length) < 0)
        abort();
    close(fd);
    return ferry_call_reply_text(call, 200, "done");
}

FERRY_WORKER(slots, .open = open_slots, .run = run)
