/*
 * The ledger: what a job may look like on disk, as far as the answers of the store tell. An answer
 * that was OK leaves one view of a job; a failure adds what it may have done all the same, if it
 * was in doubt. One thread.
 */
#ifndef TESTS_FAULT_LEDGER_H
#define TESTS_FAULT_LEDGER_H

#include "view.h"

enum { LEDGER_MAX_VIEWS = 32, LEDGER_MAX_JOBS = 4096, LEDGER_MAX_RESULT = 8192 };

struct entry {
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    const char *route;
    char key[8]; /* "": none */
    unsigned fingerprint;
    bool has_callback;
    bool may_be_packed; /* once it has succeeded */
    char *block;
    size_t length;
    struct view views[LEDGER_MAX_VIEWS];
    unsigned view_count;
    struct claim_key claim; /* the latest */
    bool is_busy;           /* an operation on it is not answered, or must be written again */
    bool is_seen;           /* on disk, in the present check, or listed */
    bool is_packed;         /* in a pack, in the latest check */
    bool is_asked_for;      /* it was retired for sure, or was not: who looks for it learns which */
};

struct ledger {
    struct entry entries[LEDGER_MAX_JOBS];
    unsigned count;
    unsigned max_crashes;
    int64_t least_slot, most_slot; /* the last one that the schedule has taken */
    unsigned long acknowledged;    /* operations */
};

void ledger_init(struct ledger *ledger, unsigned max_crashes);
void ledger_fini(struct ledger *ledger);

/* Note a job that is not on disk yet. */
struct entry *ledger_add(struct ledger *ledger, const char *route, char *block, size_t length);
struct entry *ledger_find(struct ledger *ledger, const char *id);

bool entry_is_certain(const struct entry *entry);
bool entry_may_be_there(const struct entry *entry);
bool entry_must_be_there(const struct entry *entry);
bool entry_may_be(const struct entry *entry, const struct view *view);

/* The result of a job that has succeeded is its input, if that is not too long. */
size_t entry_result_length(const struct entry *entry);
const char *entry_result_type(const struct entry *entry);

/* Note what an operation did (`certainly`) or may have done to a job. */
void entry_apply(struct entry *entry, const struct operation *operation, bool certainly);

/* Note an answer. Returns NULL, or what is wrong with it. Those on no single job: */
const char *ledger_claimed(struct ledger *ledger, const struct claim_operation *claim);
void ledger_claim_undone(struct ledger *ledger, const struct undo_operation *undo);
const char *ledger_retired(struct ledger *ledger, const struct retire_operation *retire);

/* And those on the job of an entry: */
const char *ledger_inserted(struct ledger *ledger, struct entry *entry,
                            const struct insert_operation *insert);
const char *ledger_changed(struct entry *entry, const struct change_operation *change);

/* The process has ended: what ran was interrupted. */
void ledger_interrupt(struct ledger *ledger);

/* A job as it is on disk. */
struct disk_job {
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    const char *route;
    struct view view;
    int64_t input_bytes;
    const void *block; /* NULL: none */
    size_t length;
    int result_status;
    const char *result_type;
    const void *result;
    size_t result_length;
    bool is_packed;
};

/* NULL, or what is wrong with it. From then on it is certain. */
const char *ledger_check_job(struct ledger *ledger, const struct disk_job *job);

/* Whether each job that is not there may be gone: NULL, or its id. */
const char *ledger_check_missing(struct ledger *ledger);
void ledger_start_check(struct ledger *ledger);

/* How many callbacks the jobs have caused; after a check. */
unsigned ledger_count_callbacks(const struct ledger *ledger);

#endif
