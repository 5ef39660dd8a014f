/* Which route claims jobs when: the slots of the pools, and the turn of each route. Loop thread. */
#ifndef JOBS_DISPATCH_H
#define JOBS_DISPATCH_H

#include "queue_struct.h"

struct dispatch_route *dispatch_route_new(struct queue *queue, const struct queue_route *route);
struct dispatch_route *dispatch_route_find(const struct queue *queue, const char *name);
void dispatch_free(struct queue *queue);

/* Claim for every route that may have due jobs, as far as there are free slots; and wake up again
 * when the next job is due. Call it whenever one of these has changed. */
void dispatch(struct queue *queue);

/* A job of the route waits from now on, due at a time of the wall clock. */
void dispatch_expect(struct dispatch_route *route, int64_t run_at_ms);

/* Take a slot for a job that was not waiting, if one is free, the route's gate is open, and no
 * waiting job is due before it. */
bool dispatch_take_slot(struct dispatch_route *route);

/* Free the slots of jobs whose attempts did not start after all; or the slot of one that ended. */
void dispatch_give_back(struct dispatch_route *route, unsigned count);
void dispatch_end(struct dispatch_route *route, enum gate_end end);

/* The route's worker asks that no attempt starts for so long. */
void dispatch_shut(struct dispatch_route *route, int64_t ms);

/* The route's pool has no room for jobs just now: let it alone for a moment. */
void dispatch_pause_pool(struct dispatch_route *route);

#endif
