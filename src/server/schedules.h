/*
 * The schedules: what adds jobs by the clock. Loop thread.
 */
#ifndef SERVER_SCHEDULES_H
#define SERVER_SCHEDULES_H

#include <ferry/loop.h>

#include "config.h"
#include "metrics.h"
#include "queue.h"

struct schedules;

/* All of it stays the caller's and must outlive the schedules. */
struct schedules_options {
    ferry_loop *loop;
    struct queue *queue;
    struct metrics *metrics;
    const struct config_schedule *schedules;
    size_t count;
    int64_t (*wall_ms)(void); /* NULL: the wall clock */
};

/* Make them; the struct is copied. NULL without memory. */
struct schedules *schedules_new(const struct schedules_options *options);

/* Begin, after queue_start; what came due since their last run on record is missed from then on. */
void schedules_start(struct schedules *schedules);

/* Take over from others, which are stopped, where those of the same name stand: what they let go,
 * and the slot that the queue refuses. Before these begin. */
void schedules_inherit(struct schedules *schedules, const struct schedules *before);

/* Begin in the place of others, which were stopped a moment ago and are idle: nothing was missed.
 */
void schedules_take_over(struct schedules *schedules);

/* Add nothing more. What has been given to the queue may still come back. */
void schedules_stop(struct schedules *schedules);

/* Tell whether nothing is with the queue. */
bool schedules_are_idle(const struct schedules *schedules);

/* Append all of them, and when each is due, as docs/schedules.md has it. */
void schedules_json(struct bytes *out, const struct schedules *schedules);

/* When they are idle; or after queue_close, which calls what waits for a commit. NULL is allowed.
 */
void schedules_free(struct schedules *schedules);

#endif
