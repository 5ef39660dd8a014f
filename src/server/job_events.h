/*
 * A job's events (server-sent): its states as they change, its progress while it runs, and its end
 * with the result. Loop thread.
 */
#ifndef SERVER_JOB_EVENTS_H
#define SERVER_JOB_EVENTS_H

#include <ferry/http_stream.h>

#include "metrics.h"
#include "queue.h"

struct job_stream;

struct job_events {
    ferry_loop *loop;
    struct queue *queue;
    unsigned limit; /* streams; past it 503 */
    unsigned count;
    bool closing;
    struct job_stream *first;
    ferry_timer tick; /* while there are streams */
};

/* Embed one; registers its metric. `queue` must outlive the streams. */
void job_events_init(struct job_events *events, ferry_loop *loop, struct queue *queue,
                     unsigned limit, struct metrics *metrics);

/* End every stream. One that begins later says how things stand, and ends. */
void job_events_end_all(struct job_events *events);

/* Answer a request with the events of a job, from what its Last-Event-ID says on. 204 tells a
 * client that has seen the end not to come back. */
void job_events_stream(struct job_events *events, ferry_request *request, const char *id);

#endif
