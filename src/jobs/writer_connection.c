/*
 * The writer's connection. It belongs to one thread at a time and has no lock.
 *
 * After an I/O error the handle is never used again: the kernel reports a failed fsync once, and
 * may report success for the same lost pages the next time. The writer closes it and opens a new
 * one. As long as that fails, every operation does.
 *
 * Whenever it opens the database, it checks it and copies the whole WAL into the database file with
 * a sync of its own, so that nothing rests on pages whose fate is unknown: the process before may
 * have ended at an fsync that failed, and a WAL that reads well need not be on disk. For the same
 * reason all that is in the journal, or was when the handle was lost, gets its rows with the first
 * transaction.
 *
 * The automatic checkpoints keep the WAL small, unless somebody is always reading. Past a size it
 * is emptied by force. How big it is is asked for now and then only: a file whose times somebody
 * has seen gets new ones with its next write, and the sync of each commit would write them, too.
 */
#include "writer_struct.h"

#include <ferry/log.h>

#include "clock.h"

enum {
    REOPEN_PAUSE_US = 1000000, /* a check of a big database is no thing to do in a row */
    WAL_MAX_BYTES = 64 << 20,
    EMPTY_PAUSE_US = 1000000, /* emptying the WAL waits for who reads: not for long, nor often */
    EMPTY_WAIT_MS = 50,
    LOOK_PAUSE_US = 100000, /* at how big it is */
};

void writer_disconnect(struct writer *writer)
{
    statements_free(writer->statements);
    writer->statements = NULL;
    sqlite3_close(writer->db);
    writer->db = NULL;
}

/* Copy the WAL into the file. The pragma's first column says whether it was kept from finishing. */
int writer_checkpoint(struct writer *writer, enum statement how, ferry_error *error)
{
    int rc = statement_step(writer->statements, how, error);
    if (rc <= 0)
        return rc;
    bool is_busy = sqlite3_column_int(statement_of(writer->statements, how), 0);
    statement_abandon(writer->statements, how);
    return is_busy ? ferry_error_set(error, FERRY_REJECTED, "the jobs' database is being read") : 0;
}

int64_t writer_wal_bytes(const struct writer *writer)
{
    return writer->wal_bytes;
}

static void writer_look_at_wal(struct writer *writer, int64_t now_us)
{
    if (now_us < writer->look_us)
        return;
    writer->wal_bytes = database_wal_bytes(writer->db);
    writer->look_us = now_us + LOOK_PAUSE_US;
}

void writer_bound_wal(struct writer *writer, ferry_error *error)
{
    int64_t now_us = clock_monotonic_us();
    writer_look_at_wal(writer, now_us);
    if (writer->wal_bytes <= WAL_MAX_BYTES || now_us < writer->empty_us)
        return;
    writer->empty_us = now_us + EMPTY_PAUSE_US;
    sqlite3_busy_timeout(writer->db, EMPTY_WAIT_MS);
    int rc = writer_checkpoint(writer, EMPTY_WAL, error);
    sqlite3_busy_timeout(writer->db, DATABASE_BUSY_TIMEOUT_MS);
    if (rc < 0)
        ferry_log(FERRY_LOG_WARN, "the log of the jobs' database is big and cannot be emptied yet",
                  "bytes=%lld error=%s", (long long)writer->wal_bytes, error->message);
}

int writer_connect(struct writer *writer, bool *damaged, ferry_error *error)
{
    reserve_give(writer->reserve, RESERVE_FOR_DELETES);
    writer->db = database_open_writer(writer->path, damaged, error);
    if (writer->db)
        writer->statements = statements_new(writer->db, false, error);
    if (writer->statements && writer_checkpoint(writer, EMPTY_WAL, error) == 0 &&
        arrivals_load(writer->arrivals, writer->statements, error) == 0)
        return 0;
    writer_disconnect(writer);
    return FERRY_INTERNAL;
}

void writer_lose(struct writer *writer, const ferry_error *error)
{
    ferry_log(FERRY_LOG_ERROR, "the jobs' database is lost, opening it again", "error=%s",
              error->message);
    sqlite3_db_config(writer->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    writer_disconnect(writer);
    writer->reopen_us = clock_monotonic_us();
}

int writer_reconnect(struct writer *writer, ferry_error *error)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us < writer->reopen_us)
        return ferry_error_set(error, FERRY_REJECTED, "the jobs' database cannot be written");
    writer->reopen_us = now_us + REOPEN_PAUSE_US;
    int rc = writer_connect(writer, NULL, error);
    if (rc == 0)
        ferry_log(FERRY_LOG_INFO, "the jobs' database is open again", NULL);
    else
        ferry_log(FERRY_LOG_ERROR, "the jobs' database does not open", "error=%s", error->message);
    return rc;
}
