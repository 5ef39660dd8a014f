/*
 * Operations: what the queue asks of the store, each a small struct that it embeds or allocates.
 *
 * The loop fills one in and gives it to store_write; from then on it is the store's, and the
 * writing thread fills in its results, until `done` has it back on the loop: after the commit, or
 * when it failed. What its pointers point to stays valid and untouched in between.
 */
#ifndef JOBS_OPERATION_H
#define JOBS_OPERATION_H

#include <stddef.h>
#include <stdint.h>

#include "job.h"

enum operation_kind {
    OPERATION_INSERT,
    OPERATION_FIND_KEY, /* an insert that makes no job, but finds the one of its key */
    OPERATION_CLAIM,
    OPERATION_SETTLE,
    OPERATION_RELEASE,
    OPERATION_CHANGE,
    OPERATION_PAUSE,
    OPERATION_SHIFT,
    OPERATION_UNDO,
    OPERATION_RETIRE,
    OPERATION_GIVE_ROWS, /* to every job: what follows it may look at the tables */
    OPERATION_GIVE_ROW,  /* to one: the same, for who looks for that only */
};

/* How an operation is written; the writer's own. */
enum operation_way {
    WAY_TABLES,
    WAY_TAKEN,   /* for the journal, or, if that does not take it, the tables (arrivals.h) */
    WAY_JOURNAL, /* it is there */
    WAY_NONE,    /* nothing is to be written */
};

struct operation {
    enum operation_kind kind;
    enum operation_way way;
    void (*done)(struct operation *operation);
    void *arg; /* for done */

    ferry_error error; /* FERRY_OK: it is on disk */
    bool in_doubt;     /* it failed as it was written, and may turn up on disk after a crash */
    struct operation *next;
};

/* Begin to write it: nothing is left of an earlier try. An error is most of an operation, and the
 * other thread has it in its cache: it is not wiped as a whole. */
static inline void operation_try(struct operation *operation)
{
    operation->error.code = FERRY_OK;
    operation->error.message[0] = '\0';
    operation->in_doubt = false;
}

/* Tell whether an error is no failure, but the answer to what somebody asked for. */
bool operation_is_answer(ferry_code code);

/* A claimed row is named by its number and by the claim's random token: who lacks the token cannot
 * write it. */
struct claim_key {
    int64_t job;
    int64_t token;
};

/* Completion callbacks that a write has added as jobs of JOB_CALLBACK_ROUTE, queued and due at
 * once: a job with a callback has become final. Results. */
struct callbacks_added {
    unsigned count;
    int64_t bytes; /* what their inputs weigh */
};

enum insert_outcome {
    INSERT_ADDED,
    INSERT_REPEATED,   /* its key names an earlier job, and the fingerprint is the same */
    INSERT_MISMATCHED, /* the same, with another fingerprint */
    INSERT_SLOT_TAKEN, /* its schedule has run this slot or a later one */
    INSERT_OVERLAPS,   /* the job of its schedule's last run is not final; the slot is taken now */
};

/* A new job. As JOB_RUNNING it is claimed already, with claim.token. When the outcome is
 * INSERT_REPEATED or INSERT_MISMATCHED, `id`, `delivery_id`, `state` and `run_at_ms` become the
 * earlier job's. With any outcome but INSERT_ADDED no job was made. That holds also when the
 * operation fails; one that made no job is never in doubt.
 * Errors, of OPERATION_FIND_KEY: FERRY_NOT_FOUND no job of its route has the key. */
struct insert_operation {
    struct operation base;
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    const char *route;
    const char *worker;
    enum job_state state;
    int64_t created_ms;
    int64_t run_at_ms;
    bool is_wall;  /* run_at_ms is what a person wrote: it stays when the wall clock steps */
    bool is_short; /* as JOB_RUNNING: its attempt is through within milliseconds */
    char *block;
    size_t length;
    const char *key; /* NULL: none; unique in its route for as long as the job is on disk */
    unsigned char fingerprint[JOB_FINGERPRINT_BYTES];
    const char *callback; /* NULL: none */
    const char *schedule; /* NULL: none; then slot_ms and may_overlap count for nothing */
    int64_t slot_ms;
    bool may_overlap;
    struct claim_key claim;      /* .job is a result */
    enum insert_outcome outcome; /* result */
};

struct claimed_job {
    struct claim_key key;
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    enum job_state was;
    unsigned attempt; /* the one that begins */
    int64_t version;
    char *block; /* malloc memory, whoever takes the job frees it; NULL: it is lost */
    size_t length;
    int64_t weight; /* what it counts as pending bytes */
    char *memory;   /* what the attempt before left; as `block`; NULL: nothing */
    size_t memory_length;
};

/* Take the jobs of a route that are due, the longest due first: `limit` of them at most, and, past
 * `least`, no more once their inputs weigh max_bytes (0: whatever they weigh). */
struct claim_operation {
    struct operation base;
    const char *route;
    unsigned limit, least;
    size_t max_bytes;
    int64_t token;
    int64_t now_ms;
    struct claimed_job *jobs; /* result: malloc memory, `count` of them */
    unsigned count;
    int64_t next_run_at_ms; /* result: when the next one of the route is due; INT64_MAX: none */
};

/* Free the jobs that nobody has taken; also after a failure, which may leave some. */
void claim_operation_fini(struct claim_operation *claim);

/* How an attempt ended. Where the job was cancelled meanwhile, JOB_RETRYING becomes JOB_CANCELLED,
 * finished at now_ms. */
struct settle_operation {
    struct operation base;
    struct claim_key key;
    int64_t was_version;  /* the job's when it was claimed, which saves a look; 0: not known */
    enum job_state state; /* also a result */
    int64_t now_ms;
    int64_t run_at_ms;   /* of JOB_RETRYING */
    ferry_error failure; /* FERRY_OK: none */
    int result_status;   /* 0: no result */
    char *result_type;   /* may be NULL */
    char *result;        /* may be NULL */
    size_t result_length;
    bool remembers; /* `memory` goes in place of what an earlier attempt left */
    char *memory;   /* NULL: nothing */
    size_t memory_length;
    bool changed;    /* result: false when the key did not fit */
    int64_t version; /* result */
    struct callbacks_added callbacks;
};

/* Give a claimed job back as if it had not been claimed, to be run at a time, or, where that is 0,
 * when it was to be run before; one that was cancelled meanwhile becomes JOB_CANCELLED. */
struct release_operation {
    struct operation base;
    struct claim_key key;
    int64_t now_ms;
    int64_t run_at_ms;
    bool changed;         /* result */
    enum job_state state; /* result: JOB_QUEUED or JOB_CANCELLED */
    int64_t version;      /* result */
    struct callbacks_added callbacks;
};

/* A job that was changed. Of a running one that is cancelled, `was` and `now` are JOB_RUNNING: it
 * is marked, and its attempt is yet to be told. Of a deleted one `now` is `was`. */
struct changed_job {
    char id[RANDOM_ID_TEXT_SIZE];
    char *route; /* malloc memory */
    enum job_state was;
    enum job_state now;
    unsigned attempt;
    int64_t version;
    int64_t weight;
};

/*
 * Do an action to the job of an id, or to those of a filter that allow it. Retrying a job that has
 * ended begins its attempts and crashes anew; one that succeeded has no input any more. A damaged
 * pack is deleted whole, past the filter's limit.
 * Errors, for an id: FERRY_NOT_FOUND, FERRY_GONE, FERRY_CONFLICT (its state does not allow it, or
 * it has no input any more; `jobs` holds it, unchanged).
 */
struct change_operation {
    struct operation base;
    enum job_action action;
    char id[RANDOM_ID_TEXT_SIZE]; /* "": by filter */
    struct job_filter filter;
    int64_t now_ms;
    struct changed_job *jobs; /* result: malloc memory, `count` of them */
    unsigned count;
    int64_t next; /* result, of a filter: go on below this row; 0: that was all */
    struct callbacks_added callbacks;
};

void change_operation_fini(struct change_operation *change);

/* Remember over restarts that a route is paused, or that it is not. */
struct pause_operation {
    struct operation base;
    const char *route;
    bool is_paused;
    int64_t now_ms;
};

/* The wall clock was set forward by so much (back: less than 0): what waits for a time that nobody
 * wrote moves along. */
struct shift_operation {
    struct operation base;
    int64_t by_ms;
    int64_t doubt_ms; /* it failed in doubt as it was done at this time; 0: it did not */
    int64_t upto_job; /* later ones came when it had failed, and know the new time; 0: all do not */
    int64_t done_ms;  /* result, also of one that failed: by the wall clock, as the database says */
    int64_t newest_job; /* the same: 0, or the newest that it was about */
};

/* Make sure that an insert (by its id) or a claim (by its token) that failed in doubt is not on
 * disk. */
struct undo_operation {
    struct operation base;
    char id[RANDOM_ID_TEXT_SIZE]; /* "": a claim */
    int64_t token;
};

/* Have a row for the job of an id. */
struct give_row_operation {
    struct operation base;
    char id[RANDOM_ID_TEXT_SIZE];
};

/* Delete final jobs of a route that ended before a time; that they were there is remembered
 * (FERRY_GONE) until `forget_ms`. `limit` bounds each of the two; the jobs of a pack go together.
 */
struct retire_operation {
    struct operation base;
    const char *route; /* NULL: no jobs, only forget */
    int64_t before_ms;
    int64_t now_ms;
    int64_t forget_ms; /* what was retired before this time is forgotten */
    unsigned limit;
    bool counts_ids;                  /* `remembered` is wanted, which takes a look at all */
    int64_t deleted[JOB_STATE_COUNT]; /* result */
    unsigned count;                   /* result: all of them */
    int64_t forgotten;                /* result: ids */
    int64_t remembered;               /* result: ids, afterwards */
};

#endif
