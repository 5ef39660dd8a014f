/* The database as version 1 made it, to the blank: for what must become of one of those. */
#ifndef TESTS_JOBS_SCHEMA_1_H
#define TESTS_JOBS_SCHEMA_1_H

static const char schema_1[] =
    "PRAGMA auto_vacuum = INCREMENTAL;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
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
    "  boot BLOB,"
    "  token INTEGER,"
    "  error_code INTEGER,"
    "  error TEXT,"
    "  result_status INTEGER,"
    "  result_type TEXT,"
    "  result BLOB);"
    "CREATE TABLE inputs ("
    "  job INTEGER PRIMARY KEY REFERENCES jobs (job) ON DELETE CASCADE,"
    "  block BLOB NOT NULL);"
    "CREATE INDEX jobs_waiting ON jobs (route, run_at_ms) WHERE state IN (0, 1, 3);"
    "CREATE INDEX jobs_final ON jobs (finished_ms) WHERE state IN (4, 5, 6);"
    "PRAGMA user_version = 1";

#endif
