/*
 * ferry_loop_run_sync: a loop that runs for one future. The state is on the caller's stack, so that
 * a loop which stops for another reason takes the callback away before it returns.
 */
#include "future_base.h"
#include "loop_base.h"

struct sync_run {
    ferry_loop *loop;
    bool done;
    void *result;
    ferry_error error;
};

static void on_sync_done(ferry_future *future, void *arg)
{
    struct sync_run *run = arg;
    run->done = true;
    run->error = *ferry_future_error(future);
    run->result = ferry_future_take(future);
    ferry_loop_stop(run->loop);
}

static const char *why_not(int rc)
{
    if (rc == FERRY_CONFLICT)
        return "the loop runs already: await the future, or give it to ferry_future_then";
    return rc < 0 ? "the loop cannot wait" : "the loop was stopped";
}

void *ferry_loop_run_sync(ferry_loop *loop, ferry_future *future, int64_t timeout_ms,
                          ferry_error *error)
{
    struct sync_run run = {.loop = loop};
    if (future && timeout_ms > 0)
        future = ferry_future_with_timeout(loop, future, timeout_ms);
    if (!future) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory for a future");
        return NULL;
    }
    future_watch(future, on_sync_done, &run);
    int rc = ferry_loop_run(loop);
    if (!run.done) {
        ferry_future_cancel(future);
        future_unwatch(future);
        ferry_error_set(&run.error, rc < 0 ? rc : FERRY_CANCELLED, "%s", why_not(rc));
    }
    if (error)
        *error = run.error;
    return run.result;
}
