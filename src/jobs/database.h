/*
 * Connections to the database: opened as the store needs them, and what SQLite says in ferry's
 * words. One thread at a time for each connection.
 */
#ifndef JOBS_DATABASE_H
#define JOBS_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include <ferry/error.h>

enum {
    DATABASE_BUSY_TIMEOUT_MS = 1000, /* only a person with a tool can hold a lock for long */
    DATABASE_KEPT_FREE_BYTES = 16 << 20,
};

/*
 * Open the connection that writes and checkpoints, checked (quick_check), migrated and ready; make
 * the file if there is none. With `damaged`, *damaged tells whether the file was found to be
 * damaged. Blocks. Errors: NULL and `error`: FERRY_FORBIDDEN not writable, FERRY_INVALID damaged,
 * newer than this program, or not there where there was one: set aside as damaged before, or cut
 * off from its log or journal; FERRY_STORAGE_FULL, FERRY_INTERNAL.
 */
sqlite3 *database_open_writer(const char *path, bool *damaged, ferry_error *error);

/* Open a connection that only reads, and never checkpoints. It must be closed before the writer. */
sqlite3 *database_open_reader(const char *path, ferry_error *error);

/* Move a damaged database out of the way, with the files that belong to it, and say so in `error`.
 * Returns FERRY_INVALID, or FERRY_INTERNAL when it cannot be moved. */
int database_set_aside(const char *path, ferry_error *error);

/* Set `error` from the last failure of the connection: FERRY_STORAGE_FULL for a full disk,
 * FERRY_INVALID for a damaged file, FERRY_FORBIDDEN, FERRY_INTERNAL for anything else. Returns the
 * code. */
int database_error(sqlite3 *db, ferry_error *error);

/* Return how much of the disk that a file is on is free; INT64_MAX: it does not say; -1: there is
 * no such file. */
int64_t database_free_bytes(const char *path);

/* Tell whether `bytes` more can be put into the database, and space is left for what must become of
 * what is in it: jobs that fill the disk could not end, and so never make room. */
bool database_has_room(sqlite3 *db, const char *path, int64_t bytes);

/* Return how big the file of the write-ahead log is. */
int64_t database_wal_bytes(sqlite3 *db);

int database_exec(sqlite3 *db, const char *sql, ferry_error *error);
int database_query_int(sqlite3 *db, const char *sql, int64_t *value, ferry_error *error);

#endif
