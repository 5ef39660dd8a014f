/*
 * The inside of an attempt, for the two files that share it: attempt.c (its call) and attempt_end.c
 * (what is written of its end). Loop thread.
 */
#ifndef JOBS_ATTEMPT_STRUCT_H
#define JOBS_ATTEMPT_STRUCT_H

#include "attempt.h"

struct attempt {
    struct dispatch_route *route;
    struct dispatch_pool *pool;   /* where it has a slot: the route's, when it started */
    struct attempt *next, **link; /* of the queue, while the call is in flight; or of what is ready
                                     (ahead.h) */
    struct {
        char *block;
        size_t length;
        char *memory;
        size_t memory_length;
    } input;                 /* of the call to be; malloc memory */
    struct started *started; /* a reference, while there is a call; or NULL */
    int note;                /* its place there */
    struct claim_key key;
    int64_t version; /* the job's, since it was claimed */
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    unsigned number;
    int64_t weight;
    ferry_call *call;    /* NULL: none in flight */
    int64_t deadline_ms; /* of its call, by the loop's clock, and then for the log to call it stuck;
                            INT64_MAX: none, or it is over */
    bool is_overdue;
    bool is_stuck;     /* overdue, and its call runs: it counts in its pool's `stuck` */
    bool is_told;      /* that it is stuck, in the log */
    bool is_ahead;     /* it may wait for a thread in its pool (ahead.h) */
    bool is_withdrawn; /* it did, and has been taken back */
    bool is_cancelled; /* somebody withdrew the job, which is on disk already */
    bool is_ignored;   /* interrupted: its call's result counts for nothing */
    bool is_late;      /* the first write of its end has failed */
    unsigned holders;
    union {
        struct operation base;
        struct settle_operation settle;
        struct release_operation release;
    } write; /* last, and made when it is needed */
};

static inline struct queue *attempt_queue(const struct attempt *attempt)
{
    return attempt->route->queue;
}

void attempt_unref(struct attempt *attempt);

/* Free what its call would have been made of. */
void attempt_drop_input(struct attempt *attempt);

/* Count how an attempt ended in ferry_job_attempts_total. */
void attempt_count(const struct attempt *attempt, enum attempt_outcome outcome);

/* Write that the attempt has ended: as its call did, as a failure of its own, or as if it had not
 * been (the job is due again in `delay_ms`, or, with ATTEMPT_KEEPS_PLACE, as it was before). Each
 * holds the attempt until that is on disk. */
enum { ATTEMPT_KEEPS_PLACE = -1 };
void attempt_finish(struct attempt *attempt, ferry_call *call, int64_t now_ms);
void attempt_fail(struct attempt *attempt, const ferry_error *why, int64_t now_ms);
void attempt_release(struct attempt *attempt, int64_t delay_ms);

#endif
