/*
 * What each operation does to the tables. Runs on the store's writing thread.
 *
 * Each operation has a savepoint: where one fails alone, the others of its transaction stay.
 */
#include "apply.h"

#include <stdlib.h>

static int no_memory(ferry_error *error)
{
    return ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

static int apply_insert(struct statements *statements, const unsigned char *boot,
                        struct insert_operation *insert, ferry_error *error)
{
    bool is_claimed = insert->state == JOB_RUNNING;
    sqlite3_stmt *at = statement_of(statements, INSERT_JOB);
    bind_id(at, 1, insert->id);
    bind_id(at, 2, insert->delivery_id);
    sqlite3_bind_text(at, 3, insert->route, -1, SQLITE_STATIC);
    sqlite3_bind_text(at, 4, insert->worker, -1, SQLITE_STATIC);
    sqlite3_bind_int(at, 5, (int)insert->state);
    sqlite3_bind_int(at, 6, is_claimed);
    sqlite3_bind_int64(at, 7, (int64_t)insert->length);
    sqlite3_bind_int64(at, 8, insert->created_ms);
    sqlite3_bind_int64(at, 9, insert->run_at_ms);
    if (is_claimed) {
        sqlite3_bind_int64(at, 10, insert->created_ms);
        bind_boot(at, 11, boot);
        sqlite3_bind_int64(at, 12, insert->claim.token);
    }
    int rc = statement_run(statements, INSERT_JOB, error);
    if (rc < 0)
        return rc;
    insert->claim.job = statements_last_row(statements);
    at = statement_of(statements, INSERT_INPUT);
    sqlite3_bind_int64(at, 1, insert->claim.job);
    sqlite3_bind_blob64(at, 2, insert->block, insert->length, SQLITE_STATIC);
    return statement_run(statements, INSERT_INPUT, error);
}

/* Read a due row. Returns false without memory. */
static bool read_due(sqlite3_stmt *at, int64_t token, struct claimed_job *job)
{
    *job = (struct claimed_job){
        .key = {.job = sqlite3_column_int64(at, 0), .token = token},
        .was = column_state(at, 3),
        .attempt = (unsigned)sqlite3_column_int(at, 4) + 1,
        .weight = sqlite3_column_int64(at, 5),
    };
    column_id(at, 1, job->id);
    column_id(at, 2, job->delivery_id);
    job->block = column_copy(at, 6, &job->length);
    return job->block || sqlite3_column_type(at, 6) == SQLITE_NULL;
}

/* Read all that is due before any of it is written: an update moves a row in the index that the
 * reading walks along. */
static int find_due(struct statements *statements, struct claim_operation *claim,
                    ferry_error *error)
{
    claim->jobs = calloc(claim->limit, sizeof *claim->jobs);
    if (!claim->jobs)
        return no_memory(error);
    sqlite3_stmt *at = statement_of(statements, FIND_DUE);
    sqlite3_bind_text(at, 1, claim->route, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, 2, claim->now_ms);
    sqlite3_bind_int64(at, 3, claim->limit);
    int rc;
    while ((rc = statement_step(statements, FIND_DUE, error)) > 0) {
        if (!read_due(at, claim->token, &claim->jobs[claim->count])) {
            statement_abandon(statements, FIND_DUE);
            return no_memory(error);
        }
        claim->count++;
    }
    return rc;
}

static int claim_job(struct statements *statements, const unsigned char *boot, int64_t now_ms,
                     const struct claimed_job *job, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, CLAIM);
    sqlite3_bind_int64(at, 1, job->key.job);
    bind_boot(at, 2, boot);
    sqlite3_bind_int64(at, 3, job->key.token);
    sqlite3_bind_int64(at, 4, now_ms);
    return statement_run(statements, CLAIM, error);
}

static int find_next_due(struct statements *statements, struct claim_operation *claim,
                         ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, NEXT_DUE);
    sqlite3_bind_text(at, 1, claim->route, -1, SQLITE_STATIC);
    claim->next_run_at_ms = INT64_MAX;
    int rc = statement_step(statements, NEXT_DUE, error);
    if (rc > 0) {
        claim->next_run_at_ms = sqlite3_column_int64(at, 0);
        statement_abandon(statements, NEXT_DUE);
        rc = 0;
    }
    return rc;
}

static int apply_claim(struct statements *statements, const unsigned char *boot,
                       struct claim_operation *claim, ferry_error *error)
{
    int rc = find_due(statements, claim, error);
    for (unsigned i = 0; rc == 0 && i < claim->count; i++)
        rc = claim_job(statements, boot, claim->now_ms, &claim->jobs[i], error);
    if (rc == 0)
        rc = find_next_due(statements, claim, error);
    if (rc < 0)
        claim_operation_fini(claim);
    return rc;
}

static int drop_input(struct statements *statements, int64_t job, ferry_error *error)
{
    sqlite3_bind_int64(statement_of(statements, DROP_INPUT), 1, job);
    return statement_run(statements, DROP_INPUT, error);
}

static int apply_settle(struct statements *statements, struct settle_operation *settle,
                        ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, SETTLE);
    sqlite3_bind_int64(at, 1, settle->key.job);
    sqlite3_bind_int64(at, 2, settle->key.token);
    sqlite3_bind_int(at, 3, (int)settle->state);
    bind_time(at, 4, settle->run_at_ms);
    bind_time(at, 5, job_state_is_final(settle->state) ? settle->now_ms : 0);
    if (settle->failure.code) {
        sqlite3_bind_int(at, 6, (int)settle->failure.code);
        sqlite3_bind_text(at, 7, settle->failure.message, -1, SQLITE_STATIC);
    }
    if (settle->result_status) {
        sqlite3_bind_int(at, 8, settle->result_status);
        sqlite3_bind_text(at, 9, settle->result_type, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(at, 10, settle->result, settle->result_length, SQLITE_STATIC);
    }
    int rc = statement_run(statements, SETTLE, error);
    settle->changed = rc == 0 && statements_changes(statements) > 0;
    /* A dead job keeps its input: somebody may want to try it again. */
    if (settle->changed && settle->state == JOB_SUCCEEDED)
        rc = drop_input(statements, settle->key.job, error);
    return rc;
}

static int apply_release(struct statements *statements, struct release_operation *release,
                         ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, RELEASE);
    sqlite3_bind_int64(at, 1, release->key.job);
    sqlite3_bind_int64(at, 2, release->key.token);
    sqlite3_bind_int64(at, 3, release->run_at_ms);
    int rc = statement_run(statements, RELEASE, error);
    release->changed = rc == 0 && statements_changes(statements) > 0;
    release->state = JOB_QUEUED;
    return rc;
}

static int apply_undo(struct statements *statements, struct undo_operation *undo,
                      ferry_error *error)
{
    if (*undo->id) {
        bind_id(statement_of(statements, UNDO_INSERT), 1, undo->id);
        return statement_run(statements, UNDO_INSERT, error);
    }
    sqlite3_bind_int64(statement_of(statements, UNDO_CLAIM), 1, undo->token);
    return statement_run(statements, UNDO_CLAIM, error);
}

static int apply_retire(struct statements *statements, struct retire_operation *retire,
                        ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, RETIRE);
    sqlite3_bind_int64(at, 1, retire->before_ms);
    sqlite3_bind_int64(at, 2, retire->limit);
    int rc;
    while ((rc = statement_step(statements, RETIRE, error)) > 0) {
        retire->deleted[column_state(at, 0)]++;
        retire->count++;
    }
    return rc == 0 && retire->count > 0 ? statement_run(statements, SHRINK, error) : rc;
}

static int apply(struct statements *statements, const unsigned char *boot,
                 struct operation *operation, ferry_error *error)
{
    switch (operation->kind) {
    case OPERATION_INSERT:
        return apply_insert(statements, boot, (struct insert_operation *)operation, error);
    case OPERATION_CLAIM:
        return apply_claim(statements, boot, (struct claim_operation *)operation, error);
    case OPERATION_SETTLE:
        return apply_settle(statements, (struct settle_operation *)operation, error);
    case OPERATION_RELEASE:
        return apply_release(statements, (struct release_operation *)operation, error);
    case OPERATION_CHANGE:
    case OPERATION_PAUSE:
    case OPERATION_SHIFT:
        break;
    case OPERATION_UNDO:
        return apply_undo(statements, (struct undo_operation *)operation, error);
    case OPERATION_RETIRE:
        return apply_retire(statements, (struct retire_operation *)operation, error);
    }
    return ferry_error_set(error, FERRY_INTERNAL, "no such operation");
}

int operation_apply(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                    struct operation *operation, ferry_error *error)
{
    int rc = statement_run(statements, SAVEPOINT, error);
    if (rc < 0)
        return rc;
    rc = apply(statements, boot, operation, error);
    /* SQLite may have rolled back the whole transaction, and the savepoint with it. */
    if (rc < 0 && statements_in_transaction(statements))
        statement_run(statements, ROLLBACK_SAVEPOINT, NULL);
    if (statements_in_transaction(statements))
        statement_run(statements, RELEASE_SAVEPOINT, NULL);
    return rc;
}
