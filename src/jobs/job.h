/*
 * A job: a deferred call that is on disk. Its record, its states, and the one function that says
 * which state may follow which.
 */
#ifndef JOBS_JOB_H
#define JOBS_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include <ferry/error.h>

#include "random.h"

enum job_state {
    JOB_SCHEDULED, /* its first run is not due yet */
    JOB_QUEUED,    /* due; waits for a thread */
    JOB_RUNNING,
    JOB_RETRYING,  /* waits out a backoff */
    JOB_SUCCEEDED, /* this and the next two are final */
    JOB_DEAD,
    JOB_CANCELLED,
    JOB_STATE_COUNT
};

/* What happens to a job. */
enum job_event {
    JOB_CLAIM,     /* a thread is there for it */
    JOB_SUCCEED,   /* its attempt ended well */
    JOB_FAIL,      /* its attempt failed, and may be tried again */
    JOB_GIVE_UP,   /* its attempt failed for good, or was the last */
    JOB_INTERRUPT, /* its attempt was cut short: by a crash, or by the end of a drain */
    JOB_CANCEL,
    JOB_EVENT_COUNT
};

/* Return the name of a state: "scheduled". */
const char *job_state_name(enum job_state state);
bool job_state_is_final(enum job_state state);

/* Move *state by an event. Returns whether the event is allowed in that state. */
bool job_transition(enum job_state *state, enum job_event event);

/* A job as GET /jobs/ID shows it. Strings are the record's own; NULL where there is nothing. */
struct job_record {
    char id[RANDOM_ID_TEXT_SIZE];
    char *route;
    char *worker;
    enum job_state state;
    unsigned attempt; /* runs that were started, interrupted ones not counted */
    unsigned crashes;
    int64_t created_ms; /* wall clock; 0 where it has not happened, as below */
    int64_t run_at_ms;  /* when it is due next */
    int64_t started_ms; /* of the latest attempt */
    int64_t finished_ms;
    ferry_code error_code; /* of the latest failure */
    char *error;
    int result_status; /* 0: no result */
    char *result_type;
    char *result; /* result_length bytes and a NUL */
    size_t result_length;
};

void job_record_fini(struct job_record *record);

#endif
