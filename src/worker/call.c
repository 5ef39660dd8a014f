/*
 * The life of a call: made on the loop, run on a pool thread, ended on the loop.
 *
 * Ownership passes with the task: the submit gives the call to the executor, `done` (or `dropped`,
 * when the loop has closed) has it back. In between the loop may only cancel it and read its
 * progress; both go through the call's lock. The lock is held across the worker's cancel hook,
 * which must not block: that is what keeps `run` from returning, and its data from going away,
 * while the hook looks at it. It is the one lock of ferry that is held across foreign code.
 */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_struct.h"
#include "clock.h"
#include "in_flight.h"
#include "spare.h"
#include "thread_state.h"

static int call_take_memory(ferry_call *call, const struct call_options *options)
{
    if (!options->memory)
        return 0;
    call->memory = malloc(options->memory_length + 1);
    if (!call->memory)
        return FERRY_INTERNAL;
    memcpy(call->memory, options->memory, options->memory_length);
    call->memory[options->memory_length] = '\0';
    call->memory_length = options->memory_length;
    return 0;
}

ferry_call *call_new(const struct worker *worker, char *block, size_t length,
                     const struct call_options *options, ferry_error *error)
{
    ferry_call *call = spare_new(sizeof *call);
    if (!call) {
        free(block);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    *call = (ferry_call){
        .worker = worker,
        .attempt = options->attempt,
        .started = options->started,
        .background = options->background,
    };
    if (call_input_parse(&call->input, block, length, error) < 0) {
        spare_free(call, sizeof *call);
        return NULL;
    }
    if (call_take_memory(call, options) < 0) {
        call_input_fini(&call->input);
        spare_free(call, sizeof *call);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    if (options->route)
        memcpy(call->route, options->route, strnlen(options->route, sizeof call->route - 1));
    if (options->delivery_id)
        memcpy(call->delivery_id, options->delivery_id,
               strnlen(options->delivery_id, sizeof call->delivery_id - 1));
    call->deadline_us =
        options->timeout_ms > 0 ? clock_monotonic_us_after(options->timeout_ms) : INT64_MAX;
    pthread_mutex_init(&call->lock, NULL);
    sem_init(&call->cancel_set, 0, 0);
    return call;
}

void call_free(ferry_call *call)
{
    if (!call)
        return;
    sem_destroy(&call->cancel_set);
    pthread_mutex_destroy(&call->lock);
    call_input_fini(&call->input);
    free(call->output.content_type);
    bytes_fini(&call->output.headers);
    bytes_fini(&call->output.body);
    bytes_fini(&call->output.memory);
    free(call->memory);
    spare_free(call, sizeof *call);
}

/* ---- on the pool thread ---- */

static int call_enter_worker(ferry_call *call)
{
    void *state;
    ferry_error error = {0};
    int opened = thread_state_get(call->worker, &state, &error);
    if (opened < 0)
        return ferry_call_fail(
            call, FERRY_TRANSIENT, "%s cannot start on its thread: %s", call->worker->name,
            *error.message ? error.message : ferry_code_name((ferry_code)opened));
    pthread_mutex_lock(&call->lock);
    call->running = true;
    pthread_mutex_unlock(&call->lock);

    int rc = worker_hooks(call->worker)->run(call, state);

    pthread_mutex_lock(&call->lock);
    call->running = false;
    call->data = NULL;
    pthread_mutex_unlock(&call->lock);
    return rc;
}

static void call_run(void *arg)
{
    ferry_call *call = arg;
    if (call->started)
        call->started(call->arg);
    struct in_flight *slot = in_flight_begin(call->worker->name, call->route, call->delivery_id);
    int rc = call_enter_worker(call);
    in_flight_end(slot);
    struct call_output *output = &call->output;
    if (!output->error.code && output->headers.failed)
        ferry_call_fail(call, FERRY_REJECTED, "no memory for the answer's headers"); /* may pass */
    if (output->error.code || output->status)
        return;
    if (rc < 0)
        ferry_error_set(&output->error, FERRY_INTERNAL, "%s failed (%s) and did not say why",
                        call->worker->name, ferry_code_name((ferry_code)rc));
    else if (rc > 0) /* the code of another library, most likely: no reason to call it a success */
        ferry_error_set(&output->error, FERRY_INTERNAL, "%s returned %d and did not say why",
                        call->worker->name, rc);
    else
        output->status = 204;
}

/* ---- on the loop ---- */

static void call_finished(void *arg, const ferry_task_report *report)
{
    ferry_call *call = arg;
    if (report->outcome == FERRY_CANCELLED)
        ferry_error_set(&call->output.error, FERRY_CANCELLED, "cancelled before it started");
    else if (report->outcome != FERRY_OK)
        ferry_error_set(&call->output.error, report->outcome, "waited too long for a free thread");
    call->done(call, report, call->arg);
}

static void call_dropped(void *arg, const ferry_task_report *report)
{
    (void)report;
    call_free(arg);
}

int call_submit(ferry_call *call, ferry_loop *loop, ferry_executor *executor, call_done *done,
                void *arg, ferry_error *error)
{
    ferry_error why;
    call->done = done;
    call->arg = arg;
    ferry_task_work work = {
        .run = call_run,
        .done = call_finished,
        .dropped = call_dropped,
        .arg = call,
        .bytes = call->input.length,
        .background = call->background,
    };
    call->task = ferry_executor_submit(executor, loop, &work, &why);
    if (call->task)
        return 0;
    if (error)
        *error = why;
    return why.code;
}

bool call_withdraw(ferry_call *call)
{
    return ferry_task_cancel(call->task);
}

bool call_cancel(ferry_call *call)
{
    atomic_store(&call->cancelled, true);
    bool unstarted = call_withdraw(call);
    pthread_mutex_lock(&call->lock);
    sem_post(&call->cancel_set); /* before run may be seen to have returned, and the call to end */
    const ferry_worker *hooks = worker_hooks(call->worker);
    if (call->running && hooks->cancel)
        hooks->cancel(call);
    pthread_mutex_unlock(&call->lock);
    return unstarted;
}

const char *call_worker_name(const ferry_call *call)
{
    return call->worker->name;
}

bool call_is_started(const ferry_call *call)
{
    return ferry_task_is_started(call->task);
}

struct call_output *call_output(ferry_call *call)
{
    return &call->output;
}

ferry_code call_outcome(const ferry_call *call)
{
    if (call->output.error.code)
        return call->output.error.code;
    if (call->output.status == 408)
        return FERRY_DEADLINE;
    /* A 5xx of the worker's own may pass, whichever it is. */
    ferry_code code = ferry_code_from_status(call->output.status);
    return call->output.status >= 500 && !ferry_code_is_transient(code) ? FERRY_TRANSIENT : code;
}

bool call_get_progress(ferry_call *call, double *fraction, char *message, size_t size)
{
    pthread_mutex_lock(&call->lock);
    bool has_progress = call->has_progress;
    *fraction = call->progress;
    snprintf(message, size, "%s", call->progress_message);
    pthread_mutex_unlock(&call->lock);
    return has_progress;
}
