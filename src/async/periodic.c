/*
 * Periodic callbacks.
 *
 * A timer comes at every time of the grid. While the last future is pending it finds that out and
 * does nothing, so that the grid goes on under long work. Belongs to the loop's thread.
 */
#include <ferry/periodic.h>

#include <errno.h>
#include <stdlib.h>

#include "future_base.h"
#include "loop_base.h"
#include "misuse.h"
#include "periodic_grid.h"
#include "random.h"

static const int64_t interval_max_ms = INT64_MAX / 4; /* far beyond any clock, and sums still fit */

struct ferry_periodic {
    struct loop_closer closer; /* while a future is pending */
    ferry_loop *loop;          /* a reference */
    int64_t interval_ms;
    ferry_periodic_fn *fn;
    void *arg;
    ferry_periodic_options options;
    ferry_timer timer; /* 0: it does not run */
    int64_t next_ms;   /* the time that the timer is for */
    bool running;
    bool in_callback;
    bool freed; /* in its callback */
    ferry_future *pending;
};

static void on_beat(void *arg);

static void schedule(ferry_periodic *periodic)
{
    int64_t interval_ms = periodic->interval_ms;
    if (periodic->options.jitter > 0) {
        const uint64_t steps = UINT64_C(1) << 53;
        double chance = (double)random_below(steps) / (double)steps;
        interval_ms = periodic_vary_ms(interval_ms, periodic->options.jitter, chance);
    }
    int64_t now_ms = ferry_loop_now_ms(periodic->loop);
    ferry_loop_cancel(periodic->loop, periodic->timer);
    periodic->next_ms = periodic_next_ms(periodic->next_ms, now_ms, interval_ms);
    periodic->timer = ferry_loop_call_at(periodic->loop, periodic->next_ms, on_beat, periodic);
    periodic->running = periodic->timer != 0;
}

/* ---- the future of a callback ---- */

static ferry_future *pending_end(ferry_periodic *periodic)
{
    ferry_future *future = periodic->pending;
    periodic->pending = NULL;
    loop_closer_remove(&periodic->closer);
    return future;
}

static void on_work_done(ferry_future *future, void *arg)
{
    (void)future; /* its error is not looked at, so that it is logged */
    pending_end(arg);
}

static void periodic_close(struct loop_closer *closer)
{
    future_unwatch(pending_end((ferry_periodic *)closer));
}

static void follow(ferry_periodic *periodic, ferry_future *future)
{
    if (!future)
        return;
    if (periodic->options.allow_overlap || periodic->freed) {
        ferry_future_free(future);
        return;
    }
    periodic->pending = future;
    loop_closer_add(periodic->loop, &periodic->closer); /* newer than what it waits for */
    future_watch(future, on_work_done, periodic);
}

static void periodic_drop(ferry_periodic *periodic)
{
    ferry_loop_unref(periodic->loop);
    free(periodic);
}

static void on_beat(void *arg)
{
    ferry_periodic *periodic = arg;
    /* In the place of the timer that has run: the callback may take all others. */
    schedule(periodic);
    if (!periodic->pending) {
        periodic->in_callback = true;
        follow(periodic, periodic->fn(periodic->arg));
        periodic->in_callback = false;
    }
    if (periodic->freed)
        periodic_drop(periodic);
    else if (periodic->running && ferry_loop_now_ms(periodic->loop) >= periodic->next_ms)
        schedule(periodic); /* that time was missed */
}

/* ---- life ---- */

ferry_periodic *ferry_periodic_new(ferry_loop *loop, int64_t interval_ms, ferry_periodic_fn *fn,
                                   void *arg, const ferry_periodic_options *options)
{
    LOOP_CHECK(loop);
    CHECK_FUNCTION(fn);
    double jitter = options ? options->jitter : 0;
    if (interval_ms < 1 || !(jitter >= 0 && jitter <= 1)) {
        errno = EINVAL;
        return NULL;
    }
    ferry_periodic *periodic = calloc(1, sizeof *periodic);
    if (!periodic)
        return NULL;
    periodic->closer.close = periodic_close;
    periodic->loop = ferry_loop_ref(loop);
    periodic->interval_ms = interval_ms < interval_max_ms ? interval_ms : interval_max_ms;
    periodic->fn = fn;
    periodic->arg = arg;
    if (options)
        periodic->options = *options;
    return periodic;
}

void ferry_periodic_free(ferry_periodic *periodic)
{
    if (!periodic)
        return;
    ferry_periodic_stop(periodic);
    if (periodic->pending)
        future_unwatch(pending_end(periodic));
    if (periodic->in_callback)
        periodic->freed = true;
    else
        periodic_drop(periodic);
}

int ferry_periodic_start(ferry_periodic *periodic)
{
    ferry_periodic_stop(periodic);
    periodic->next_ms = ferry_loop_now_ms(periodic->loop);
    schedule(periodic);
    return periodic->running ? 0 : FERRY_INTERNAL;
}

void ferry_periodic_stop(ferry_periodic *periodic)
{
    LOOP_CHECK(periodic->loop);
    ferry_loop_cancel(periodic->loop, periodic->timer);
    periodic->timer = 0;
    periodic->running = false;
}

bool ferry_periodic_is_running(const ferry_periodic *periodic)
{
    LOOP_CHECK(periodic->loop);
    return periodic->running;
}
