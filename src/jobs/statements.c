/*
 * All SQL that is run on jobs, and the running of it. The thread that uses a set is the one that
 * uses its connection.
 *
 * A change of a running job always names its token, so that a write that comes too late matches no
 * row.
 */
#include "statements.h"

#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "job_id.h"

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
    [COUNT] = "SELECT route, state, count(*), sum(input_bytes) FROM jobs GROUP BY route, state",
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

sqlite3_stmt *statement_of(struct statements *statements, enum statement which)
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

int statement_step(struct statements *statements, enum statement which, ferry_error *error)
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

int statement_run(struct statements *statements, enum statement which, ferry_error *error)
{
    int rc;
    while ((rc = statement_step(statements, which, error)) > 0)
        ;
    return rc;
}

void statement_abandon(struct statements *statements, enum statement which)
{
    sqlite3_reset(statements->of[which]);
    sqlite3_clear_bindings(statements->of[which]);
}

/* ---- values ---- */

void bind_id(sqlite3_stmt *at, int column, const char *id)
{
    unsigned char bits[RANDOM_ID_BYTES] = {0};
    job_id_parse(id, bits);
    sqlite3_bind_blob(at, column, bits, sizeof bits, SQLITE_TRANSIENT);
}

void bind_boot(sqlite3_stmt *at, int column, const unsigned char boot[RANDOM_ID_BYTES])
{
    sqlite3_bind_blob(at, column, boot, RANDOM_ID_BYTES, SQLITE_STATIC);
}

/* 0 stands for what has not happened, which is NULL on disk. */
void bind_time(sqlite3_stmt *at, int column, int64_t ms)
{
    if (ms)
        sqlite3_bind_int64(at, column, ms);
}

void column_id(sqlite3_stmt *at, int column, char id[RANDOM_ID_TEXT_SIZE])
{
    if (sqlite3_column_bytes(at, column) == RANDOM_ID_BYTES)
        job_id_format(sqlite3_column_blob(at, column), id);
    else
        *id = '\0';
}

char *column_copy(sqlite3_stmt *at, int column, size_t *length)
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
enum job_state column_state(sqlite3_stmt *at, int column)
{
    int state = sqlite3_column_int(at, column);
    return state >= 0 && state < JOB_STATE_COUNT ? (enum job_state)state : JOB_DEAD;
}

/* ---- the set ---- */

struct statements *statements_new(sqlite3 *db, bool read_only, ferry_error *error)
{
    struct statements *statements = calloc(1, sizeof *statements);
    if (!statements) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
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

bool statements_in_transaction(const struct statements *statements)
{
    return !sqlite3_get_autocommit(statements->db);
}

int64_t statements_changes(const struct statements *statements)
{
    return sqlite3_changes64(statements->db);
}

int64_t statements_last_row(const struct statements *statements)
{
    return sqlite3_last_insert_rowid(statements->db);
}
