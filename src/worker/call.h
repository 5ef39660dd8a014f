/*
 * A call: one run of a worker, from its input to its output. The one path that live requests and
 * deferred jobs share.
 *
 * The loop makes a call and submits it; a pool thread runs it; done has it back on the loop, where
 * the output is read and the call freed. worker.h is the worker's side of the same object.
 */
#ifndef WORKER_CALL_H
#define WORKER_CALL_H

#include <ferry/executor.h>
#include <ferry/worker.h>

#include "bytes.h"
#include "registry.h"

/* Called on the pool's thread that is about to run the call, with the `arg` of call_submit. */
typedef void call_started(void *arg);

struct call_options {
    unsigned attempt;        /* 1 is the first */
    const char *delivery_id; /* copied; NULL: a new one, when the worker asks */
    const char *route;       /* its name, for the report of a crash; copied; may be NULL */
    int64_t timeout_ms;      /* from now, waiting in the queue included; 0: none */
    const char *memory;      /* what an earlier attempt left; copied; may be NULL */
    size_t memory_length;
    call_started *started; /* may be NULL */
    bool background;       /* of its task (ferry_task_work) */
};

/* Make a call of an input block (call_input.h), which it takes over, also on failure. Errors: NULL
 * and `error`: FERRY_INVALID the block is damaged, FERRY_INTERNAL no memory. */
ferry_call *call_new(const struct worker *worker, char *block, size_t length,
                     const struct call_options *options, ferry_error *error);
void call_free(ferry_call *call);

/* Called on the loop, exactly once, when the call has ended in whatever way. The call is the
 * callee's to free. */
typedef void call_done(ferry_call *call, const ferry_task_report *report, void *arg);

/* Queue the call. Returns 0, or what ferry_executor_submit reports; then done is never called. If
 * the loop closes before done, the call is freed. */
int call_submit(ferry_call *call, ferry_loop *loop, ferry_executor *executor, call_done *done,
                void *arg, ferry_error *error);

/* Withdraw it: what waits comes back by done with FERRY_CANCELLED, what runs sees its flag, its
 * wait ends, and the worker's cancel hook is called. Harmless at any time between submit and done.
 * Returns whether it had not started. */
bool call_cancel(ferry_call *call);

/* Take it back if it has not started: then it comes back by done with FERRY_CANCELLED. Returns
 * whether it is taken back. */
bool call_withdraw(ferry_call *call);

/* Most workers heed their flag, and their threads are back at once: a call that is cancelled at its
 * deadline is called stuck in the log when it still runs so long after. */
enum { CALL_STUCK_MS = 1000 };

/* Return the name of its worker, by the config. Valid as long as the call. */
const char *call_worker_name(const ferry_call *call);

/* Tell whether a thread runs it (or has run it). */
bool call_is_started(const ferry_call *call);

/* The answer, valid from done until call_free. */
struct call_output {
    ferry_error error;    /* FERRY_OK: there is a reply; else why there is none */
    int status;           /* 200 to 599, of the reply */
    char *content_type;   /* may be NULL */
    struct bytes headers; /* pairs "name\0value\0" */
    struct bytes body;
    struct bytes memory;    /* for the next attempt, */
    bool remembers;         /* if this is set; else that is what this one got */
    int64_t retry_after_ms; /* 0: the worker did not say */
    int64_t pause_route_ms; /* 0: no */
};

struct call_output *call_output(ferry_call *call);

/* The code of how the call ended: the error's, or that of a reply's status >= 400. */
ferry_code call_outcome(const ferry_call *call);

/* The last progress that run reported. The message is copied into `message`. Loop, at any time.
 * Returns whether there was any. */
bool call_get_progress(ferry_call *call, double *fraction, char *message, size_t size);

#endif
