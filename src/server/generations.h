/*
 * The generations of a server: the one that serves, and those before it that drain. Loop thread.
 *
 * The rule of a swap: it is done in one turn of the loop. A request belongs to the generation whose
 * route took it, a live call to that of its request, an attempt to the pool and the worker that it
 * began with. So each is under one generation from its beginning to its end, and a generation has
 * drained when its counts of these are zero.
 */
#ifndef SERVER_GENERATIONS_H
#define SERVER_GENERATIONS_H

#include "generation.h"

struct generations {
    struct route_context context; /* what all generations begin with */
    struct route_metrics *route_metrics;
    /* Bind the paths that are no route's. */
    int (*bind_own)(void *arg, struct generation *made, ferry_error *error);
    void *arg;
    struct generation *current;
    struct generation *old; /* the newest first */
    bool has_started;
};

/* Serve with a generation from now on; the one that served drains. It is taken over, or nothing is
 * changed and it is still the caller's. */
int generations_install(struct generations *all, struct generation *made, ferry_error *error);

/* Begin with the schedules, after queue_start. */
void generations_start(struct generations *all);

/* Look again: schedules begin when those of older generations are idle. Returns a generation that
 * has drained and is now the caller's, to close it; or NULL. */
struct generation *generations_look(struct generations *all);

/* Sum and cancel the live calls of all of them. */
unsigned generations_live_calls(const struct generations *all);
void generations_cancel_calls(struct generations *all);

/* End the threads of all pools. Blocks. Returns whether all have ended within `deadline_ms`. */
bool generations_stop_pools(struct generations *all, int64_t deadline_ms);

/* When the queue is closed, and all threads have ended. */
void generations_free(struct generations *all);

#endif
