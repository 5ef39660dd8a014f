/*
 * All SQL that is run on jobs.
 *
 * What ends an attempt always names its token, so that a write that comes too late matches no row.
 * Every change of a job raises its version. Nothing that is run while ferry serves reads a whole
 * table, however many jobs there are; SHIFT writes all that wait.
 */
#include "sql.h"

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
const char *const sql_of[STATEMENT_COUNT] = {
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
    [FIND_KEY] = "SELECT fingerprint, id, delivery_id, state, run_at_ms"
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
    /* ?3: when a step may have been made up for already, or NULL. */
    [SHIFT] = "UPDATE jobs INDEXED BY jobs_by_state"
              " SET version = version + 1, run_at_ms = run_at_ms + ?1"
              " WHERE state < 4 AND state <> 2 AND state <> 4 AND is_wall = 0 AND job <= ?2"
              "   AND NOT EXISTS (SELECT 1 FROM clock WHERE wall_ms = ?3)",
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
    /* A job is where its id is: a pack that is damaged may lack some. */
    [COUNT] = "SELECT route, state, sum(jobs), sum(bytes) FROM"
              "  (SELECT route, state, count(*) AS jobs, sum(input_bytes) AS bytes"
              "   FROM jobs GROUP BY route, state"
              "   UNION ALL SELECT route, 4, sum(length(ids) / 16), 0 FROM packs GROUP BY route)"
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
