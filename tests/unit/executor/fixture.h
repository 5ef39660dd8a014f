/*
 * A loop, an executor, and tasks that note what became of them, for the tests of this floor.
 */
#ifndef UNIT_EXECUTOR_FIXTURE_H
#define UNIT_EXECUTOR_FIXTURE_H

#include <ferry/executor.h>

#include <stdatomic.h>

#include "gate.h"
#include "loop/watchdog.h"
#include "support.h"

struct fixture {
    ferry_loop *loop;
    ferry_executor *executor;
    struct gate gate;
    unsigned awaited; /* the loop stops when so many tasks are done */
    unsigned done;
};

/* One task. The zero value passes the gate and notes its end. */
struct probe {
    struct fixture *fixture;
    size_t bytes;
    bool background;
    ferry_task *task;
    atomic_uint runs;
    pid_t ran_on;
    unsigned done;
    unsigned order; /* the how manieth it was */
    atomic_uint dropped;
    ferry_task_report report;
};

static void probe_run(void *arg)
{
    struct probe *probe = arg;
    probe->ran_on = gettid();
    atomic_fetch_add(&probe->runs, 1);
    gate_pass(&probe->fixture->gate);
}

static void probe_done(void *arg, const ferry_task_report *report)
{
    struct probe *probe = arg;
    struct fixture *f = probe->fixture;
    probe->done++;
    probe->order = ++f->done;
    probe->report = *report;
    if (f->done == f->awaited)
        ferry_loop_stop(f->loop);
}

static void probe_dropped(void *arg, const ferry_task_report *report)
{
    struct probe *probe = arg;
    probe->report = *report;
    atomic_fetch_add(&probe->dropped, 1);
}

static inline int submit(struct fixture *f, struct probe *probe, ferry_error *error)
{
    probe->fixture = f;
    ferry_task_work work = {
        .run = probe_run,
        .done = probe_done,
        .dropped = probe_dropped,
        .arg = probe,
        .bytes = probe->bytes,
        .background = probe->background,
    };
    probe->task = ferry_executor_submit(f->executor, f->loop, &work, error);
    return probe->task ? 0 : error ? error->code : FERRY_INTERNAL;
}

/* Run the loop until `count` tasks in all are done. */
static inline void await_done(struct fixture *f, unsigned count)
{
    f->awaited = count;
    while (f->done < count)
        ferry_loop_run(f->loop);
}

static inline void start(struct fixture *f, const ferry_executor_options *options)
{
    *f = (struct fixture){.loop = ferry_loop_new(), .gate = GATE_CLOSED};
    f->executor = ferry_executor_new(options);
    assert_non_null(f->loop);
    assert_non_null(f->executor);
}

static inline void end(struct fixture *f)
{
    gate_open(&f->gate);
    assert_int_equal(ferry_executor_shutdown(f->executor, INT64_MAX), 0);
    ferry_executor_free(f->executor);
    ferry_loop_free(f->loop);
}

static inline ferry_executor_stats stats_of(struct fixture *f)
{
    ferry_executor_stats stats;
    ferry_executor_get_stats(f->executor, &stats);
    return stats;
}

static inline void fixture_stop_loop(void *arg)
{
    ferry_loop_stop(arg);
}

/* Have a thread held in a task, where there is a queue timeout. On a busy machine the thread may
 * come so late that the task has expired: then try again. Counting starts anew. */
static inline void hold_thread(struct fixture *f, struct probe *held)
{
    const bool background = held->background;
    do {
        *held = (struct probe){.background = background};
        assert_int_equal(submit(f, held, NULL), 0);
        while (!held->done && !gate_inside(&f->gate)) {
            ferry_loop_call_later(f->loop, 1, fixture_stop_loop, f->loop);
            ferry_loop_run(f->loop);
        }
    } while (held->done);
    f->done = 0;
}

#endif
