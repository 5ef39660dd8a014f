/*
 * New jobs. The store's writing thread.
 *
 * A job with a key is not made when the key names an earlier one of its route. A schedule's job is
 * not made when its slot has been taken, and the slot is taken in the same transaction: so each
 * slot runs once, whatever crashes in between.
 */
#include <string.h>

#include "apply_parts.h"

static int insert_row(struct statements *statements, const unsigned char *boot,
                      struct insert_operation *insert, ferry_error *error)
{
    bool is_claimed = insert->state == JOB_RUNNING;
    int rc = insert->claim.job ? 0 : statements_next_job(statements, &insert->claim.job, error);
    if (rc < 0)
        return rc;
    sqlite3_stmt *at = statement_of(statements, INSERT_JOB);
    bind_id(statements, INSERT_JOB, 1, insert->id);
    bind_id(statements, INSERT_JOB, 2, insert->delivery_id);
    sqlite3_bind_text(at, 3, insert->route, -1, SQLITE_STATIC);
    sqlite3_bind_text(at, 4, insert->worker, -1, SQLITE_STATIC);
    sqlite3_bind_int(at, 5, (int)insert->state);
    sqlite3_bind_int(at, 6, is_claimed);
    sqlite3_bind_int64(at, 7, (int64_t)insert->length);
    sqlite3_bind_int64(at, 8, insert->created_ms);
    sqlite3_bind_int64(at, 9, insert->run_at_ms);
    sqlite3_bind_int(at, 10, insert->is_wall);
    sqlite3_bind_text(at, 11, insert->callback, -1, SQLITE_STATIC);
    if (is_claimed) {
        sqlite3_bind_int64(at, 12, insert->created_ms);
        bind_boot(at, 13, boot);
        sqlite3_bind_int64(at, 14, insert->claim.token);
    }
    sqlite3_bind_int64(at, 15, insert->claim.job);
    return statement_run(statements, INSERT_JOB, error);
}

static int insert_input(struct statements *statements, const struct insert_operation *insert,
                        ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, INSERT_INPUT);
    sqlite3_bind_int64(at, 1, insert->claim.job);
    sqlite3_bind_blob64(at, 2, insert->block, insert->length, SQLITE_STATIC);
    return statement_run(statements, INSERT_INPUT, error);
}

/* ---- keys ---- */

static int insert_key(struct statements *statements, const struct insert_operation *insert,
                      ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, INSERT_KEY);
    sqlite3_bind_text(at, 1, insert->route, -1, SQLITE_STATIC);
    sqlite3_bind_text(at, 2, insert->key, -1, SQLITE_STATIC);
    sqlite3_bind_blob(at, 3, insert->fingerprint, sizeof insert->fingerprint, SQLITE_STATIC);
    sqlite3_bind_int64(at, 4, insert->claim.job);
    return statement_run(statements, INSERT_KEY, error);
}

/* Look the key up; an earlier job goes into `insert`, and its outcome with it. */
static int find_key(struct statements *statements, struct insert_operation *insert,
                    ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, FIND_KEY);
    sqlite3_bind_text(at, 1, insert->route, -1, SQLITE_STATIC);
    sqlite3_bind_text(at, 2, insert->key, -1, SQLITE_STATIC);
    int rc = statement_step(statements, FIND_KEY, error);
    if (rc <= 0)
        return rc;
    const void *fingerprint = sqlite3_column_blob(at, 0);
    bool is_same = sqlite3_column_bytes(at, 0) == JOB_FINGERPRINT_BYTES && fingerprint &&
                   memcmp(fingerprint, insert->fingerprint, JOB_FINGERPRINT_BYTES) == 0;
    insert->outcome = is_same ? INSERT_REPEATED : INSERT_MISMATCHED;
    column_id(at, 1, insert->id);
    column_id(at, 2, insert->delivery_id);
    insert->state = column_state(at, 3);
    insert->run_at_ms = sqlite3_column_int64(at, 4);
    statement_abandon(statements, FIND_KEY);
    return 0;
}

int apply_find_key(struct statements *statements, struct insert_operation *insert,
                   ferry_error *error)
{
    int rc = find_key(statements, insert, error);
    if (rc < 0 || insert->outcome != INSERT_ADDED)
        return rc;
    return ferry_error_set(error, FERRY_NOT_FOUND, "no job has this key");
}

/* ---- schedules ---- */

static int find_overlap(struct statements *statements, struct insert_operation *insert,
                        ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, SLOT_JOB_STATE);
    sqlite3_bind_text(at, 1, insert->schedule, -1, SQLITE_STATIC);
    int rc = statement_step(statements, SLOT_JOB_STATE, error);
    if (rc <= 0)
        return rc;
    if (!job_state_is_final(column_state(at, 0)))
        insert->outcome = INSERT_OVERLAPS;
    statement_abandon(statements, SLOT_JOB_STATE);
    return 0;
}

/* Take the slot. It stays taken also when the run before keeps this one from being made. */
static int take_slot(struct statements *statements, struct insert_operation *insert,
                     ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, TAKE_SLOT);
    sqlite3_bind_text(at, 1, insert->schedule, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, 2, insert->slot_ms);
    int rc = statement_run(statements, TAKE_SLOT, error);
    if (rc < 0)
        return rc;
    if (statements_changes(statements) == 0) {
        insert->outcome = INSERT_SLOT_TAKEN;
        return 0;
    }
    return insert->may_overlap ? 0 : find_overlap(statements, insert, error);
}

static int set_slot_job(struct statements *statements, const struct insert_operation *insert,
                        ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, SET_SLOT_JOB);
    sqlite3_bind_text(at, 1, insert->schedule, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, 2, insert->claim.job);
    return statement_run(statements, SET_SLOT_JOB, error);
}

/* ---- both ---- */

int apply_insert(struct statements *statements, const unsigned char *boot,
                 struct insert_operation *insert, ferry_error *error)
{
    int rc = insert->key ? find_key(statements, insert, error) : 0;
    if (rc == 0 && insert->schedule && insert->outcome == INSERT_ADDED)
        rc = take_slot(statements, insert, error);
    if (rc < 0 || insert->outcome != INSERT_ADDED)
        return rc;
    rc = insert_row(statements, boot, insert, error);
    if (rc == 0)
        rc = insert_input(statements, insert, error);
    if (rc == 0 && insert->key)
        rc = insert_key(statements, insert, error);
    if (rc == 0 && insert->schedule)
        rc = set_slot_job(statements, insert, error);
    return rc;
}

int apply_undo_insert(struct statements *statements, const char *id, ferry_error *error)
{
    bind_id(statements, GIVE_SLOT_BACK, 1, id);
    int rc = statement_run(statements, GIVE_SLOT_BACK, error);
    bind_id(statements, UNDO_INSERT, 1, id);
    return rc == 0 ? statement_run(statements, UNDO_INSERT, error) : rc;
}
