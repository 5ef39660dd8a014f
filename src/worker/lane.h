/*
 * A lane: a thread of a pool, and the process that runs the calls of an isolated worker for it. The
 * thread's blocking call is to talk to its process.
 *
 * The process is this program once more (lane_host.h). It is started at the first call, and anew at
 * the first after it has ended, however that was.
 */
#ifndef WORKER_LANE_H
#define WORKER_LANE_H

#include <stdint.h>

#include <ferry/worker.h>

#include "bytes.h"

/* How long a call may go on after its cancel or its deadline. Then its process is killed. */
enum { LANE_GRACE_MS = 2000 };

struct lane;

/* Make one of the calling thread's, for a worker. Both must outlive it: the worker's name, and the
 * message that opens it in the process. An answer whose body and headers are longer than the limit,
 * as that message has it, too, is none. NULL without memory or descriptors: errno says which. */
struct lane *lane_new(const char *worker, const struct bytes *opening, size_t answer_limit);

/* End the process: it is asked to, then killed. Its own thread. Blocks: LANE_GRACE_MS at most. */
void lane_free(struct lane *lane);

/* Run a call in the process, and give the call its answer. Fails it with FERRY_TRANSIENT when the
 * process cannot be started or ends meanwhile, and with FERRY_DEADLINE or FERRY_CANCELLED when it
 * is killed, and with FERRY_REJECTED without memory. Returns 0 or that code. Its own thread. Blocks
 * until then. */
int lane_run(struct lane *lane, ferry_call *call);

/* How many processes there are, of all lanes; and how many ended by themselves, or were killed
 * since their call did not end. Any thread. */
struct lane_counts {
    unsigned running;
    uint64_t crashed;
    uint64_t killed;
};
struct lane_counts lane_counts(void);

/* The call that runs is cancelled. Any thread; does not block. */
void lane_interrupt(struct lane *lane);

#endif
