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
    OPERATION_CLAIM,
    OPERATION_SETTLE,
    OPERATION_RELEASE,
    OPERATION_UNDO,
    OPERATION_RETIRE,
};

struct operation {
    enum operation_kind kind;
    void (*done)(struct operation *operation);
    void *arg; /* for done */

    ferry_error error; /* FERRY_OK: it is on disk */
    bool in_doubt;     /* it failed in its commit, and may yet turn up on disk after a crash */
    struct operation *next;
};

/* A claimed row is named by its number and by the claim's random token: who lacks the token cannot
 * write it. */
struct claim_key {
    int64_t job;
    int64_t token;
};

/* A new job. As JOB_RUNNING it is claimed already, with key.token. */
struct insert_operation {
    struct operation base;
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    const char *route;
    const char *worker;
    enum job_state state;
    int64_t created_ms;
    int64_t run_at_ms;
    char *block;
    size_t length;
    struct claim_key key; /* .job is a result */
};

struct claimed_job {
    struct claim_key key;
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    enum job_state was;
    unsigned attempt; /* the one that begins */
    char *block;      /* malloc memory, whoever takes the job frees it; NULL: it is lost */
    size_t length;
    int64_t weight; /* what it counts as pending bytes */
};

/* Take the jobs of a route that are due, the longest due first. */
struct claim_operation {
    struct operation base;
    const char *route;
    unsigned limit;
    int64_t token;
    int64_t now_ms;
    struct claimed_job *jobs; /* result: malloc memory, `count` of them */
    unsigned count;
    int64_t next_run_at_ms; /* result: when the next one of the route is due; INT64_MAX: none */
};

/* Free the jobs that nobody has taken; also after a failure, which may leave some. */
void claim_operation_fini(struct claim_operation *claim);

/* How an attempt ended. */
struct settle_operation {
    struct operation base;
    struct claim_key key;
    enum job_state state;
    int64_t run_at_ms;   /* of JOB_RETRYING */
    int64_t finished_ms; /* of a final state */
    ferry_error failure; /* FERRY_OK: none */
    int result_status;   /* 0: no result */
    char *result_type;   /* may be NULL */
    char *result;        /* may be NULL */
    size_t result_length;
    bool changed; /* result: false when the key did not fit */
};

/* Give a claimed job back as if it had not been claimed. */
struct release_operation {
    struct operation base;
    struct claim_key key;
    int64_t run_at_ms;
    bool changed; /* result */
};

/* Make sure that an insert (by its id) or a claim (by its token) that failed in doubt is not on
 * disk. */
struct undo_operation {
    struct operation base;
    char id[RANDOM_ID_TEXT_SIZE]; /* "": a claim */
    int64_t token;
};

/* Delete final jobs that ended before a time. */
struct retire_operation {
    struct operation base;
    int64_t before_ms;
    unsigned limit;
    int64_t deleted[JOB_STATE_COUNT]; /* result */
    unsigned count;                   /* result: all of them */
};

#endif
