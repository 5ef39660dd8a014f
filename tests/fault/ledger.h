/*
 * The ledger: what a job may look like on disk, as far as the answers of the store tell. An answer
 * that was OK leaves one view of a job; a failure adds what it may have done all the same, if it
 * was in doubt. One thread.
 */
#ifndef TESTS_FAULT_LEDGER_H
#define TESTS_FAULT_LEDGER_H

#include "operation.h"

enum { LEDGER_MAX_VIEWS = 32, LEDGER_MAX_JOBS = 1024 };

struct view {
    bool is_there;
    enum job_state state;
    unsigned attempt, crashes;
    int64_t run_at_ms, finished_ms;
};

struct entry {
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    const char *route;
    char *block;
    size_t length;
    struct view views[LEDGER_MAX_VIEWS];
    unsigned view_count;
    struct claim_key key; /* of its latest claim */
    bool is_busy;         /* an operation on it is not answered, or must be written again */
    bool is_seen;         /* on disk, in the present check */
};

struct ledger {
    struct entry entries[LEDGER_MAX_JOBS];
    unsigned count;
    unsigned max_crashes;
    unsigned long acknowledged; /* operations */
};

void ledger_init(struct ledger *ledger, unsigned max_crashes);
void ledger_fini(struct ledger *ledger);

/* Note a job that is not on disk yet. */
struct entry *ledger_add(struct ledger *ledger, const char *route, char *block, size_t length);
struct entry *ledger_find(struct ledger *ledger, const char *id);

bool entry_is_certain(const struct entry *entry);

/* Note what an operation did (`certainly`) or may have done to a job. */
void entry_apply(struct entry *entry, const struct operation *operation, bool certainly);

/* Note the answer of a claim or of an operation on no single job. Returns NULL, or what is wrong
 * with it. */
const char *ledger_claimed(struct ledger *ledger, const struct claim_operation *claim);
void ledger_claim_undone(struct ledger *ledger, const struct undo_operation *undo);
const char *ledger_retired(struct ledger *ledger, const struct retire_operation *retire);

/* The process has ended: what ran was interrupted. */
void ledger_interrupt(struct ledger *ledger);

/* A row of the database: NULL, or what is wrong with it. From then on it is certain. */
const char *ledger_check_row(struct ledger *ledger, const char *id, const struct view *row,
                             const void *block, size_t length);

/* Whether each job without a row may be gone: NULL, or its id. */
const char *ledger_check_missing(struct ledger *ledger);
void ledger_start_check(struct ledger *ledger);

#endif
