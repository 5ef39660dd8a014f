/*
 * The process of a lane. Its main thread is a loop, on which messages come; a thread of an executor
 * runs the calls, as in the server: a call is made, submitted, cancelled and ended in the same way.
 *
 * It begins in the folder where ferry began, wherever the server's workers have gone since.
 *
 * A worker that does not open, which has opened in the server, is told to each call: the next
 * process may have more luck. One that cannot even run a loop says so in the log, and ends.
 */
#include "lane_host.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ferry/log.h>
#include <ferry/loop.h>

#include "call_struct.h"
#include "lane_messages.h"
#include "log_stderr.h"
#include "settings.h"

enum { PROGRESS_MS = 100, STOP_MS = 1000 };

struct host {
    int fd;
    struct message_inbox inbox;
    ferry_loop *loop;
    ferry_executor *executor;
    struct registry *registry;
    struct worker *worker; /* NULL: see `error` */
    ferry_error error;
    ferry_call *call; /* that runs; NULL: none */
    ferry_timer progress;
    double told_fraction; /* the progress that ferry knows; below 0: none */
    char told_text[PROGRESS_MESSAGE_SIZE];
    uint64_t told_dropped;
    size_t answer_limit;
};

/* ---- saying ---- */

/* When ferry does not listen any more, the end of the socket is read next. */
static void host_send(const struct host *host, struct bytes *out)
{
    size_t sent = 0;
    while (!out->failed && sent < out->length) {
        ssize_t n = send(host->fd, out->data + sent, out->length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            break;
        sent += n > 0 ? (size_t)n : 0;
    }
    if (out->failed) /* half a message is none: ferry sees the end, and starts another process */
        shutdown(host->fd, SHUT_RDWR);
    bytes_fini(out);
}

static void tell_progress(struct host *host)
{
    double fraction;
    char text[PROGRESS_MESSAGE_SIZE];
    struct bytes out = {0};
    if (!call_get_progress(host->call, &fraction, text, sizeof text) ||
        (fraction == host->told_fraction && strcmp(text, host->told_text) == 0))
        return;
    host->told_fraction = fraction;
    memcpy(host->told_text, text, sizeof text);
    lane_put_progress(&out, fraction, text);
    host_send(host, &out);
}

static void on_progress(void *arg)
{
    struct host *host = arg;
    tell_progress(host);
    host->progress = ferry_loop_call_later(host->loop, PROGRESS_MS, on_progress, host);
}

static void tell_dropped(struct host *host)
{
    struct bytes out = {0};
    uint64_t count = log_stderr_dropped() - host->told_dropped;
    if (count == 0)
        return;
    host->told_dropped += count;
    lane_put_dropped(&out, count);
    host_send(host, &out);
}

/* Put how a call has ended, where there is room for it: here, and with ferry. */
static void put_answer(const struct host *host, struct bytes *out, ferry_call *call)
{
    struct call_output *output = call_output(call);
    if (output->body.length + output->headers.length > host->answer_limit) {
        ferry_call_fail(call, FERRY_INTERNAL, "its answer has more than answer_limit, %zu bytes",
                        host->answer_limit);
        bytes_fini(&output->body);
    }
    lane_put_answer(out, call);
    if (!out->failed)
        return;
    bytes_fini(out);
    bytes_fini(&output->body);
    ferry_call_fail(call, FERRY_REJECTED, "no memory for the answer");
    lane_put_answer(out, call);
}

static void on_done(ferry_call *call, const ferry_task_report *report, void *arg)
{
    struct host *host = arg;
    struct bytes out = {0};
    (void)report;
    tell_progress(host);
    ferry_loop_cancel(host->loop, host->progress);
    tell_dropped(host);
    host->call = NULL;
    put_answer(host, &out, call);
    call_free(call);
    host_send(host, &out);
}

/* Answer a call that does not run. */
static void tell_failure(const struct host *host, ferry_call *call, const ferry_error *error)
{
    struct bytes out = {0};
    ferry_call_fail(call, FERRY_TRANSIENT, "%s", error->message);
    lane_put_answer(&out, call);
    host_send(host, &out);
}

/* ---- listening ---- */

static int host_call(struct host *host, struct message *message)
{
    ferry_error error;
    ferry_call *call = host->call ? NULL : lane_take_call(message, host->worker, &error);
    if (!call)
        return FERRY_INVALID;
    host->told_fraction = -1;
    if (!host->worker)
        tell_failure(host, call, &host->error);
    else if (call_submit(call, host->loop, host->executor, on_done, host, &error) == 0)
        host->call = call;
    else
        tell_failure(host, call, &error);
    if (host->call)
        host->progress = ferry_loop_call_later(host->loop, PROGRESS_MS, on_progress, host);
    else
        call_free(call);
    return 0;
}

static int host_take(struct host *host, struct message *message)
{
    if (message->kind == MESSAGE_CALL)
        return host_call(host, message);
    if (message->kind != MESSAGE_CANCEL)
        return FERRY_INVALID;
    if (host->call)
        call_cancel(host->call);
    return 0;
}

/* Returns 0, or FERRY_INVALID for what is no message, or makes no sense. */
static int take_what_came(struct host *host)
{
    struct message message;
    int rc;
    while ((rc = message_next(&host->inbox, &message)) > 0) {
        if (host_take(host, &message) < 0)
            return FERRY_INVALID;
    }
    message_inbox_compact(&host->inbox);
    return rc;
}

static void on_readable(int fd, unsigned events, void *arg)
{
    struct host *host = arg;
    (void)events;
    if (message_receive(&host->inbox, fd) <= 0 || take_what_came(host) < 0)
        ferry_loop_stop(host->loop);
}

/* ---- beginning and end ---- */

static int receive_next(struct host *host, struct message *message, enum message_kind kind)
{
    int next;
    while ((next = message_next(&host->inbox, message)) == 0) {
        if (message_receive(&host->inbox, host->fd) <= 0)
            return FERRY_INVALID;
    }
    return next > 0 && message->kind == kind ? 0 : FERRY_INVALID;
}

/* Find the kind, or NULL and why not. A plug-in that does not load is passed over: it may be
 * another worker's, and its file may have left with that. */
static const ferry_worker *find_kind(struct host *host, const ferry_worker *const kinds[],
                                     const struct lane_opened *opened)
{
    const ferry_worker *kind;
    ferry_error_set(&host->error, FERRY_INTERNAL, "no plug-in has a worker \"%s\"", opened->kind);
    for (size_t i = 0; kinds[i]; i++)
        registry_add_kind(host->registry, kinds[i], &host->error);
    for (size_t i = 0; !(kind = registry_kind(host->registry, opened->kind)) && opened->plugins[i];
         i++)
        registry_load_plugin(host->registry, opened->plugins[i], &host->error);
    return kind;
}

static void open_worker(struct host *host, const ferry_worker *const kinds[],
                        struct lane_opened *opened)
{
    if (*opened->folder && chdir(opened->folder) < 0)
        ferry_log(FERRY_LOG_DEBUG, "cannot go to where ferry began", "folder=%s", opened->folder);
    const ferry_worker *kind = find_kind(host, kinds, opened);
    if (!kind)
        return;
    host->worker =
        registry_open(host->registry, opened->worker, kind, opened->settings, 0, &host->error);
    opened->settings = NULL;
}

static int host_open(struct host *host, const ferry_worker *const kinds[])
{
    struct message message;
    struct lane_opened opened = {0};
    int rc = receive_next(host, &message, MESSAGE_OPEN);
    if (rc == 0)
        rc = lane_take_opening(&message, &opened, &host->error);
    host->answer_limit = opened.answer_limit;
    if (rc == 0)
        open_worker(host, kinds, &opened);
    settings_free(opened.settings);
    free(opened.plugins);
    return rc;
}

/* The log comes first, for whatever is to be said. */
static int host_take_log(struct host *host)
{
    struct message message;
    int rc = receive_next(host, &message, MESSAGE_LOG);
    return rc < 0 ? rc : lane_take_log(&message);
}

/* Returns 0, or -1 and errno. */
static int host_init(struct host *host)
{
    const ferry_executor_options one = {
        .name = "worker", .threads = 1, .queue_bytes = SIZE_MAX / 2};
    bool is_ready = (host->registry = registry_new()) != NULL &&
                    (host->loop = ferry_loop_new()) != NULL &&
                    (host->executor = ferry_executor_new(&one)) != NULL &&
                    ferry_loop_add_handler(host->loop, host->fd, FERRY_FD_READ, on_readable, host);
    return is_ready ? 0 : -1;
}

static void host_fini(struct host *host)
{
    if (host->executor && ferry_executor_shutdown(host->executor, STOP_MS) < 0)
        _exit(EXIT_SUCCESS); /* its thread is still inside the worker: nothing can be freed */
    ferry_executor_free(host->executor);
    ferry_loop_free(host->loop);
    registry_free(host->registry);
    message_inbox_fini(&host->inbox);
    close(host->fd);
}

int lane_host_run(int fd, const ferry_worker *const kinds[])
{
    struct host host = {.fd = fd};
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a program with capabilities has lost it as it began */
    int rc = host_take_log(&host);
    if (rc == 0 && host_init(&host) < 0) {
        ferry_log(FERRY_LOG_ERROR, "a worker's process cannot run", "process=%d error=%s",
                  (int)getpid(), strerror(errno));
        rc = FERRY_INTERNAL;
    }
    if (rc == 0)
        rc = host_open(&host, kinds);
    if (rc == 0 && take_what_came(&host) == 0) /* behind the first message */
        rc = ferry_loop_run(host.loop);
    host_fini(&host);
    return rc;
}
