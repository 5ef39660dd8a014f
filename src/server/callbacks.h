/*
 * Completion callbacks: the route of the jobs that tell somebody of the end of a job. The store
 * adds these jobs; here is who runs them.
 */
#ifndef SERVER_CALLBACKS_H
#define SERVER_CALLBACKS_H

#include "config.h"
#include "queue.h"

/* Open a webhook worker with the config's `callbacks`; NULL where they are not enabled. Any thread;
 * blocks as its `open` does. Returns 0, or a code with `error` set. */
int callbacks_open(const struct config_callbacks *config, const char *state_dir,
                   struct registry *registry, struct worker **worker, ferry_error *error);

/* Return its route, for the queue. `pool` is the one that the config names. */
struct queue_route callbacks_route(const struct config_callbacks *config,
                                   const struct worker *worker, struct queue_pool *pool);

#endif
