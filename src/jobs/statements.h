/*
 * Every SQL statement of the store, prepared for a connection at its first use, and the steps to
 * run one. What they are used for is in apply*.c (the writer's operations), reports.c and shift.c
 * (the start), record.c and listing.c (look-ups). One thread at a time for each set. Errors are
 * codes as database_error gives them.
 */
#ifndef JOBS_STATEMENTS_H
#define JOBS_STATEMENTS_H

#include <sqlite3.h>

#include "job.h"

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    SAVEPOINT,
    RELEASE_SAVEPOINT,
    ROLLBACK_SAVEPOINT,
    EMPTY_WAL,
    RESTART_WAL,
    /* a new job */
    INSERT_JOB,
    INSERT_INPUT,
    INSERT_KEY,
    FIND_KEY,
    TAKE_SLOT,
    SLOT_JOB_STATE,
    SET_SLOT_JOB,
    GIVE_SLOT_BACK,
    UNDO_INSERT,
    LAST_JOB,
    INSERT_SUCCEEDED,
    INSERT_SUCCEEDED_ROWS,
    INSERT_PACK,
    ANY_ROW,
    HAS_ROW,
    JOURNAL_STATE,
    SET_JOURNAL_STATE,
    /* attempts */
    FIND_DUE,
    CLAIM,
    NEXT_DUE,
    UNDO_CLAIM,
    FIND_ATTEMPT,
    SUCCEED,
    SETTLE,
    RELEASE,
    DROP_INPUT,
    FIND_CALLBACK,
    /* changes by somebody */
    CANCEL_WAITING,
    MARK_CANCELLING,
    RETRY_ENDED,
    RETRY_WAITING,
    DELETE_JOB,
    DELETE_PACK,
    CUT_PACK,
    RETIRE,
    FINAL_PACK,
    REMEMBER_RETIRED,
    FORGET_RETIRED,
    COUNT_RETIRED,
    SHRINK,
    PAUSE,
    RESUME,
    SHIFT,
    SET_CLOCK,
    /* at the start */
    LAST_WALL,
    CLAIMED_BY,
    INTERRUPT,
    COUNT,
    PAUSED,
    SLOTS,
    /* looking; a read-only connection uses these only */
    FIND,
    FIND_ROW,
    FIND_PACK,
    PACK_OF,
    FIND_RETIRED,
    NEXT_BELOW,
    NEXT_BELOW_IN_STATE,
    LIST,
    LIST_IN_STATE,
    PACKS_BETWEEN,
    STATEMENT_COUNT
};

/* INSERT_SUCCEEDED_ROWS has so many rows, and each row so many values. */
enum { SUCCEEDED_ROWS = 16, SUCCEEDED_VALUES = 13 };

struct statements;

/* Returns NULL and `error`. */
struct statements *statements_new(sqlite3 *db, bool read_only, ferry_error *error);
void statements_free(struct statements *statements);

/* Tell whether a failure of any of them was one after which the connection must not be used any
 * more, but closed and opened anew. */
bool statements_is_lost(const struct statements *statements);

/* Tell whether the last failure was one of the values, or of rows that are there: it would fail
 * again. */
bool statements_was_refused(const struct statements *statements);

/* Tell whether a transaction is open. SQLite may roll one back on its own after an error. */
bool statements_in_transaction(const struct statements *statements);
int64_t statements_changes(const struct statements *statements); /* rows, of the last write */

/* Number a new job, or look up the last number. A number is given once for as long as the
 * connection lasts, whether a row came of it or not. */
int statements_next_job(struct statements *statements, int64_t *job, ferry_error *error);
int statements_last_job(struct statements *statements, int64_t *job, ferry_error *error);

/* Somebody else has written rows, so that numbers are looked for anew. */
void statements_look_for_last_job(struct statements *statements);

/* Numbers up to this one are given to jobs that have no row yet. */
void statements_skip_jobs(struct statements *statements, int64_t last);

/* Return the statement, to bind its values and read its columns. NULL when it cannot be prepared:
 * SQLite binds nothing to that, and the step that follows fails. */
sqlite3_stmt *statement_of(struct statements *statements, enum statement which);

/* Step a statement: 1 there is a row, 0 it is finished (and reset), or a code (and reset). */
int statement_step(struct statements *statements, enum statement which, ferry_error *error);

/* Run a statement whose rows, if any, nobody wants. Returns 0 or a code. */
int statement_run(struct statements *statements, enum statement which, ferry_error *error);

/* End the savepoint; after a failure (rc < 0) nothing of what was written in it remains. */
void statements_end_savepoint(struct statements *statements, int rc);

/* Reset a statement of which no more rows are wanted. */
void statement_abandon(struct statements *statements, enum statement which);

/* ---- values ---- */

/* None of these three can fail. An id is for one of the first two columns. */
void bind_id(struct statements *statements, enum statement which, int column, const char *id);
void bind_boot(sqlite3_stmt *at, int column, const unsigned char boot[RANDOM_ID_BYTES]);
void bind_time(sqlite3_stmt *at, int column, int64_t ms); /* 0: NULL */

void column_id(sqlite3_stmt *at, int column, char id[RANDOM_ID_TEXT_SIZE]);
enum job_state column_state(sqlite3_stmt *at, int column);

/* Copy a text or blob into memory of its own, with a NUL; NULL for NULL, or without memory. */
char *column_copy(sqlite3_stmt *at, int column, size_t *length);

#endif
