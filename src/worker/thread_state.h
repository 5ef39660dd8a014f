/* What workers keep for each thread: made on the thread's first call of a worker, closed when the
 * thread ends. */
#ifndef WORKER_THREAD_STATE_H
#define WORKER_THREAD_STATE_H

#include "registry.h"

/* Give the state that `run` gets on this thread, opening it if need be. Returns 0, or the code of
 * the failure; `error` is set, unless thread_open should have. Worker thread; blocks as thread_open
 * does. */
int thread_state_get(const struct worker *worker, void **state, ferry_error *error);

#endif
