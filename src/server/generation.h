/*
 * A generation: what one config has become. It owns the config, the registry with its workers, the
 * routes and the schedules, and a reference on each of its pools and, through the registry, on each
 * of its workers.
 *
 * Its life: generation_open (off the loop, as workers' `open` may block) -> it is installed and
 * serves (generations.h) -> the next one is installed, and it drains: its requests, live calls and
 * attempts go on in its pools, under its workers -> generation_close (off the loop,
 * as threads end and workers close) -> generation_free.
 *
 * Pools and workers whose settings are unchanged are shared with the generation before, with their
 * threads and thread states. A pool is made anew as well when a worker that it has run is gone or
 * changed: thread states end with their threads only.
 */
#ifndef SERVER_GENERATION_H
#define SERVER_GENERATION_H

#include "config.h"
#include "jobs_api.h"
#include "route.h"
#include "schedules.h"

struct generation {
    struct generation *next; /* of those that drain */
    struct config *config;
    struct registry *registry;
    struct worker *callback_worker; /* NULL: callbacks are off */
    struct pool **pools;            /* one for each of the config's, in its order */
    size_t pool_count;
    size_t shared_pool_count; /* of these that the generation before had already */
    struct route_context context;
    struct jobs_api jobs_api; /* of the public listeners */
    struct route **routes;
    size_t route_count;
    struct schedules *schedules; /* NULL: not installed */
    bool has_schedules_started;
};

/* Make one of a config: open what is not open yet, and start threads. Takes over both arguments, in
 * any case. `before` may be NULL; it serves, and nobody changes it meanwhile. Any thread; blocks.
 * Errors: NULL and `error`. */
struct generation *generation_open(struct config *config, struct registry *registry,
                                   const struct generation *before, ferry_error *error);

/* Close it: the threads of pools that are nobody else's end, within `deadline_ms`, then workers
 * close. Nothing of it may be under way. Any thread; blocks. Returns 0, or FERRY_DEADLINE when a
 * thread was left behind: then what it may use must stay, and the generation is not freed. */
int generation_close(struct generation *generation, int64_t deadline_ms);

/* Give up the pools that others have as well, before it is closed: so that whoever has a pool last
 * finds out. Loop thread. */
void generation_leave_pools(struct generation *generation);

/* Free one that is closed. Loop thread. */
void generation_free(struct generation *generation);

/* Make routes and schedules, and tell the routes to the HTTP server, and all to the queue, which is
 * the last step: either all of it is done or nothing. Loop thread. `context` is copied. */
int generation_build(struct generation *generation, const struct route_context *context,
                     ferry_error *error);
int generation_join_queue(struct generation *generation, ferry_error *error);

/* Undo generation_build, also when it failed. Nothing of it may be under way. Loop thread. */
void generation_unbuild(struct generation *generation);

/* Return its pool of a name; NULL: there is none. */
struct pool *generation_pool(const struct generation *generation, const char *name);

#endif
