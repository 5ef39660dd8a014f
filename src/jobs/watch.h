/*
 * Watches: who wants to hear of the changes of a job. Loop thread. queue.h has the promise.
 */
#ifndef JOBS_WATCH_H
#define JOBS_WATCH_H

#include "queue.h"

struct watched; /* a job that somebody watches */

/* All of a queue's watches; zeroed, it is empty. */
struct watches {
    struct watched *jobs;
};

struct queue_watch *watch_new(struct watches *watches, const char *id, job_changed *changed,
                              void *arg);

/* Tell everybody who watches the job. A watch that is added meanwhile is not told. */
void watches_tell(struct watches *watches, const char *id, const struct job_change *change);

/* End every watch: their owners may still call queue_unwatch. */
void watches_end(struct watches *watches);

#endif
