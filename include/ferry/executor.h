/*
 * An executor: a fixed number of threads that may block, and a bounded queue before them.
 *
 * The loop submits a task; a thread runs it; its `done` comes back on the loop, exactly once,
 * whatever happens to it. Most programs want ferry_run_on_executor (future.h) instead, which makes
 * a future of the same.
 */
#ifndef FERRY_EXECUTOR_H
#define FERRY_EXECUTOR_H

#include <ferry/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_executor ferry_executor;
typedef struct ferry_task ferry_task;

/* Zero means the default in every field. */
typedef struct ferry_executor_options {
    const char *name;         /* in logs, and the threads' names; "pool"; copied */
    unsigned threads;         /* 8; at most 10000 */
    unsigned queue;           /* tasks that may wait beyond those a thread is free for; 1024 */
    size_t queue_bytes;       /* what they may carry together; 64 MiB */
    unsigned background;      /* threads that background tasks may hold at once; all */
    int64_t queue_timeout_ms; /* a task that waited this long is given up; 0: it waits for ever.
                                 An executor with a queue timeout serves one loop */
    size_t stack_bytes;       /* of each thread; 1 MiB */
    bool batch;               /* run the threads in SCHED_BATCH, so that a woken thread does not
                                 preempt the loop; a refusal by the system is ignored */
    unsigned nice; /* added to the niceness of each thread, and so of the programs that it
                      starts: at 10 threads that compute leave the core to the loop at
                      once, and have a tenth of what another program gets; 0 */
} ferry_executor_options;

/*
 * Start the threads. They block every signal but the synchronous ones (SIGSEGV and its kin).
 * `options` may be NULL. Thread: any. Owns: the caller, until ferry_executor_free. Errors: NULL,
 * errno says why: EINVAL for a number of threads or a stack that cannot be, EAGAIN when the system
 * gives fewer threads, ENOMEM.
 */
FERRY_API ferry_executor *ferry_executor_new(const ferry_executor_options *options);

/*
 * Admit nothing more, and have each thread end when nothing waits that was admitted. Does not wait:
 * of several executors that are closed before the first is shut down, the threads end side by side.
 * Thread: any.
 */
FERRY_API void ferry_executor_close(ferry_executor *executor);

/*
 * Close it, let what was admitted run, and wait until every thread has ended, the
 * destructors of its thread-specific data included; past `deadline_ms` what is queued comes back
 * cancelled and what runs is left behind (its thread ends with it; its result goes to the loop if
 * that still takes it). A second call waits again.
 * Thread: any but the executor's own. Blocks: at most `deadline_ms`; beyond that only for threads
 * that have run nothing for less than a second.
 * Errors: FERRY_DEADLINE when threads are left behind; FERRY_CONFLICT on a thread of its own: that
 * is logged, and nothing is shut down.
 */
FERRY_API int ferry_executor_shutdown(ferry_executor *executor, int64_t deadline_ms);

/* Shut down with no patience and give up the executor. Memory that left-behind threads still use
 * goes with the last of them. Thread: the one that submits to it; on a thread of its own it is
 * refused, as above. NULL is allowed. */
FERRY_API void ferry_executor_free(ferry_executor *executor);

/* How a task ended; valid during its `done` only. */
typedef struct ferry_task_report {
    ferry_code outcome; /* FERRY_OK: run returned.  FERRY_CANCELLED: cancelled while it waited,
                           or the executor was shut down.  FERRY_REJECTED: its queue timeout */
    int64_t wait_us;    /* from submit until a thread took it, or it was given up */
    int64_t run_us;     /* inside run; 0 if it never ran */
} ferry_task_report;

/* What a task does; copied by submit. */
typedef struct ferry_task_work {
    void (*run)(void *arg);                                      /* worker thread; may block */
    void (*done)(void *arg, const ferry_task_report *report);    /* loop; exactly once */
    void (*dropped)(void *arg, const ferry_task_report *report); /* instead of done, on any thread,
                                                                    when the loop has closed;
                                                                    may be NULL */
    void *arg;
    size_t bytes;    /* what it counts against queue_bytes */
    bool background; /* it waits on while as many threads run such tasks as may; then those behind
                        it that are none go first */
} ferry_task_work;

/*
 * Queue a task. One that was admitted cannot fail any more for want of memory.
 * Thread: loop. Owns: `arg` is the task's until done or dropped has it back; the returned handle is
 * valid until then. The loop is kept (ferry_loop_ref) until then.
 * Errors: NULL and `error`: FERRY_REJECTED, the queue is full or the executor shuts down;
 * FERRY_INTERNAL, no memory. Then `arg` is still the caller's.
 */
FERRY_API ferry_task *ferry_executor_submit(ferry_executor *executor, ferry_loop *loop,
                                            const ferry_task_work *work, ferry_error *error);

/* Take a task out of the queue. Returns whether it was still there: then run is never called and
 * done follows with FERRY_CANCELLED, in a later turn. Thread: loop. */
FERRY_API bool ferry_task_cancel(ferry_task *task);

/* Tell whether a thread has taken the task. Thread: loop. */
FERRY_API bool ferry_task_is_started(const ferry_task *task);

/* Counts since the start, and the present state; taken at one moment. */
typedef struct ferry_executor_stats {
    unsigned threads;        /* as configured */
    unsigned busy;           /* threads that run a task now */
    unsigned queued;         /* tasks that wait now */
    size_t queued_bytes;     /* what those carry */
    uint64_t submitted;      /* admitted */
    uint64_t finished;       /* whose run returned */
    uint64_t cancelled;      /* cancelled while they waited */
    uint64_t timed_out;      /* given up after the queue timeout */
    uint64_t rejected_full;  /* refused: too many tasks wait */
    uint64_t rejected_bytes; /* refused: they carry too much */
    uint64_t rejected_shut;  /* refused: shut down */
} ferry_executor_stats;

/* Thread: any. */
FERRY_API void ferry_executor_get_stats(ferry_executor *executor, ferry_executor_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
