/*
 * What operation_apply is made of: each does one kind of operation, and fills in its results, which
 * are empty before. One thread at a time for each set of statements. Each returns 0 or a code.
 */
#ifndef JOBS_APPLY_PARTS_H
#define JOBS_APPLY_PARTS_H

#include "operation.h"
#include "statements.h"

/* In apply_insert.c. `boot` may be NULL for a job that is not claimed. A job that has its number
 * already (claim.job) keeps it. */
int apply_insert(struct statements *statements, const unsigned char *boot,
                 struct insert_operation *insert, ferry_error *error);
int apply_find_key(struct statements *statements, struct insert_operation *insert,
                   ferry_error *error);
int apply_undo_insert(struct statements *statements, const char *id, ferry_error *error);

/* In apply_attempt.c. */
int apply_claim(struct statements *statements, const unsigned char *boot,
                struct claim_operation *claim, ferry_error *error);
int apply_undo_claim(struct statements *statements, int64_t token, ferry_error *error);
int apply_settle(struct statements *statements, struct settle_operation *settle,
                 ferry_error *error);
int apply_release(struct statements *statements, struct release_operation *release,
                  ferry_error *error);

/* In apply_change.c. */
int apply_change(struct statements *statements, struct change_operation *change,
                 ferry_error *error);
int apply_retire(struct statements *statements, struct retire_operation *retire,
                 ferry_error *error);

#endif
