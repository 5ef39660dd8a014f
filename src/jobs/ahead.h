/*
 * Claiming ahead: more jobs of a route are claimed than there are free slots, so that short ones do
 * not wait for a commit each.
 *
 * Its contract:
 * - As many are claimed ahead as will be through within a few milliseconds, by how long the route's
 *   attempts take; a route whose attempts take long, or are not known yet, claims none ahead. Nor
 *   does one with a rate or a concurrency of its own, or whose gate is not open; nor one whose
 *   results may be big, as many of them would wait for the disk at once.
 * - A job that was claimed ahead holds no slot. It is given one as any waiting job, by the turn and
 *   the priority of its route; on disk it is running.
 * - Where a route has a pool's slots to itself, some of its jobs that are ready wait for a thread
 * in the pool, so that a thread that has ended one finds the next without the loop. They are taken
 *   back when the others are given back.
 * - When the route may not claim ahead any more (its gate closes, an attempt of it took long), when
 *   the queue drains, or when none of them has been given a slot for a while because others hold
 *   them all, those that are ready are given back as if they had not been claimed. After such a
 *   while the route claims none ahead until its attempts have proved to be short again.
 * - A crash of the process does not count against it (started.h). Without that knowledge nothing is
 *   claimed ahead.
 *
 * Loop thread.
 */
#ifndef JOBS_AHEAD_H
#define JOBS_AHEAD_H

#include "queue_struct.h"

/* Return how many jobs of the route may be claimed ahead in all; 0: each needs a slot. */
unsigned ahead_limit(const struct dispatch_route *route);

/* Tell whether the route's attempts are known to be through within milliseconds. */
bool ahead_is_short(const struct dispatch_route *route);

/* Return how many more it may have now. */
unsigned ahead_room(const struct dispatch_route *route);

/* Tell whether it is time to fetch more from the disk: then in one claim what half the limit has
 * room for at least. */
bool ahead_is_low(const struct dispatch_route *route);

/* A job is ready: it is claimed, and waits for a slot. */
void ahead_push(struct dispatch_route *route, struct attempt *attempt);

/* Take the one that waits longest, for a slot that it has now (the loop's clock); NULL: none waits.
 */
struct attempt *ahead_pop(struct dispatch_route *route, int64_t now_ms);

/* Return how many jobs of the route may wait in the pool beside those that have a slot; 0: none. */
unsigned ahead_pool_limit(const struct dispatch_route *route);

/* Take the one that waits longest, to wait in the pool, until ahead_leave: at its end, or when it
 * counts no longer. That is harmless for any other attempt. */
struct attempt *ahead_enter(struct dispatch_route *route, int64_t now_ms);
void ahead_leave(struct attempt *attempt, int64_t now_ms);

/* Take the one of an id, of whichever route; NULL: it is not there. */
struct attempt *ahead_take(struct queue *queue, const char *id);

/* An attempt of the route has run for so long. */
void ahead_measure(struct dispatch_route *route, int64_t run_us);

/* Give back all that are ready; or those of a route where they cannot stay. */
void ahead_give_back(struct dispatch_route *route);
void ahead_review(struct dispatch_route *route, int64_t now_ms);

/* Return when ahead_review has something to do, by the loop's clock; INT64_MAX: nothing is ready.
 */
int64_t ahead_review_ms(const struct dispatch_route *route);

#endif
