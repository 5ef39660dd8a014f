/*
 * Isolated workers: their calls run in processes of their own, one for each thread of a pool that
 * calls them. What happens there happens to one call: a crash fails it, and a call that does not
 * end is killed.
 *
 * To the rest of the house it is a worker as any other: what its hooks do is to talk to a process
 * (lane.h). `open` has run in the server as well, to check the settings.
 */
#ifndef WORKER_ISOLATED_H
#define WORKER_ISOLATED_H

#include <ferry/worker.h>

struct isolated;
struct lane_opening;

/* Make what stands in for an opened worker. All that opens it in its processes is copied. NULL
 * without memory. */
struct isolated *isolated_new(const struct lane_opening *opening);
size_t isolated_answer_limit(const struct isolated *isolated);
void isolated_free(struct isolated *isolated);

/* The hooks that run its calls, with `struct isolated` as the state. */
extern const ferry_worker isolated_hooks;

#endif
