/*
 * All SQL that is run on jobs, and the running of it. The thread that uses a set is the one that
 * uses its connection.
 *
 * What ends an attempt always names its token, so that a write that comes too late matches no row.
 * Every change of a job raises its version. Nothing that is run while ferry serves reads a whole
 * table, however many jobs there are; SHIFT writes all that wait.
 */
#include "statements.h"

#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "job_id.h"

/* What record.c reads, in its order; the result's body follows. */
#define RECORD_COLUMNS                                                                             \
    "job, id, delivery_id, version, route, worker, state, attempt, crashes, is_cancelling,"        \
    " created_ms, run_at_ms, started_ms, finished_ms, error_code, error, result_status,"           \
    " result_type"

/* What INSERT_JOB as claimed and SUCCEED make of a job together. */
#define SUCCEEDED_INTO                                                                             \
    " INTO jobs (job, id, delivery_id, version, route, worker, state, attempt, input_bytes,"       \
    "            created_ms, run_at_ms, started_ms, finished_ms, result_status, result_type,"      \
    "            result) VALUES "
#define SUCCEEDED_ROW    "(?, ?, ?, 2, ?, ?, 4, 1, ?, ?, ?, ?, ?, ?, ?, ?)"
#define SUCCEEDED_ROWS_4 SUCCEEDED_ROW "," SUCCEEDED_ROW "," SUCCEEDED_ROW "," SUCCEEDED_ROW

/* What packs.c reads of a pack, in its order. */
#define PACK_COLUMNS "first, route, worker, ids, jobs"

/* The newest number that a job has. */
#define NEWEST_JOB                                                                                 \
    "max(coalesce((SELECT max(job) FROM jobs), 0),"                                                \
    "    coalesce((SELECT first + count - 1 FROM packs ORDER BY first DESC LIMIT 1), 0))"

/* The states as numbers: 0 scheduled, 1 queued, 2 running, 3 retrying, 4 succeeded, 5 dead,
 * 6 cancelled. `state < 4 AND state <> 2`, `state > 3` and `state <> 4` are written as in the
 * partial indexes, which SQLite uses only for the very same terms. Where more than one index would
 * do, the right one is named: SQLite has no statistics to choose by. */
static const char *const sql_of[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [SAVEPOINT] = "SAVEPOINT operation",
    [RELEASE_SAVEPOINT] = "RELEASE operation",
    [ROLLBACK_SAVEPOINT] = "ROLLBACK TO operation",
    [EMPTY_WAL] = "PRAGMA wal_checkpoint(TRUNCATE)",
    [RESTART_WAL] = "PRAGMA wal_checkpoint(RESTART)", /* its file keeps its place on disk */

    [INSERT_JOB] = "INSERT INTO jobs (id, delivery_id, route, worker, state, attempt, input_bytes,"
                   "                  created_ms, run_at_ms, is_wall, callback, started_ms, boot,"
                   "                  token, job)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    [INSERT_INPUT] = "INSERT INTO inputs (job, block) VALUES (?1, ?2)",
    [INSERT_KEY] = "INSERT INTO keys (route, key, fingerprint, job) VALUES (?1, ?2, ?3, ?4)",
    [FIND_KEY] = "SELECT fingerprint, id, delivery_id, state"
                 " FROM keys JOIN jobs ON jobs.job = keys.job"
                 " WHERE keys.route = ?1 AND key = ?2",
    [TAKE_SLOT] = "INSERT INTO schedules (name, slot_ms) VALUES (?1, ?2)"
                  " ON CONFLICT (name) DO UPDATE SET slot_ms = ?2 WHERE slot_ms < ?2",
    [SLOT_JOB_STATE] = "SELECT state FROM schedules JOIN jobs ON jobs.job = schedules.job"
                       " WHERE name = ?1",
    [SET_SLOT_JOB] = "UPDATE schedules SET job = ?2, job_slot_ms = slot_ms WHERE name = ?1",
    /* Only the job's own slot: those before it stay taken, and so does one that overlapped. */
    [GIVE_SLOT_BACK] = "UPDATE schedules SET slot_ms = slot_ms - 1"
                       " WHERE job = (SELECT job FROM jobs WHERE id = ?1)"
                       "   AND slot_ms = job_slot_ms",
    [UNDO_INSERT] = "DELETE FROM jobs WHERE id = ?1",
    /* A number up to that of a step of the clock is never given again (shift.c). */
    [LAST_JOB] = "SELECT max(" NEWEST_JOB ","
                 "           coalesce((SELECT job FROM clock WHERE one = 1), 0))",
    [INSERT_SUCCEEDED] = "INSERT" SUCCEEDED_INTO SUCCEEDED_ROW,
    /* A row costs a third less where many are one statement's. Where one is refused, those before
     * it stay until the transaction is rolled back, which it is then: to take them back alone,
     * SQLite would copy each page before the statement writes it. */
    [INSERT_SUCCEEDED_ROWS] = "INSERT OR FAIL" SUCCEEDED_INTO SUCCEEDED_ROWS_4 "," SUCCEEDED_ROWS_4
                              "," SUCCEEDED_ROWS_4 "," SUCCEEDED_ROWS_4,
    [INSERT_PACK] = "INSERT INTO packs (first, count, route, worker, id_from, id_to, finished_ms,"
                    "                   ids, jobs)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [ANY_ROW] = "SELECT 1 FROM jobs WHERE job BETWEEN ?1 AND ?2 LIMIT 1",
    [HAS_ROW] = "SELECT 1 FROM jobs WHERE job = ?1 AND id = ?2",
    [JOURNAL_STATE] = "SELECT boot, number FROM journal",
    [SET_JOURNAL_STATE] = "INSERT OR REPLACE INTO journal (one, boot, number) VALUES (1, ?1, ?2)",

    [FIND_DUE] = "SELECT jobs.job, id, delivery_id, state, attempt, version, input_bytes, block,"
                 "       memory"
                 " FROM jobs INDEXED BY jobs_waiting LEFT JOIN inputs ON inputs.job = jobs.job"
                 " WHERE route = ?1 AND state < 4 AND state <> 2 AND run_at_ms <= ?2"
                 " ORDER BY run_at_ms, jobs.job LIMIT ?3",
    [CLAIM] = "UPDATE jobs SET version = version + 1, state = 2, attempt = attempt + 1, boot = ?2,"
              "                token = ?3, started_ms = ?4"
              " WHERE job = ?1 AND state < 4 AND state <> 2",
    [NEXT_DUE] = "SELECT run_at_ms FROM jobs INDEXED BY jobs_waiting"
                 " WHERE route = ?1 AND state < 4 AND state <> 2 ORDER BY run_at_ms LIMIT 1",
    [UNDO_CLAIM] = "UPDATE jobs INDEXED BY jobs_by_state"
                   " SET version = version + 1, state = 1, attempt = attempt - 1, boot = NULL,"
                   "     token = NULL"
                   " WHERE state = 2 AND state <> 4 AND token = ?1",
    /* Not RETURNING in those that each attempt runs: it costs more than looking first. */
    [FIND_ATTEMPT] = "SELECT version + 1, is_cancelling, callback IS NOT NULL FROM jobs"
                     " WHERE job = ?1 AND token = ?2 AND state = 2",
    /* What SETTLE does to a job that succeeds, where nobody has touched it since its claim and
     * nobody is to be told. */
    [SUCCEED] = "UPDATE jobs SET version = version + 1, state = 4, is_wall = 0, finished_ms = ?4,"
                "  error_code = NULL, error = NULL, result_status = ?5, result_type = ?6,"
                "  result = ?7, memory = NULL, boot = NULL, token = NULL"
                " WHERE job = ?1 AND token = ?2 AND state = 2 AND version = ?3"
                "   AND is_cancelling = 0 AND callback IS NULL",
    /* ?11: the memory is replaced; ?13: the new state is final. */
    [SETTLE] = "UPDATE jobs SET version = version + 1, state = ?3,"
               "  run_at_ms = coalesce(?4, run_at_ms), is_wall = 0,"
               "  finished_ms = iif(?13, ?5, NULL), error_code = ?6, error = ?7,"
               "  result_status = ?8, result_type = ?9, result = ?10,"
               "  memory = iif(?13, NULL, iif(?11, ?12, memory)),"
               "  boot = NULL, token = NULL, is_cancelling = 0"
               " WHERE job = ?1 AND token = ?2 AND state = 2",
    [RELEASE] = "UPDATE jobs SET version = version + 1, attempt = attempt - 1,"
                "  state = iif(is_cancelling, 6, 1),"
                "  run_at_ms = coalesce(?3, run_at_ms), is_wall = 0,"
                "  finished_ms = iif(is_cancelling, ?4, NULL),"
                "  memory = iif(is_cancelling, NULL, memory),"
                "  boot = NULL, token = NULL, is_cancelling = 0"
                " WHERE job = ?1 AND token = ?2 AND state = 2",
    [FIND_CALLBACK] = "SELECT callback FROM jobs WHERE job = ?1",
    [DROP_INPUT] = "DELETE FROM inputs WHERE job = ?1",

    /* These five say the same three things. */
    [CANCEL_WAITING] = "UPDATE jobs SET version = version + 1, state = 6, finished_ms = ?2,"
                       "                memory = NULL"
                       " WHERE job = ?1"
                       " RETURNING version, input_bytes, callback IS NOT NULL",
    [MARK_CANCELLING] = "UPDATE jobs SET version = version + 1, is_cancelling = 1 WHERE job = ?1"
                        " RETURNING version, input_bytes, 0",
    [RETRY_ENDED] = "UPDATE jobs SET version = version + 1, state = 1, run_at_ms = ?2, is_wall = 0,"
                    "  attempt = 0, crashes = 0, started_ms = NULL, finished_ms = NULL,"
                    "  error_code = NULL, error = NULL, result_status = NULL, result_type = NULL,"
                    "  result = NULL"
                    " WHERE job = ?1 AND EXISTS (SELECT 1 FROM inputs WHERE inputs.job = ?1)"
                    " RETURNING version, input_bytes, 0",
    /* What is due already keeps its place. */
    [RETRY_WAITING] = "UPDATE jobs SET version = version + 1, state = 1,"
                      "                run_at_ms = min(run_at_ms, ?2), is_wall = 0"
                      " WHERE job = ?1"
                      " RETURNING version, input_bytes, 0",
    [DELETE_JOB] = "DELETE FROM jobs WHERE job = ?1 RETURNING version + 1, input_bytes, 0",
    [DELETE_PACK] = "DELETE FROM packs WHERE first = ?1",
    [CUT_PACK] = "UPDATE packs SET count = ?2, id_to = ?3, finished_ms = ?4,"
                 "                 ids = substr(ids, 1, ?5), jobs = substr(jobs, 1, ?6)"
                 " WHERE first = ?1",
    [RETIRE] = "DELETE FROM jobs WHERE job IN"
               "  (SELECT job FROM jobs INDEXED BY jobs_final"
               "   WHERE route = ?1 AND state > 3 AND finished_ms < ?2"
               "   ORDER BY finished_ms LIMIT ?3)"
               " RETURNING state, id",
    [FINAL_PACK] = "SELECT " PACK_COLUMNS " FROM packs INDEXED BY packs_final"
                   " WHERE route = ?1 AND finished_ms < ?2 ORDER BY finished_ms LIMIT 1",
    [REMEMBER_RETIRED] = "INSERT OR REPLACE INTO retired (id, retired_ms) VALUES (?1, ?2)",
    [FORGET_RETIRED] = "DELETE FROM retired WHERE id IN"
                       "  (SELECT id FROM retired INDEXED BY retired_by_time"
                       "   WHERE retired_ms < ?1 ORDER BY retired_ms LIMIT ?2)",
    [COUNT_RETIRED] = "SELECT count(*) FROM retired",
    [SHRINK] = "PRAGMA incremental_vacuum(512)",
    [PAUSE] = "INSERT OR IGNORE INTO paused (route, since_ms) VALUES (?1, ?2)",
    [RESUME] = "DELETE FROM paused WHERE route = ?1",
    [SHIFT] = "UPDATE jobs INDEXED BY jobs_by_state"
              " SET version = version + 1, run_at_ms = run_at_ms + ?1"
              " WHERE state < 4 AND state <> 2 AND state <> 4 AND is_wall = 0",
    [SET_CLOCK] = "INSERT OR REPLACE INTO clock (one, wall_ms, job)"
                  " VALUES (1, ?1, " NEWEST_JOB ")",

    [LAST_WALL] = "SELECT max(coalesce((SELECT wall_ms FROM clock), 0),"
                  "           coalesce((SELECT created_ms FROM jobs"
                  "                     WHERE job > coalesce((SELECT job FROM clock), 0)"
                  "                     ORDER BY job DESC LIMIT 1), 0),"
                  "           coalesce((SELECT finished_ms FROM packs"
                  "                     WHERE first > coalesce((SELECT job FROM clock), 0)"
                  "                     ORDER BY first DESC LIMIT 1), 0))",
    [CLAIMED_BY] = "SELECT job, token FROM jobs INDEXED BY jobs_by_state"
                   " WHERE state = 2 AND state <> 4 AND boot = ?1",
    [INTERRUPT] = "UPDATE jobs INDEXED BY jobs_by_state"
                  " SET version = version + 1, crashes = crashes + 1, attempt = attempt - 1,"
                  "  boot = NULL, token = NULL, is_cancelling = 0,"
                  "  state = iif(is_cancelling, 6, iif(?1 > 0 AND crashes + 1 >= ?1, 5, 1)),"
                  "  finished_ms = iif(is_cancelling OR (?1 > 0 AND crashes + 1 >= ?1), ?3, NULL),"
                  "  memory = iif(is_cancelling OR (?1 > 0 AND crashes + 1 >= ?1), NULL, memory),"
                  "  error_code = ?4, error = 'the server ended while it ran'"
                  " WHERE state = 2 AND state <> 4 AND boot IS NOT ?2"
                  " RETURNING route, delivery_id, state, crashes, job, callback IS NOT NULL",
    [COUNT] = "SELECT route, state, sum(jobs), sum(bytes) FROM"
              "  (SELECT route, state, count(*) AS jobs, sum(input_bytes) AS bytes"
              "   FROM jobs GROUP BY route, state"
              "   UNION ALL SELECT route, 4, sum(count), 0 FROM packs GROUP BY route)"
              " GROUP BY route, state",
    [PAUSED] = "SELECT route, since_ms FROM paused",
    [SLOTS] = "SELECT name, slot_ms FROM schedules",

    [FIND] = "SELECT " RECORD_COLUMNS ", result FROM jobs WHERE id = ?1",
    [FIND_ROW] = "SELECT " RECORD_COLUMNS ", result FROM jobs WHERE job = ?1",
    [FIND_PACK] = "SELECT " PACK_COLUMNS " FROM packs INDEXED BY packs_by_id"
                  " WHERE id_from BETWEEN ?1 AND ?2 AND id_to >= ?2 AND instr(ids, ?3)",
    /* What a pack holds is read only if the job is one of its. */
    [PACK_OF] = "SELECT " PACK_COLUMNS " FROM packs"
                " WHERE first = (SELECT first FROM packs WHERE first <= ?1"
                "                ORDER BY first DESC LIMIT 1)"
                "   AND first + count > ?1",
    [FIND_RETIRED] = "SELECT 1 FROM retired WHERE id = ?1",
    /* 0: there is none. Of a pack it is the last job that is below. */
    [NEXT_BELOW] = "SELECT max(coalesce((SELECT job FROM jobs WHERE job < ?1"
                   "                     ORDER BY job DESC LIMIT 1), 0),"
                   "           coalesce((SELECT min(first + count, ?1) - 1 FROM packs"
                   "                     WHERE first < ?1 ORDER BY first DESC LIMIT 1), 0))",
    [NEXT_BELOW_IN_STATE] = "SELECT job FROM jobs INDEXED BY jobs_by_state"
                            " WHERE state = ?2 AND state <> 4 AND job < ?1"
                            " ORDER BY job DESC LIMIT 1",
    /* ?3: a bit for each state, or in the other one the state; ?4: a route, or NULL for any. */
    [LIST] = "SELECT " RECORD_COLUMNS ", NULL FROM jobs"
             " WHERE job BETWEEN ?1 AND ?2 AND ?3 >> state & 1 AND (?4 IS NULL OR route = ?4)"
             " ORDER BY job DESC LIMIT ?5",
    [LIST_IN_STATE] = "SELECT " RECORD_COLUMNS ", NULL FROM jobs INDEXED BY jobs_by_state"
                      " WHERE state = ?3 AND state <> 4 AND job BETWEEN ?1 AND ?2"
                      "   AND (?4 IS NULL OR route = ?4)"
                      " ORDER BY job DESC LIMIT ?5",
    [PACKS_BETWEEN] = "SELECT " PACK_COLUMNS " FROM packs"
                      " WHERE first BETWEEN ?1 AND ?2 AND (?3 IS NULL OR route = ?3)"
                      " ORDER BY first DESC",
};

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

int statements_next_job(struct statements *statements, int64_t *job, ferry_error *error)
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
    *job = ++statements->last_job;
    return 0;
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
