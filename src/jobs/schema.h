/* The tables, and how a database of an earlier version becomes one of this. One thread. */
#ifndef JOBS_SCHEMA_H
#define JOBS_SCHEMA_H

#include <sqlite3.h>

#include <ferry/error.h>

/* Refuse a database that a later ferry has written. Returns 0, FERRY_UNSUPPORTED for such a one, or
 * what database_error gives: FERRY_INVALID, when it is no database at all. */
int schema_check_version(sqlite3 *db, ferry_error *error);

/* Bring it to the present version, each step in a transaction of its own. Blocks. */
int schema_migrate(sqlite3 *db, ferry_error *error);

#endif
