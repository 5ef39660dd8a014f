/* The running of statements. The thread that uses a set is the one that uses its connection. */
#include "statements.h"

#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "job_id.h"
#include "sql.h"

enum { BOUND_IDS = 2 }; /* the first columns of a statement */

/* A statement is prepared when it is first asked for: all of them at once are a good part of a
 * start. One that could not be is unbound until it is run: its values went nowhere, so that run
 * fails, whether it could be prepared by then or not. */
struct statements {
    sqlite3 *db;
    bool is_lost, was_refused;
    int64_t last_job;                  /* that was numbered, */
    bool knows_last_job;               /* those in the tables among them */
    sqlite3_stmt *of[STATEMENT_COUNT]; /* NULL: not yet */
    unsigned char ids[STATEMENT_COUNT][BOUND_IDS][RANDOM_ID_BYTES];
    bool is_unbound[STATEMENT_COUNT];
    ferry_error unbound_why; /* of the last one */
};

/* ---- preparing one ---- */

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

/* After these the same values fail again. */
static bool refuses_values(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return true;
    default:
        return false;
    }
}

static int statement_prepare(struct statements *statements, enum statement which,
                             ferry_error *error)
{
    int rc = sqlite3_prepare_v3(statements->db, sql_of[which], -1, SQLITE_PREPARE_PERSISTENT,
                                &statements->of[which], NULL);
    if (rc == SQLITE_OK)
        return 0;
    statements->is_lost |= loses_handle(rc);
    return database_error(statements->db, error);
}

sqlite3_stmt *statement_of(struct statements *statements, enum statement which)
{
    if (!statements->of[which] && !statements->is_unbound[which])
        statements->is_unbound[which] =
            statement_prepare(statements, which, &statements->unbound_why) < 0;
    return statements->of[which];
}

/* ---- running one ---- */

static int statement_refuse(struct statements *statements, enum statement which, ferry_error *error)
{
    statements->is_unbound[which] = false;
    statements->was_refused = false;
    if (error)
        *error = statements->unbound_why;
    return statements->unbound_why.code;
}

int statement_step(struct statements *statements, enum statement which, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, which);
    if (!at)
        return statement_refuse(statements, which, error);
    int rc = sqlite3_step(at);
    if (rc == SQLITE_ROW)
        return 1;
    int code = rc == SQLITE_DONE ? 0 : database_error(statements->db, error);
    statements->is_lost |= loses_handle(rc);
    if (code < 0)
        statements->was_refused = refuses_values(rc);
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

/* SQLite may have rolled back the whole transaction, and the savepoint with it. */
void statements_end_savepoint(struct statements *statements, int rc)
{
    if (rc < 0 && statements_in_transaction(statements))
        statement_run(statements, ROLLBACK_SAVEPOINT, NULL);
    if (statements_in_transaction(statements))
        statement_run(statements, RELEASE_SAVEPOINT, NULL);
}

void statement_abandon(struct statements *statements, enum statement which)
{
    if (!statements->of[which])
        return;
    sqlite3_reset(statements->of[which]);
    sqlite3_clear_bindings(statements->of[which]);
}

/* ---- values ---- */

/* Without a copy, for which SQLite might have no memory: then NULL would be bound. */
void bind_id(struct statements *statements, enum statement which, int column, const char *id)
{
    unsigned char *bits = statements->ids[which][column - 1];
    memset(bits, 0, RANDOM_ID_BYTES);
    job_id_parse(id, bits);
    sqlite3_bind_blob(statement_of(statements, which), column, bits, RANDOM_ID_BYTES,
                      SQLITE_STATIC);
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
    /* What ends a transaction must not fail for want of memory. */
    for (int i = read_only ? SAVEPOINT : BEGIN; i <= ROLLBACK_SAVEPOINT; i++) {
        if (statement_prepare(statements, (enum statement)i, error) < 0) {
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

bool statements_was_refused(const struct statements *statements)
{
    return statements->was_refused;
}

bool statements_in_transaction(const struct statements *statements)
{
    return !sqlite3_get_autocommit(statements->db);
}

int64_t statements_changes(const struct statements *statements)
{
    return sqlite3_changes64(statements->db);
}

int statements_last_job(struct statements *statements, int64_t *job, ferry_error *error)
{
    if (!statements->knows_last_job) {
        int rc = statement_step(statements, LAST_JOB, error);
        if (rc <= 0)
            return rc < 0 ? rc : ferry_error_set(error, FERRY_INTERNAL, "no number for a job");
        int64_t last = sqlite3_column_int64(statements->of[LAST_JOB], 0);
        statement_abandon(statements, LAST_JOB);
        statements_skip_jobs(statements, last);
        statements->knows_last_job = true;
    }
    *job = statements->last_job;
    return 0;
}

int statements_next_job(struct statements *statements, int64_t *job, ferry_error *error)
{
    int rc = statements_last_job(statements, job, error);
    if (rc == 0)
        *job = ++statements->last_job;
    return rc;
}

void statements_look_for_last_job(struct statements *statements)
{
    statements->knows_last_job = false;
}

void statements_skip_jobs(struct statements *statements, int64_t last)
{
    if (statements->last_job < last)
        statements->last_job = last;
}
