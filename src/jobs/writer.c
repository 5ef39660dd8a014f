/*
 * The writer. It belongs to one thread at a time and has no lock.
 *
 * After an I/O error the handle is never used again: the kernel reports a failed fsync once, and
 * may report success for the same lost pages the next time. The writer closes it and opens a new
 * one. As long as that fails, every operation does.
 *
 * Whenever it opens the database, it checks it and copies the whole WAL into the database file with
 * a sync of its own, so that nothing rests on pages whose fate is unknown: the process before may
 * have ended at an fsync that failed, and a WAL that reads well need not be on disk.
 */
#include "writer.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "apply.h"
#include "clock.h"
#include "database.h"

enum { REOPEN_PAUSE_US = 1000000 }; /* a check of a big database is no thing to do in a row */

struct writer {
    char *path;
    unsigned char boot[RANDOM_ID_BYTES]; /* names this process in the rows that it runs */
    sqlite3 *db;                         /* NULL: lost, to be opened again */
    struct statements *statements;
    int64_t reopen_us; /* not before this time */
};

/* ---- the connection ---- */

static void writer_disconnect(struct writer *writer)
{
    statements_free(writer->statements);
    writer->statements = NULL;
    sqlite3_close(writer->db);
    writer->db = NULL;
}

/* Copy the WAL into the file and empty it. The pragma's first column says whether it was kept from
 * finishing. */
static int writer_checkpoint(struct writer *writer, ferry_error *error)
{
    int64_t busy;
    int rc = database_query_int(writer->db, "PRAGMA wal_checkpoint(TRUNCATE)", &busy, error);
    if (rc == 0 && busy)
        rc = ferry_error_set(error, FERRY_REJECTED, "the jobs' database is being read");
    return rc;
}

static int writer_connect(struct writer *writer, bool *damaged, ferry_error *error)
{
    writer->db = database_open_writer(writer->path, damaged, error);
    if (writer->db)
        writer->statements = statements_new(writer->db, false, error);
    if (writer->statements && writer_checkpoint(writer, error) == 0)
        return 0;
    writer_disconnect(writer);
    return FERRY_INTERNAL;
}

static void writer_lose(struct writer *writer, const ferry_error *error)
{
    ferry_log(FERRY_LOG_ERROR, "the jobs' database is lost, opening it again", "error=%s",
              error->message);
    sqlite3_db_config(writer->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    writer_disconnect(writer);
    writer->reopen_us = clock_monotonic_us();
}

static int writer_reconnect(struct writer *writer, ferry_error *error)
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

/* ---- a transaction ---- */

static void operation_fail(struct operation *operation, const ferry_error *why, bool in_doubt)
{
    operation->error = *why;
    if (why->code != FERRY_STORAGE_FULL)
        operation->error.code = FERRY_REJECTED;
    operation->in_doubt = in_doubt;
}

/* What an operation that failed alone allows: to go on with the others, unless SQLite has rolled
 * back the transaction or the handle is lost. */
static bool can_go_on(const struct writer *writer)
{
    return !statements_is_lost(writer->statements) && statements_in_transaction(writer->statements);
}

static int writer_apply(struct writer *writer, struct operation *first, ferry_error *error)
{
    for (struct operation *at = first; at; at = at->next) {
        at->error = (ferry_error){0};
        if (operation_apply(writer->statements, writer->boot, at, error) == 0)
            continue;
        if (!can_go_on(writer))
            return error->code;
        ferry_log(FERRY_LOG_ERROR, "a job was not written", "error=%s", error->message);
        operation_fail(at, error, false);
    }
    return 0;
}

static int writer_transact(struct writer *writer, struct operation *first, bool *in_doubt,
                           ferry_error *error)
{
    int rc = statement_run(writer->statements, BEGIN, error);
    if (rc == 0)
        rc = writer_apply(writer, first, error);
    if (rc == 0) {
        rc = statement_run(writer->statements, COMMIT, error);
        *in_doubt = rc < 0 && statements_is_lost(writer->statements);
    }
    if (rc < 0 && statements_in_transaction(writer->statements))
        statement_run(writer->statements, ROLLBACK, NULL);
    return rc;
}

void writer_run(struct writer *writer, struct operation *first)
{
    ferry_error error = {0};
    bool in_doubt = false;
    int rc = writer->db ? 0 : writer_reconnect(writer, &error);
    if (rc == 0)
        rc = writer_transact(writer, first, &in_doubt, &error);
    if (rc < 0) {
        ferry_log(FERRY_LOG_ERROR, "jobs were not written", "error=%s", error.message);
        for (struct operation *at = first; at; at = at->next)
            operation_fail(at, &error, in_doubt);
    }
    if (writer->db && statements_is_lost(writer->statements))
        writer_lose(writer, &error);
}

/* ---- life ---- */

struct writer *writer_open(const char *path, bool *damaged, ferry_error *error)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer || !(writer->path = strdup(path))) {
        free(writer);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    random_bytes(writer->boot, sizeof writer->boot);
    if (writer_connect(writer, damaged, error) < 0) {
        writer_close(writer);
        return NULL;
    }
    return writer;
}

void writer_close(struct writer *writer)
{
    if (!writer)
        return;
    writer_disconnect(writer);
    free(writer->path);
    free(writer);
}

struct statements *writer_statements(struct writer *writer)
{
    return writer->statements;
}

const unsigned char *writer_boot(const struct writer *writer)
{
    return writer->boot;
}
