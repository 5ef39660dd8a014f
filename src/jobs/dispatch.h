/* Which route claims jobs when: the slots of the pools, and the turn of each route. Loop thread. */
#ifndef JOBS_DISPATCH_H
#define JOBS_DISPATCH_H

#include "queue_struct.h"

/* Return a route by its name if it is known, else NULL. */
struct dispatch_route *dispatch_route_find(const struct queue *queue, const char *name);

/* Return a route by its name, known or not; made if need be. NULL without memory. */
struct dispatch_route *dispatch_route_get(struct queue *queue, const char *name);

/* The same of a pool. */
struct dispatch_pool *dispatch_pool_get(struct queue *queue, struct queue_pool *pool);

/* Make a route known, or give it new settings. */
void dispatch_route_set(struct dispatch_route *route, const struct queue_route *settings,
                        struct dispatch_pool *pool);

/* Make it unknown: slots that no attempt has yet are free. */
void dispatch_route_unset(struct dispatch_route *route);

/* Forget a pool that has neither routes nor attempts. Returns whether it is forgotten. */
bool dispatch_pool_forget(struct queue *queue, const struct queue_pool *pool);

void dispatch_free(struct queue *queue);

/* Claim for every route that may have due jobs, as far as there are free slots, and start what is
 * claimed; and wake up again when the next job is due. Call it whenever one of these has changed.
 * It is done once for all calls of a turn, when that ends, or when the store has handed over the
 * batch that is being gathered: then dispatch_batch_gone is to be called. */
void dispatch(struct queue *queue);
void dispatch_batch_gone(struct queue *queue);

/* Tell whether it was called, and is still to be done. */
bool dispatch_is_due(const struct queue *queue);

/* Do not, and wake up no more. */
void dispatch_stop(struct queue *queue);

/* A job of the route waits from now on, due at a time of the wall clock. */
void dispatch_expect(struct dispatch_route *route, int64_t run_at_ms);

/* What there is for a job that was not waiting: it waits from now on; or, where the route's gate is
 * open and no waiting job is due before it, it has a slot, or is to be claimed ahead (ahead.h). */
enum dispatch_place { DISPATCH_WAITS, DISPATCH_SLOT, DISPATCH_AHEAD };
enum dispatch_place dispatch_take(struct dispatch_route *route, const struct queue_now *now);

/* So many that were to be claimed ahead have come, or do not come after all. */
void dispatch_come_ahead(struct dispatch_route *route, unsigned count);

/* Free the slots of jobs whose attempts do not start after all. */
void dispatch_give_back(struct dispatch_route *route, unsigned count);

/* An attempt starts, of a route that is known: it has one of the slots from now on, in the pool
 * that this returns. It frees it when its call never ran, or when it has ended. */
struct dispatch_pool *dispatch_begin(struct dispatch_route *route);
void dispatch_return(struct dispatch_route *route, struct dispatch_pool *pool);
void dispatch_end(struct dispatch_route *route, struct dispatch_pool *pool, enum gate_end end,
                  int64_t now_ms);

/* The route's worker asks that no attempt starts for so long. */
void dispatch_shut(struct dispatch_route *route, int64_t ms);

/* The pool has no room for jobs just now: let it alone for a moment. */
void dispatch_pause_pool(const struct queue *queue, struct dispatch_pool *pool);

#endif
