/*
 * All SQL that is run on jobs. The thread that uses a set is the one that uses its connection: the
 * store's writing thread or its reading thread, and the main thread before they start.
 *
 * A change of a running job always names its token, so that a write that comes too late matches no
 * row. Each operation runs in a savepoint: where one fails alone, the others of its transaction
 * stay.
 */
#include "statements.h"

#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "job_id.h"

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    SAVEPOINT,
    RELEASE_SAVEPOINT,
    ROLLBACK_SAVEPOINT,
    INSERT_JOB,
    INSERT_INPUT,
    FIND_DUE,
    CLAIM,
    NEXT_DUE,
    SETTLE,
    RELEASE,
    DROP_INPUT,
    UNDO_INSERT,
    UNDO_CLAIM,
    RETIRE,
    SHRINK,
    INTERRUPT,
    COUNT_STATES,
    COUNT_ROUTES,
    FIND,
    STATEMENT_COUNT
};

/* The states as numbers: 0 scheduled, 1 queued, 2 running, 3 retrying, 4 succeeded, 5 dead,
 * 6 cancelled. `state IN (0, 1, 3)` and `state IN (4, 5, 6)` are written as in the partial indexes,
 * which SQLite uses only for the very same term. */
static const char *const sql_of[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [SAVEPOINT] = "SAVEPOINT operation",
    [RELEASE_SAVEPOINT] = "RELEASE operation",
    [ROLLBACK_SAVEPOINT] = "ROLLBACK TO operation",
    [INSERT_JOB] = "INSERT INTO jobs (id, delivery_id, route, worker, state, attempt, input_bytes,"
                   "                  created_ms, run_at_ms, started_ms, boot, token)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [INSERT_INPUT] = "INSERT INTO inputs (job, block) VALUES (?1, ?2)",
    [FIND_DUE] = "SELECT jobs.job, id, delivery_id, state, attempt, input_bytes, block"
                 " FROM jobs LEFT JOIN inputs ON inputs.job = jobs.job"
                 " WHERE route = ?1 AND state IN (0, 1, 3) AND run_at_ms <= ?2"
                 " ORDER BY run_at_ms, jobs.job LIMIT ?3",
    [CLAIM] = "UPDATE jobs SET state = 2, attempt = attempt + 1, boot = ?2, token = ?3,"
              "                started_ms = ?4"
              " WHERE job = ?1 AND state IN (0, 1, 3)",
    [NEXT_DUE] = "SELECT run_at_ms FROM jobs WHERE route = ?1 AND state IN (0, 1, 3)"
                 " ORDER BY run_at_ms LIMIT 1",
    [SETTLE] = "UPDATE jobs SET state = ?3, run_at_ms = coalesce(?4, run_at_ms), finished_ms = ?5,"
               "                error_code = ?6, error = ?7, result_status = ?8,"
               "                result_type = ?9, result = ?10, boot = NULL, token = NULL"
               " WHERE job = ?1 AND token = ?2 AND state = 2",
    [RELEASE] = "UPDATE jobs SET state = 1, attempt = attempt - 1, run_at_ms = ?3,"
                "                boot = NULL, token = NULL"
                " WHERE job = ?1 AND token = ?2 AND state = 2",
    [DROP_INPUT] = "DELETE FROM inputs WHERE job = ?1",
    [UNDO_INSERT] = "DELETE FROM jobs WHERE id = ?1",
    [UNDO_CLAIM] = "UPDATE jobs SET state = 1, attempt = attempt - 1, boot = NULL, token = NULL"
                   " WHERE state = 2 AND token = ?1",
    [RETIRE] = "DELETE FROM jobs WHERE job IN"
               "  (SELECT job FROM jobs WHERE state IN (4, 5, 6) AND finished_ms < ?1"
               "   ORDER BY finished_ms LIMIT ?2)"
               " RETURNING state",
    [SHRINK] = "PRAGMA incremental_vacuum(512)",
    [INTERRUPT] =
        "UPDATE jobs SET crashes = crashes + 1, attempt = attempt - 1, boot = NULL, token = NULL,"
        "  state = iif(?1 > 0 AND crashes + 1 >= ?1, 5, 1),"
        "  finished_ms = iif(?1 > 0 AND crashes + 1 >= ?1, ?3, NULL),"
        "  error_code = ?4, error = 'the server ended while it ran'"
        " WHERE state = 2 AND boot IS NOT ?2"
        " RETURNING route, delivery_id, state, crashes",
    [COUNT_STATES] = "SELECT state, count(*), sum(input_bytes) FROM jobs GROUP BY state",
    [COUNT_ROUTES] = "SELECT route, count(*) FROM jobs WHERE state IN (0, 1, 3) GROUP BY route",
    [FIND] = "SELECT route, worker, state, attempt, crashes, created_ms, run_at_ms, started_ms,"
             "       finished_ms, error_code, error, result_status, result_type, result"
             " FROM jobs WHERE id = ?1",
};

struct statements {
    sqlite3 *db;
    bool is_lost;
    sqlite3_stmt *of[STATEMENT_COUNT];
};

/* ---- running one ---- */

static sqlite3_stmt *statement(struct statements *statements, enum statement which)
{
    return statements->of[which];
}

/* After these nobody knows what the handle still holds true; above all, a second fsync may report
 * success for data that the first one lost. */
static bool loses_handle(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
        return true;
    default:
        return false;
    }
}

/* Step a statement: 1 there is a row, 0 it is finished (and reset), or a code. */
static int step(struct statements *statements, enum statement which, ferry_error *error)
{
    sqlite3_stmt *at = statements->of[which];
    int rc = sqlite3_step(at);
    if (rc == SQLITE_ROW)
        return 1;
    int code = rc == SQLITE_DONE ? 0 : database_error(statements->db, error);
    statements->is_lost |= loses_handle(rc);
    sqlite3_reset(at);
    sqlite3_clear_bindings(at);
    return code;
}

/* Run a statement whose rows, if any, nobody wants. */
static int run(struct statements *statements, enum statement which, ferry_error *error)
{
    int rc;
    while ((rc = step(statements, which, error)) > 0)
        ;
    return rc;
}

static void abandon(struct statements *statements, enum statement which)
{
    sqlite3_reset(statements->of[which]);
    sqlite3_clear_bindings(statements->of[which]);
}

static int no_memory(ferry_error *error)
{
    return ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

static void bind_id(sqlite3_stmt *at, int column, const char *id)
{
    unsigned char bits[RANDOM_ID_BYTES] = {0};
    job_id_parse(id, bits);
    sqlite3_bind_blob(at, column, bits, sizeof bits, SQLITE_TRANSIENT);
}

static void bind_boot(sqlite3_stmt *at, int column, const unsigned char boot[RANDOM_ID_BYTES])
{
    sqlite3_bind_blob(at, column, boot, RANDOM_ID_BYTES, SQLITE_STATIC);
}

/* 0 stands for what has not happened, which is NULL on disk. */
static void bind_time(sqlite3_stmt *at, int column, int64_t ms)
{
    if (ms)
        sqlite3_bind_int64(at, column, ms);
}

static void column_id(sqlite3_stmt *at, int column, char id[RANDOM_ID_TEXT_SIZE])
{
    if (sqlite3_column_bytes(at, column) == RANDOM_ID_BYTES)
        job_id_format(sqlite3_column_blob(at, column), id);
    else
        *id = '\0';
}

/* Copy a text or blob into memory of its own, with a NUL; NULL for NULL, or without memory. */
static char *column_copy(sqlite3_stmt *at, int column, size_t *length)
{
    *length = 0;
    if (sqlite3_column_type(at, column) == SQLITE_NULL)
        return NULL;
    const void *data = sqlite3_column_blob(at, column);
    size_t bytes = (size_t)sqlite3_column_bytes(at, column);
    char *copy = malloc(bytes + 1);
    if (!copy)
        return NULL;
    if (bytes > 0)
        memcpy(copy, data, bytes);
    copy[bytes] = '\0';
    *length = bytes;
    return copy;
}

/* A number of another ferry, or of damage, must not index a table. */
static enum job_state column_state(sqlite3_stmt *at, int column)
{
    int state = sqlite3_column_int(at, column);
    return state >= 0 && state < JOB_STATE_COUNT ? (enum job_state)state : JOB_DEAD;
}

/* ---- the set ---- */

struct statements *statements_new(sqlite3 *db, bool read_only, ferry_error *error)
{
    struct statements *statements = calloc(1, sizeof *statements);
    if (!statements) {
        no_memory(error);
        return NULL;
    }
    statements->db = db;
    for (int i = read_only ? FIND : 0; i < STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v3(db, sql_of[i], -1, SQLITE_PREPARE_PERSISTENT, &statements->of[i],
                               NULL) != SQLITE_OK) {
            database_error(db, error);
            statements_free(statements);
            return NULL;
        }
    }
    return statements;
}

void statements_free(struct statements *statements)
{
    if (!statements)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(statements->of[i]);
    free(statements);
}

bool statements_is_lost(const struct statements *statements)
{
    return statements->is_lost;
}

int statements_begin(struct statements *statements, ferry_error *error)
{
    return run(statements, BEGIN, error);
}

int statements_commit(struct statements *statements, ferry_error *error)
{
    return run(statements, COMMIT, error);
}

void statements_rollback(struct statements *statements)
{
    if (!sqlite3_get_autocommit(statements->db))
        run(statements, ROLLBACK, NULL);
}

/* ---- operations ---- */

static int apply_insert(struct statements *statements, const unsigned char *boot,
                        struct insert_operation *insert, ferry_error *error)
{
    bool is_claimed = insert->state == JOB_RUNNING;
    sqlite3_stmt *at = statement(statements, INSERT_JOB);
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
        sqlite3_bind_int64(at, 12, insert->key.token);
    }
    int rc = run(statements, INSERT_JOB, error);
    if (rc < 0)
        return rc;
    insert->key.job = sqlite3_last_insert_rowid(statements->db);
    at = statement(statements, INSERT_INPUT);
    sqlite3_bind_int64(at, 1, insert->key.job);
    sqlite3_bind_blob64(at, 2, insert->block, insert->length, SQLITE_STATIC);
    return run(statements, INSERT_INPUT, error);
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
    sqlite3_stmt *at = statement(statements, FIND_DUE);
    sqlite3_bind_text(at, 1, claim->route, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, 2, claim->now_ms);
    sqlite3_bind_int64(at, 3, claim->limit);
    int rc;
    while ((rc = step(statements, FIND_DUE, error)) > 0) {
        if (!read_due(at, claim->token, &claim->jobs[claim->count])) {
            abandon(statements, FIND_DUE);
            return no_memory(error);
        }
        claim->count++;
    }
    return rc;
}

static int claim_job(struct statements *statements, const unsigned char *boot, int64_t now_ms,
                     const struct claimed_job *job, ferry_error *error)
{
    sqlite3_stmt *at = statement(statements, CLAIM);
    sqlite3_bind_int64(at, 1, job->key.job);
    bind_boot(at, 2, boot);
    sqlite3_bind_int64(at, 3, job->key.token);
    sqlite3_bind_int64(at, 4, now_ms);
    return run(statements, CLAIM, error);
}

static int find_next_due(struct statements *statements, struct claim_operation *claim,
                         ferry_error *error)
{
    sqlite3_stmt *at = statement(statements, NEXT_DUE);
    sqlite3_bind_text(at, 1, claim->route, -1, SQLITE_STATIC);
    claim->next_run_at_ms = INT64_MAX;
    int rc = step(statements, NEXT_DUE, error);
    if (rc > 0) {
        claim->next_run_at_ms = sqlite3_column_int64(at, 0);
        abandon(statements, NEXT_DUE);
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
    sqlite3_bind_int64(statement(statements, DROP_INPUT), 1, job);
    return run(statements, DROP_INPUT, error);
}

static int apply_settle(struct statements *statements, struct settle_operation *settle,
                        ferry_error *error)
{
    sqlite3_stmt *at = statement(statements, SETTLE);
    sqlite3_bind_int64(at, 1, settle->key.job);
    sqlite3_bind_int64(at, 2, settle->key.token);
    sqlite3_bind_int(at, 3, (int)settle->state);
    bind_time(at, 4, settle->run_at_ms);
    bind_time(at, 5, settle->finished_ms);
    if (settle->failure.code) {
        sqlite3_bind_int(at, 6, (int)settle->failure.code);
        sqlite3_bind_text(at, 7, settle->failure.message, -1, SQLITE_STATIC);
    }
    if (settle->result_status) {
        sqlite3_bind_int(at, 8, settle->result_status);
        sqlite3_bind_text(at, 9, settle->result_type, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(at, 10, settle->result, settle->result_length, SQLITE_STATIC);
    }
    int rc = run(statements, SETTLE, error);
    settle->changed = rc == 0 && sqlite3_changes(statements->db) > 0;
    /* A dead job keeps its input: somebody may want to try it again. */
    if (settle->changed && settle->state == JOB_SUCCEEDED)
        rc = drop_input(statements, settle->key.job, error);
    return rc;
}

static int apply_release(struct statements *statements, struct release_operation *release,
                         ferry_error *error)
{
    sqlite3_stmt *at = statement(statements, RELEASE);
    sqlite3_bind_int64(at, 1, release->key.job);
    sqlite3_bind_int64(at, 2, release->key.token);
    sqlite3_bind_int64(at, 3, release->run_at_ms);
    int rc = run(statements, RELEASE, error);
    release->changed = rc == 0 && sqlite3_changes(statements->db) > 0;
    return rc;
}

static int apply_undo(struct statements *statements, struct undo_operation *undo,
                      ferry_error *error)
{
    if (*undo->id) {
        bind_id(statement(statements, UNDO_INSERT), 1, undo->id);
        return run(statements, UNDO_INSERT, error);
    }
    sqlite3_bind_int64(statement(statements, UNDO_CLAIM), 1, undo->token);
    return run(statements, UNDO_CLAIM, error);
}

static int apply_retire(struct statements *statements, struct retire_operation *retire,
                        ferry_error *error)
{
    sqlite3_stmt *at = statement(statements, RETIRE);
    sqlite3_bind_int64(at, 1, retire->before_ms);
    sqlite3_bind_int64(at, 2, retire->limit);
    int rc;
    while ((rc = step(statements, RETIRE, error)) > 0) {
        retire->deleted[column_state(at, 0)]++;
        retire->count++;
    }
    return rc == 0 && retire->count > 0 ? run(statements, SHRINK, error) : rc;
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
    case OPERATION_UNDO:
        return apply_undo(statements, (struct undo_operation *)operation, error);
    case OPERATION_RETIRE:
        return apply_retire(statements, (struct retire_operation *)operation, error);
    }
    return ferry_error_set(error, FERRY_INTERNAL, "no such operation");
}

int statements_apply(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                     struct operation *operation, ferry_error *error)
{
    int rc = run(statements, SAVEPOINT, error);
    if (rc < 0)
        return rc;
    rc = apply(statements, boot, operation, error);
    /* SQLite may have rolled back the whole transaction, and the savepoint with it. */
    if (rc < 0 && !sqlite3_get_autocommit(statements->db))
        run(statements, ROLLBACK_SAVEPOINT, NULL);
    if (!sqlite3_get_autocommit(statements->db))
        run(statements, RELEASE_SAVEPOINT, NULL);
    return rc;
}

/* ---- at the start ---- */

int statements_interrupt(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                         unsigned max_crashes, int64_t now_ms, interrupted_visit *visit, void *arg,
                         ferry_error *error)
{
    sqlite3_stmt *at = statement(statements, INTERRUPT);
    sqlite3_bind_int64(at, 1, max_crashes);
    bind_boot(at, 2, boot);
    sqlite3_bind_int64(at, 3, now_ms);
    sqlite3_bind_int(at, 4, FERRY_INTERNAL);
    int rc;
    while ((rc = step(statements, INTERRUPT, error)) > 0) {
        struct interrupted_job job = {
            .route = (const char *)sqlite3_column_text(at, 0),
            .state = column_state(at, 2),
            .crashes = (unsigned)sqlite3_column_int(at, 3),
        };
        column_id(at, 1, job.delivery_id);
        visit(arg, &job);
    }
    return rc;
}

int statements_count_states(struct statements *statements, state_visit *visit, void *arg,
                            ferry_error *error)
{
    sqlite3_stmt *at = statement(statements, COUNT_STATES);
    int rc;
    while ((rc = step(statements, COUNT_STATES, error)) > 0)
        visit(arg, column_state(at, 0), sqlite3_column_int64(at, 1), sqlite3_column_int64(at, 2));
    return rc;
}

int statements_count_routes(struct statements *statements, route_visit *visit, void *arg,
                            ferry_error *error)
{
    sqlite3_stmt *at = statement(statements, COUNT_ROUTES);
    int rc;
    while ((rc = step(statements, COUNT_ROUTES, error)) > 0)
        visit(arg, (const char *)sqlite3_column_text(at, 0), sqlite3_column_int64(at, 1));
    return rc;
}

/* ---- the look-up ---- */

static void read_record(sqlite3_stmt *at, struct job_record *record)
{
    size_t ignored;
    record->route = column_copy(at, 0, &ignored);
    record->worker = column_copy(at, 1, &ignored);
    record->state = column_state(at, 2);
    record->attempt = (unsigned)sqlite3_column_int(at, 3);
    record->crashes = (unsigned)sqlite3_column_int(at, 4);
    record->created_ms = sqlite3_column_int64(at, 5);
    record->run_at_ms = sqlite3_column_int64(at, 6);
    record->started_ms = sqlite3_column_int64(at, 7);
    record->finished_ms = sqlite3_column_int64(at, 8);
    record->error_code = (ferry_code)sqlite3_column_int(at, 9);
    record->error = column_copy(at, 10, &ignored);
    record->result_status = sqlite3_column_int(at, 11);
    record->result_type = column_copy(at, 12, &ignored);
    record->result = column_copy(at, 13, &record->result_length);
}

int statements_find(struct statements *statements, const char *id, struct job_record *record,
                    ferry_error *error)
{
    sqlite3_stmt *at = statement(statements, FIND);
    bind_id(at, 1, id);
    int rc = step(statements, FIND, error);
    if (rc == 0)
        return ferry_error_set(error, FERRY_NOT_FOUND, "no such job");
    if (rc < 0)
        return rc;
    read_record(at, record);
    memcpy(record->id, id, sizeof record->id);
    abandon(statements, FIND); /* at once: an open read keeps the WAL from being checkpointed */
    if (record->route && record->worker)
        return 0;
    job_record_fini(record);
    return no_memory(error);
}
