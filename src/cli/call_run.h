/* One call of a worker, on a loop and a thread of its own, without a server. */
#ifndef CLI_CALL_RUN_H
#define CLI_CALL_RUN_H

#include "call.h"
#include "config.h"
#include "progress_bar.h"

/* Begin with {.route = ..., .bar = ...}. */
struct call_run {
    const struct config_route *route;
    struct progress_bar *bar; /* shows the call's progress; NULL: nobody looks */
    ferry_call *call;         /* NULL when it could not be made */
    ferry_error error; /* why there is no answer of the call's own: its deadline, no memory */
    bool left_behind;  /* its thread is still inside the worker: free nothing, and _exit */

    ferry_loop *loop;
    ferry_executor *executor;
    bool has_ended;
    unsigned interrupts;
};

/* Run a call of an input block, which it takes over, until it has ended: SIGINT and SIGTERM cancel
 * it, and so does the route's timeout. A worker that heeds neither is waited for two seconds past
 * the timeout, and for ever after a signal, until the second one. Main thread. */
void call_run(struct call_run *run, struct bytes *block);

/* Return the output of the call, NULL where run->error stands instead. Valid until call_run_fini.
 */
const struct call_output *call_run_output(const struct call_run *run);

/* Not if the thread was left behind. */
void call_run_fini(struct call_run *run);

#endif
