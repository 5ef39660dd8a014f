/*
 * The calls that run now, in a fixed table that can be read where nothing else can be trusted any
 * more: in the handler of a signal that ends the process.
 *
 * A pool thread enters a call before it runs it and takes it out afterwards: a swap of an atomic
 * and a copy of three short texts. Nothing in the table points anywhere, so that reading it
 * follows no pointer.
 */
#ifndef WORKER_IN_FLIGHT_H
#define WORKER_IN_FLIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "random.h"

enum { IN_FLIGHT_SLOTS = 1024, IN_FLIGHT_NAME_SIZE = 48 };

struct in_flight {
    atomic_int thread; /* the id of the thread that runs it, once all else is written; else 0 */
    char worker[IN_FLIGHT_NAME_SIZE];
    char route[IN_FLIGHT_NAME_SIZE]; /* longer ones are cut */
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    atomic_bool taken;
};

/* Enter a call; `route` may be NULL, and `delivery_id` empty. Returns its slot, or NULL when all
 * are taken. Thread: the one that runs the call. */
struct in_flight *in_flight_begin(const char *worker, const char *route, const char *delivery_id);

/* Take it out. NULL is allowed. */
void in_flight_end(struct in_flight *slot);

/* Return the slot at an index below IN_FLIGHT_SLOTS, or NULL when it is free. What another thread
 * ends meanwhile may read as a mix of two calls. Thread: any; a signal handler, too. */
const struct in_flight *in_flight_at(unsigned index);

/* Give each thread a signal stack of its own at its first call from now on, so that a thread that
 * has used up its stack can still be reported. Main thread, before the others start. */
void in_flight_use_signal_stacks(void);

/* Give the calling thread its signal stack now. */
void in_flight_use_signal_stack(void);

#endif
