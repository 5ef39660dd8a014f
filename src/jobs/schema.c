/*
 * The schema. PRAGMA user_version counts the steps that a database has behind it; they only go
 * forward. A step that was released is never edited: a new one follows it.
 *
 * The row in `jobs` is hot: it is written at each change of state. The input may be megabytes and
 * never changes, so it has a table of its own. Ids are 16-byte blobs. Times are milliseconds of the
 * wall clock. `state` is an enum job_state: those numbers are on disk.
 */
#include "schema.h"

#include <assert.h>
#include <stddef.h>

#include "database.h"
#include "job.h"

static_assert(JOB_SCHEDULED == 0 && JOB_QUEUED == 1 && JOB_RUNNING == 2 && JOB_RETRYING == 3 &&
                  JOB_SUCCEEDED == 4 && JOB_DEAD == 5 && JOB_CANCELLED == 6,
              "states are on disk");

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE jobs ("
    "  job INTEGER PRIMARY KEY,"
    "  id BLOB NOT NULL UNIQUE,"
    "  delivery_id BLOB NOT NULL,"
    "  route TEXT NOT NULL,"
    "  worker TEXT NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  attempt INTEGER NOT NULL DEFAULT 0,"
    "  crashes INTEGER NOT NULL DEFAULT 0,"
    "  input_bytes INTEGER NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  run_at_ms INTEGER NOT NULL,"
    "  started_ms INTEGER,"
    "  finished_ms INTEGER,"
    "  boot BLOB,"     /* which process runs it, */
    "  token INTEGER," /* and by which claim; both only while it runs */
    "  error_code INTEGER,"
    "  error TEXT,"
    "  result_status INTEGER,"
    "  result_type TEXT,"
    "  result BLOB);"
    "CREATE TABLE inputs ("
    "  job INTEGER PRIMARY KEY REFERENCES jobs (job) ON DELETE CASCADE,"
    "  block BLOB NOT NULL);"
    /* Only what waits, so that a job which starts at once never enters it. */
    "CREATE INDEX jobs_waiting ON jobs (route, run_at_ms) WHERE state IN (0, 1, 3);"
    "CREATE INDEX jobs_final ON jobs (finished_ms) WHERE state IN (4, 5, 6);",
    /* 2 */
    "ALTER TABLE jobs ADD COLUMN version INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE jobs ADD COLUMN is_wall INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN is_cancelling INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN callback TEXT;"
    "ALTER TABLE jobs ADD COLUMN memory BLOB;" /* what an attempt leaves to the next */
    "DROP INDEX jobs_final;"
    "CREATE INDEX jobs_final ON jobs (route, finished_ms) WHERE state IN (4, 5, 6);"
    "CREATE INDEX jobs_by_state ON jobs (state);" /* and, as any index, by row within it */
    "CREATE TABLE keys ("
    "  route TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  fingerprint BLOB NOT NULL,"
    "  job INTEGER NOT NULL REFERENCES jobs (job) ON DELETE CASCADE,"
    "  PRIMARY KEY (route, key)) WITHOUT ROWID;"
    "CREATE INDEX keys_job ON keys (job);"
    /* Ids of jobs that were deleted, so that they are known as gone. */
    "CREATE TABLE retired (id BLOB PRIMARY KEY, retired_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX retired_by_time ON retired (retired_ms);"
    /* The row of a deleted job is given to a new one: a schedule must not take that for its own. */
    "CREATE TABLE schedules ("
    "  name TEXT PRIMARY KEY,"
    "  slot_ms INTEGER NOT NULL,"
    "  job INTEGER REFERENCES jobs (job) ON DELETE SET NULL," /* of the last run that was made, */
    "  job_slot_ms INTEGER) WITHOUT ROWID;"                   /* and its slot */
    "CREATE INDEX schedules_job ON schedules (job);"
    "CREATE TABLE paused (route TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) WITHOUT ROWID;"
    /* One row: the wall clock when its steps were last made up for, and the newest job then. */
    "CREATE TABLE clock ("
    "  one INTEGER PRIMARY KEY CHECK (one = 1),"
    "  wall_ms INTEGER NOT NULL,"
    "  job INTEGER NOT NULL);",
    /* 3: the same two, without IN: for its list SQLite makes a table in memory with each write. */
    "DROP INDEX jobs_waiting;"
    "DROP INDEX jobs_final;"
    "CREATE INDEX jobs_waiting ON jobs (route, run_at_ms) WHERE state < 4 AND state <> 2;"
    "CREATE INDEX jobs_final ON jobs (route, finished_ms) WHERE state > 3;",
    /* 4: without those that have succeeded, which are nearly all: each left an entry behind. */
    ("DROP INDEX jobs_by_state;"
     "CREATE INDEX jobs_by_state ON jobs (state) WHERE state <> 4;"),
    /* 5: one row: whose journal it is, and up to which entry all is in the tables (journal.h). */
    "CREATE TABLE journal ("
    "  one INTEGER PRIMARY KEY CHECK (one = 1),"
    "  boot BLOB NOT NULL,"
    "  number INTEGER NOT NULL);",
    /* 6: jobs that have succeeded, many in a row (packs.h): numbers that follow each other, the
     * times in the ids of the first and the last, when the last one ended; pack.c wrote the rest.
     */
    "CREATE TABLE packs ("
    "  first INTEGER PRIMARY KEY,"
    "  count INTEGER NOT NULL,"
    "  route TEXT NOT NULL,"
    "  worker TEXT NOT NULL,"
    "  id_from INTEGER NOT NULL,"
    "  id_to INTEGER NOT NULL,"
    "  finished_ms INTEGER NOT NULL,"
    "  ids BLOB NOT NULL,"
    "  jobs BLOB NOT NULL);"
    "CREATE INDEX packs_by_id ON packs (id_from, id_to);"
    "CREATE INDEX packs_final ON packs (route, finished_ms);",
};

enum { SCHEMA_VERSION = sizeof steps / sizeof steps[0] };

static int schema_version(sqlite3 *db, int *version, ferry_error *error)
{
    int64_t value;
    int rc = database_query_int(db, "PRAGMA user_version", &value, error);
    *version = (int)value;
    return rc;
}

int schema_check_version(sqlite3 *db, ferry_error *error)
{
    int version;
    int rc = schema_version(db, &version, error);
    if (rc == 0 && version > SCHEMA_VERSION)
        return ferry_error_set(error, FERRY_UNSUPPORTED,
                               "the database is of version %d, this ferry knows versions up to %d: "
                               "start the later ferry that wrote it",
                               version, (int)SCHEMA_VERSION);
    return rc;
}

static int schema_step(sqlite3 *db, int version, ferry_error *error)
{
    char done[64];
    sqlite3_snprintf(sizeof done, done, "PRAGMA user_version = %d; COMMIT", version + 1);
    int rc = database_exec(db, "BEGIN IMMEDIATE", error);
    if (rc == 0)
        rc = database_exec(db, steps[version], error);
    if (rc == 0)
        rc = database_exec(db, done, error);
    if (rc < 0 && !sqlite3_get_autocommit(db))
        database_exec(db, "ROLLBACK", NULL);
    return rc;
}

int schema_migrate(sqlite3 *db, ferry_error *error)
{
    int version;
    int rc = schema_version(db, &version, error);
    for (; rc == 0 && version < SCHEMA_VERSION; version++)
        rc = schema_step(db, version, error);
    return rc;
}
