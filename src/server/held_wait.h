/*
 * Requests that wait for a job's end (Prefer: wait). The job is on disk and goes its way in any
 * case; what is held is the answer: until the job has ended, the time is up, the client leaves, or
 * the server drains. Loop thread.
 */
#ifndef SERVER_HELD_WAIT_H
#define SERVER_HELD_WAIT_H

#include <ferry/http.h>

#include "held_key.h"
#include "metrics.h"
#include "queue.h"

struct held_wait;

struct held_waits {
    ferry_loop *loop;
    struct queue *queue;
    unsigned limit; /* past it a request is answered at once */
    unsigned count;
    bool closing;
    struct held_wait *first;
    struct held_keys keys;
};

/* Embed one; registers its metric. `queue` must outlive the waits. */
void held_waits_init(struct held_waits *waits, ferry_loop *loop, struct queue *queue,
                     unsigned limit, struct metrics *metrics);

/* End all, and hold no more. */
void held_waits_end_all(struct held_waits *waits);

/* Take a place, before the job is made. Returns NULL when there is none, or no memory: then the
 * answer is not held. */
struct held_wait *held_wait_new(struct held_waits *waits, int64_t timeout_ms);

/* Hold a key as well, for as long as the wait lasts. Errors: those of held_key_new. */
int held_wait_hold_key(struct held_wait *wait, const char *route, const char *key,
                       const unsigned char fingerprint[JOB_FINGERPRINT_BYTES], ferry_error *error);

/* Give back a place that was not used. NULL is allowed. */
void held_wait_free(struct held_wait *wait);

/* The wait is over: with the record of a final job (its own until this returns), or with NULL and
 * the job's last known state. The request is still to be replied to. */
typedef void held_wait_done(void *arg, const struct job_record *record, enum job_state state);

/* Wait for a job, which is on disk; called when the queue says so, and the receipt is the queue's.
 * `done` is called once, possibly before this returns, and then the wait is no more. The request's
 * on_gone is the wait's until then. */
void held_wait_begin(struct held_wait *wait, const struct queue_receipt *receipt,
                     ferry_request *request, held_wait_done *done, void *arg);

#endif
