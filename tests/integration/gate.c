/* gate: a worker for tests. A call runs until a byte can be read from a fifo, whatever happens;
 * with ?steps=N until there were so many, and tells its progress after each. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ferry/worker.h>

struct gate {
    const char *fifo;
    const char *record; /* gets a line when a call begins to run */
};

static int open_gate(ferry_settings *settings, void **state, ferry_error *error)
{
    struct gate *gate = malloc(sizeof *gate);
    if (!gate)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    gate->fifo = ferry_settings_string(settings, "fifo", "");
    gate->record = ferry_settings_string(settings, "record", "");
    *state = gate;
    return 0;
}

static void write_record(const struct gate *gate, const char *name)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%s\n", name ? name : "-");
    int fd = open(gate->record, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || write(fd, line, (size_t)length) < 0)
        abort();
    close(fd);
}

static int run(ferry_call *call, void *state)
{
    const struct gate *gate = state;
    char byte;
    int64_t steps = 1;
    write_record(gate, ferry_call_param(call, "name"));
    int fd = open(gate->fifo, O_RDONLY | O_CLOEXEC);
    ferry_call_param_int(call, "steps", &steps);
    for (int64_t step = 1; step <= steps; step++) {
        if (fd < 0 || read(fd, &byte, 1) < 0)
            abort();
        if (steps > 1)
            ferry_call_progress(call, (double)step / (double)steps, "a step");
    }
    close(fd);
    return ferry_call_reply_text(call, 200, "through");
}

FERRY_WORKER(gate, .open = open_gate, .close = free, .run = run)
