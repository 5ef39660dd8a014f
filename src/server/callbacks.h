/*
 * Completion callbacks: the route of the jobs that tell somebody of the end of a job. The store
 * adds these jobs; here is who runs them. Main thread, before the loop runs.
 */
#ifndef SERVER_CALLBACKS_H
#define SERVER_CALLBACKS_H

#include "config.h"
#include "queue.h"

/* Open a webhook worker with the config's `callbacks`, and make its route known to the queue; do
 * nothing where callbacks are not enabled. `pool` is the one that the config names. Returns 0, or a
 * code with `error` set. */
int callbacks_open(const struct config_callbacks *config, const char *state_dir,
                   struct registry *registry, struct queue *queue, struct queue_pool *pool,
                   ferry_error *error);

#endif
