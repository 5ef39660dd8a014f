/*
 * A route's gate: how many of its attempts may start now, and when time alone opens it again. It
 * keeps the route's concurrency, its rate, its breaker and its pause.
 *
 * The breaker: so many transient failures in a row close the gate for a while (a worker may ask for
 * that itself). Then one attempt is let through to try: if the peer answers, the gate opens, else
 * it closes again.
 *
 * No thread of its own, no I/O. Times are milliseconds of the loop's clock.
 */
#ifndef JOBS_GATE_H
#define JOBS_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"

/* How an attempt ended, as far as the peer is concerned. */
enum gate_end {
    GATE_ANSWERED, /* it succeeded, or failed for good: the peer is there */
    GATE_FAILED,   /* in a way that may pass */
    GATE_UNKNOWN,  /* it was cut short */
};

struct gate {
    const struct queue_route *route; /* its limits; outlives the gate */
    unsigned running;                /* attempts taken and not ended */
    int64_t next_us;                 /* when the next one is due at an even rate */
    unsigned failures;               /* transient ones in a row */
    int64_t shut_until_ms;           /* 0: not shut; else it opens only by an attempt that tried */
    int64_t shut_ms;                 /* how long it was shut the last time */
    bool is_probing;                 /* that attempt runs */
    bool is_paused;
};

/* Return how many attempts may start now. */
unsigned gate_room(const struct gate *gate, int64_t now_ms);

/* Return in how many milliseconds time alone will make room; 0: there is some, INT64_MAX: something
 * else must happen first. */
int64_t gate_rest_ms(const struct gate *gate, int64_t now_ms);

/* Let attempts through; there must be room for them. */
void gate_take(struct gate *gate, unsigned count, int64_t now_ms);

/* Take back those that were let through and did not start after all. */
void gate_give_back(struct gate *gate, unsigned count);

/* An attempt has ended. Returns whether that has shut the gate. */
bool gate_end(struct gate *gate, enum gate_end end, int64_t now_ms);

/* Shut the gate for `ms`, as its breaker would. */
void gate_shut(struct gate *gate, int64_t ms, int64_t now_ms);

/* Pause, or resume, which opens a shut gate as well. */
void gate_pause(struct gate *gate, bool is_paused);

enum queue_gate gate_state(const struct gate *gate, int64_t now_ms);

#endif
