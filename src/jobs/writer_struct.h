/*
 * The inside of the writer, for the two files that share it: writer.c (transactions) and
 * writer_connection.c (what they are run on).
 */
#ifndef JOBS_WRITER_STRUCT_H
#define JOBS_WRITER_STRUCT_H

#include "arrivals.h"
#include "database.h"
#include "reserve.h"
#include "writer.h"

struct writer {
    char *path;
    unsigned char boot[RANDOM_ID_BYTES]; /* names this process in the rows that it runs */
    sqlite3 *db;                         /* NULL: lost, to be opened again */
    struct statements *statements;
    struct arrivals *arrivals;
    struct reserve *reserve;
    bool has_started;
    int64_t reopen_us;   /* not before this time */
    int64_t empty_us;    /* the WAL neither */
    int64_t look_us;     /* nor is its size asked for */
    int64_t wal_bytes;   /* as it was then */
    int64_t rows_us;     /* nor do the oldest without rows get theirs */
    int64_t full_log_us; /* a full disk is not logged before this time, however many ask */
};

/* Open the database. Returns 0, or FERRY_INTERNAL and `error`; writer_open says what `damaged` is.
 */
int writer_connect(struct writer *writer, bool *damaged, ferry_error *error);
void writer_disconnect(struct writer *writer);

/* Close a handle that is never to be used again, and open a new one, once a second at most. */
void writer_lose(struct writer *writer, const ferry_error *error);
int writer_reconnect(struct writer *writer, ferry_error *error);

/* Copy the WAL into the file, by one of the two statements for it. Returns 0 or a code. */
int writer_checkpoint(struct writer *writer, enum statement how, ferry_error *error);

/* Empty the WAL when it has grown too big. What fails here fails again, or is seen by the next
 * transaction; a lost handle is seen by the caller. */
void writer_bound_wal(struct writer *writer, ferry_error *error);

#endif
