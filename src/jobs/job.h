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
    JOB_CANCEL,    /* somebody withdrew it; of a running one: its attempt ended after that */
    JOB_RETRY,     /* somebody wants it run now: again, or sooner */
    JOB_EVENT_COUNT
};

/* Return the name of a state: "scheduled". */
const char *job_state_name(enum job_state state);
bool job_state_is_final(enum job_state state);

/* Move *state by an event. Returns whether the event is allowed in that state. */
bool job_transition(enum job_state *state, enum job_event event);

/* A job as GET /jobs/ID shows it. Strings are the record's own; NULL where there is nothing. */
struct job_record {
    int64_t job; /* its row; a listing goes on below it */
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    int64_t version; /* one more with each change that is written */
    char *route;
    char *worker;
    enum job_state state;
    unsigned attempt; /* runs that were started, interrupted ones not counted */
    unsigned crashes;
    bool is_cancelling; /* withdrawn, while its attempt still runs */
    int64_t created_ms; /* wall clock; 0 where it has not happened, as below */
    int64_t run_at_ms;  /* when it is due next */
    int64_t started_ms; /* of the latest attempt */
    int64_t finished_ms;
    ferry_code error_code; /* of the latest failure */
    char *error;
    int result_status; /* 0: no result */
    char *result_type;
    char *result; /* result_length bytes and a NUL; NULL beside a status: it was not kept */
    size_t result_length;
};

void job_record_fini(struct job_record *record);

/* The route of the jobs that tell somebody of the end of a job. No path, so that no route of the
 * config has this name. */
#define JOB_CALLBACK_ROUTE "callback"

enum {
    JOB_FINGERPRINT_BYTES = 16,
    JOB_KEY_MAX = 255,
    JOB_RESULT_BYTES = 64 << 10, /* a longer one is not shown with its job, nor kept, unless its
                                    route says so */
};

/* Which jobs: those of all states in `states` (a bit each, 1 << JOB_DEAD; 0: any) and of a route
 * (NULL: any), from the newest to the oldest, below row `before` (0: from the top), `limit` at
 * most. */
struct job_filter {
    unsigned states;
    const char *route;
    int64_t before;
    unsigned limit;
};

enum { JOB_PAGE_MAX = 1000 };

/* What somebody may do to jobs. A running job is cancelled when its attempt has ended; only a final
 * one can be deleted. */
enum job_action { JOB_ACTION_CANCEL, JOB_ACTION_RETRY, JOB_ACTION_DELETE };

#endif
