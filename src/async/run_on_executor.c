/*
 * ferry_run_on_executor: a future of a blocking call.
 *
 * A blocking_run is shared by two threads, one after the other: the loop makes it, the pool thread
 * fills in result and error, and the mailbox's release/acquire brings it back. Only `cancelled` is
 * touched by both at once. If the loop closes meanwhile, whichever thread finds out frees it all.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "future_base.h"
#include "loop_base.h"
#include "misuse.h"

struct blocking_run {
    ferry_future *future;
    ferry_task *task;
    ferry_blocking_fn *fn;
    void *arg;
    void (*free_result)(void *result);
    void *result;
    ferry_error error;
    atomic_bool cancelled;
};

static _Thread_local struct blocking_run *current_run;

bool ferry_is_cancelled(void)
{
    return current_run && atomic_load_explicit(&current_run->cancelled, memory_order_relaxed);
}

static void blocking_run_run(void *arg)
{
    struct blocking_run *run = arg;
    current_run = run;
    run->result = run->fn(run->arg, &run->error);
    current_run = NULL;
}

static void blocking_run_done(void *arg, const ferry_task_report *report)
{
    struct blocking_run *run = arg;
    if (report->outcome == FERRY_CANCELLED)
        ferry_error_set(&run->error, FERRY_CANCELLED, "cancelled before it started");
    else if (report->outcome != FERRY_OK)
        ferry_error_set(&run->error, report->outcome, "waited too long in the queue");
    if (run->error.code && run->result && run->free_result) {
        run->free_result(run->result); /* an error has no result */
        run->result = NULL;
    }
    ferry_future *future = run->future;
    void *result = run->result;
    ferry_error error = run->error;
    free(run);
    future_resolve(future, result, &error);
}

static void blocking_run_dropped(void *arg, const ferry_task_report *report)
{
    (void)report;
    struct blocking_run *run = arg;
    if (run->result && run->free_result)
        run->free_result(run->result);
    future_drop(run->future);
    free(run);
}

static void blocking_run_cancel(void *source)
{
    struct blocking_run *run = source;
    atomic_store_explicit(&run->cancelled, true, memory_order_relaxed);
    ferry_task_cancel(run->task);
}

ferry_future *(ferry_run_on_executor)(ferry_loop *loop, ferry_executor *executor,
                                      ferry_blocking_fn *fn, void *arg,
                                      void (*free_result)(void *result))
{
    LOOP_CHECK(loop);
    CHECK_FUNCTION(fn);
    struct blocking_run *run = calloc(1, sizeof *run);
    ferry_future *future = run ? future_new(loop, free_result, blocking_run_cancel, run) : NULL;
    if (!future) {
        free(run);
        return NULL;
    }
    run->future = future;
    run->fn = fn;
    run->arg = arg;
    run->free_result = free_result;
    ferry_task_work work = {
        .run = blocking_run_run,
        .done = blocking_run_done,
        .dropped = blocking_run_dropped,
        .arg = run,
    };
    run->task = ferry_executor_submit(executor, loop, &work, &run->error);
    if (!run->task) {
        ferry_error error = run->error;
        free(run);
        future_resolve(future, NULL, &error);
    }
    return future;
}
