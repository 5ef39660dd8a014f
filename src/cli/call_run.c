/*
 * Runs one call. The same call, executor and loop as in the server; an answer that comes after the
 * deadline is dropped, as there.
 *
 * The main thread is the loop's. The call is its own again when on_done has run.
 */
#include "call_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_MS = 100, GRACE_MS = 2000, STOP_MS = 2000, MESSAGE_SIZE = 160 };

static void on_done(ferry_call *call, const ferry_task_report *report, void *arg)
{
    struct call_run *run = arg;
    (void)call, (void)report;
    run->has_ended = true;
    ferry_loop_stop(run->loop);
}

static void on_grace_over(void *arg)
{
    struct call_run *run = arg;
    ferry_loop_stop(run->loop);
}

static void on_deadline(void *arg)
{
    struct call_run *run = arg;
    ferry_error_set(&run->error, FERRY_DEADLINE, "the call did not end within %lld ms",
                    (long long)run->route->timeout_ms);
    call_cancel(run->call);
    ferry_loop_call_later(run->loop, GRACE_MS, on_grace_over, run);
}

static void on_interrupt(void *arg)
{
    struct call_run *run = arg;
    if (++run->interrupts > 1) {
        ferry_error_set(&run->error, FERRY_CANCELLED, "the call did not end when cancelled");
        ferry_loop_stop(run->loop);
        return;
    }
    if (run->bar)
        progress_bar_clear(run->bar);
    fprintf(stderr, "ferry call: cancelling; once more leaves at once\n");
    call_cancel(run->call);
}

static void on_tick(void *arg)
{
    struct call_run *run = arg;
    double fraction;
    char message[MESSAGE_SIZE];
    if (call_get_progress(run->call, &fraction, message, sizeof message))
        progress_bar_show(run->bar, fraction, message);
    ferry_loop_call_later(run->loop, PROGRESS_MS, on_tick, run);
}

static int call_start(struct call_run *run, struct bytes *block)
{
    const struct config_route *route = run->route;
    size_t length = block->length;
    char *input = bytes_take(block);
    run->loop = ferry_loop_new();
    run->executor =
        ferry_executor_new(&(ferry_executor_options){.name = route->pool->name, .threads = 1});
    if (!input || !run->loop || !run->executor) {
        free(input);
        return ferry_error_set(&run->error, FERRY_INTERNAL, "cannot start a thread: %s",
                               strerror(errno));
    }
    run->call = call_new(
        route->worker, input, length,
        &(struct call_options){.route = route->path, .attempt = 1, .timeout_ms = route->timeout_ms},
        &run->error);
    if (!run->call)
        return run->error.code;
    int rc = call_submit(run->call, run->loop, run->executor, on_done, run, &run->error);
    if (rc < 0) {
        call_free(run->call);
        run->call = NULL;
    }
    return rc;
}

void call_run(struct call_run *run, struct bytes *block)
{
    if (call_start(run, block) < 0)
        return;
    ferry_loop_add_signal(run->loop, SIGINT, on_interrupt, run);
    ferry_loop_add_signal(run->loop, SIGTERM, on_interrupt, run);
    if (run->route->timeout_ms > 0)
        ferry_loop_call_later(run->loop, run->route->timeout_ms, on_deadline, run);
    if (run->bar)
        on_tick(run);
    ferry_loop_run(run->loop);
    if (run->bar)
        progress_bar_clear(run->bar);
    run->left_behind = !run->has_ended || ferry_executor_shutdown(run->executor, STOP_MS) < 0;
}

const struct call_output *call_run_output(const struct call_run *run)
{
    return run->call && !run->error.code ? call_output(run->call) : NULL;
}

void call_run_fini(struct call_run *run)
{
    call_free(run->call);
    ferry_loop_free(run->loop);
    ferry_executor_free(run->executor);
}
