/*
 * The inside of a call, for the two files that share it: call.c (its life) and call_worker.c (what
 * a worker sees of it).
 */
#ifndef WORKER_CALL_STRUCT_H
#define WORKER_CALL_STRUCT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "call.h"
#include "call_input.h"
#include "in_flight.h"
#include "random.h"

enum { PROGRESS_MESSAGE_SIZE = 160, MEMORY_MAX_BYTES = 64 << 10 };

struct ferry_call {
    /* Set once, before the submit. */
    const struct worker *worker;
    char route[IN_FLIGHT_NAME_SIZE]; /* empty: none; the route itself may be gone by then */
    struct call_input input;
    unsigned attempt;
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    int64_t deadline_us; /* monotonic; INT64_MAX: none */
    char *memory;        /* of an earlier attempt; may be NULL */
    size_t memory_length;
    call_started *started; /* may be NULL */
    bool background;

    /* The loop's, but for `arg`, which `started` is called with. */
    ferry_task *task;
    call_done *done;
    void *arg;

    /* The running thread's until done, then the loop's. */
    struct call_output output;

    atomic_bool cancelled;
    sem_t cancel_set; /* posted when `cancelled` is set */

    pthread_mutex_t lock; /* guards what follows */
    bool running;         /* run has not returned yet: cancel may be called */
    void *data;           /* the worker's, for its cancel hook */
    bool has_progress;
    double progress;
    char progress_message[PROGRESS_MESSAGE_SIZE];
};

#endif
