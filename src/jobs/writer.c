/*
 * Transactions, and what becomes of operations when one fails. The connection that they need is in
 * writer_connection.c.
 *
 * The journal comes first. What it does not take, because it fails or for any other reason, goes
 * into the tables with the rest, so that nothing depends on it.
 *
 * A full disk refuses new jobs before all else: what was in the transaction with them is tried
 * without them, so that the ends of attempts and deletes still have a way. New jobs are refused
 * while there is still some room, which those ends need: a log that is full of jobs can neither
 * grow nor be copied. Where others have taken that, too, a delete has the reserve.
 */
#include "writer_struct.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "apply.h"
#include "clock.h"

enum {
    FULL_LOG_PAUSE_US = 1000000,
    ROWS_PAUSE_US = 1000000,
};

/* ---- a transaction ---- */

/* Which operations of a list it is about. */
enum selection { INSERTS = 1, OTHERS = 2, ALL = INSERTS | OTHERS };

static bool is_selected(const struct operation *operation, enum selection selection)
{
    return selection & (operation->kind == OPERATION_INSERT ? INSERTS : OTHERS);
}

/* Those of them that are for the tables. */
static bool is_left(const struct operation *operation, enum selection selection)
{
    return operation->way == WAY_TABLES && is_selected(operation, selection);
}

static bool any_is_left(const struct operation *first, enum selection selection)
{
    while (first && !is_left(first, selection))
        first = first->next;
    return first != NULL;
}

static void operation_fail(struct operation *operation, const ferry_error *why, bool in_doubt)
{
    operation->error = *why;
    if (why->code != FERRY_STORAGE_FULL)
        operation->error.code = FERRY_REJECTED;
    operation->in_doubt = in_doubt;
}

/* An insert that found an earlier job has made none, and bears that one's id: nothing to undo. */
static bool may_be_in_doubt(const struct operation *operation)
{
    return operation->kind != OPERATION_INSERT ||
           ((const struct insert_operation *)operation)->outcome == INSERT_ADDED;
}

static void operations_fail(struct operation *first, enum selection selection,
                            const ferry_error *why, bool in_doubt)
{
    for (struct operation *at = first; at; at = at->next) {
        if (is_left(at, selection))
            operation_fail(at, why, in_doubt && may_be_in_doubt(at));
    }
}

/* What an operation that failed alone allows: to go on with the others, unless SQLite has rolled
 * back the transaction or the handle is lost. */
static bool can_go_on(const struct writer *writer)
{
    return !statements_is_lost(writer->statements) && statements_in_transaction(writer->statements);
}

static void operation_failed_alone(struct operation *operation, const ferry_error *why)
{
    if (operation_is_answer(why->code)) {
        operation->error = *why;
        return;
    }
    ferry_log(FERRY_LOG_ERROR, "a job was not written", "error=%s", why->message);
    operation_fail(operation, why, false);
}

static int writer_apply_one(struct writer *writer, struct operation *operation, bool together,
                            ferry_error *error)
{
    int rc = arrivals_prepare(writer->arrivals, writer->statements, operation, together, error);
    if (rc < 0)
        return rc;
    return together ? operation_apply(writer->statements, writer->boot, operation, error)
                    : operation_apply_alone(writer->statements, writer->boot, operation, error);
}

/* Run the operations. Returns 0, a code, or, of those that run `together`, 1: one has failed that
 * might fail alone. */
static int writer_apply(struct writer *writer, struct operation *first, enum selection selection,
                        bool together, ferry_error *error)
{
    for (struct operation *at = first; at; at = at->next) {
        if (!is_left(at, selection))
            continue;
        operation_try(at);
        int rc = writer_apply_one(writer, at, together, error);
        if (rc == 0)
            continue;
        if (!can_go_on(writer))
            return error->code;
        if (together && !operation_is_answer(error->code))
            return 1;
        operation_failed_alone(at, error);
    }
    return 0;
}

static void writer_end(struct writer *writer, bool is_committed)
{
    if (is_committed) {
        arrivals_committed(writer->arrivals);
        return;
    }
    if (statements_in_transaction(writer->statements))
        statement_run(writer->statements, ROLLBACK, NULL);
    arrivals_rolled_back(writer->arrivals);
}

/* Returns 0, a code, or, of rows that are given together, 1: the database has refused one. */
static int rows_given(const struct writer *writer, bool together, int rc)
{
    return rc < 0 && together && statements_was_refused(writer->statements) ? 1 : rc;
}

static int writer_transact_once(struct writer *writer, struct operation *first,
                                enum selection selection, bool together, bool *in_doubt,
                                ferry_error *error)
{
    int rc = statement_run(writer->statements, BEGIN, error);
    if (rc == 0)
        rc = rows_given(writer, together,
                        arrivals_begin(writer->arrivals, writer->statements, together, error));
    if (rc == 0)
        rc = writer_apply(writer, first, selection, together, error);
    if (rc == 0)
        rc = rows_given(writer, together,
                        arrivals_end(writer->arrivals, writer->statements, together, error));
    if (rc == 0) {
        rc = statement_run(writer->statements, COMMIT, error);
        /* It may be whole in the log, whose index comes after it and may lack memory; but not where
         * the log had no room. */
        *in_doubt = rc < 0 && rc != FERRY_STORAGE_FULL;
    }
    writer_end(writer, rc == 0);
    return rc;
}

/* Where one has failed, all are run anew, each in a savepoint: that costs several times as much. */
static int writer_transact(struct writer *writer, struct operation *first, enum selection selection,
                           bool *in_doubt, ferry_error *error)
{
    int rc = writer_transact_once(writer, first, selection, true, in_doubt, error);
    if (rc <= 0)
        return rc;
    arrivals_leave(writer->arrivals, first);
    return writer_transact_once(writer, first, selection, false, in_doubt, error);
}

/* Write a list: into the journal what may go there, and the rest in a transaction. */
static int writer_write(struct writer *writer, struct operation *first, enum selection selection,
                        bool *in_doubt, ferry_error *error)
{
    arrivals_take(writer->arrivals, writer->statements, first, !(selection & INSERTS));
    if (statements_is_lost(writer->statements)) {
        arrivals_drop(writer->arrivals, first);
        return ferry_error_set(error, FERRY_INTERNAL, "the jobs' database cannot be read");
    }
    if (arrivals_journal(writer->arrivals, first) && !any_is_left(first, selection))
        return 0;
    int rc = writer_transact(writer, first, selection, in_doubt, error);
    if (rc < 0)
        *in_doubt |= arrivals_drop(writer->arrivals, first);
    return rc;
}

/* Give rows to the oldest of many who have none. What fails here is tried again; a lost handle is
 * seen by the caller. */
static void writer_give_old_rows(struct writer *writer, ferry_error *error)
{
    bool in_doubt;
    if (clock_monotonic_us() < writer->rows_us || !arrivals_take_old(writer->arrivals) ||
        writer_transact(writer, NULL, ALL, &in_doubt, error) == 0)
        return;
    ferry_log(FERRY_LOG_ERROR, "jobs stay in the journal", "error=%s", error->message);
    writer->rows_us = clock_monotonic_us() + ROWS_PAUSE_US;
}

/* The disk is full: run the operations that are no inserts, if any, from the start of the WAL when
 * all that is in it can be copied. */
static int writer_transact_when_full(struct writer *writer, struct operation *first, bool *in_doubt,
                                     ferry_error *error)
{
    if (!any_is_left(first, OTHERS))
        return 0;
    int rc = writer_checkpoint(writer, RESTART_WAL, error);
    return rc < 0 && statements_is_lost(writer->statements)
               ? rc
               : writer_write(writer, first, OTHERS, in_doubt, error);
}

/* Tell whether a transaction failed in a way that new jobs alone may be to blame for. */
static bool is_full(const struct writer *writer, int rc)
{
    return rc == FERRY_STORAGE_FULL && writer->db && !statements_is_lost(writer->statements);
}

static void refuse_inserts(struct writer *writer, struct operation *first, bool in_doubt,
                           const ferry_error *why)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us >= writer->full_log_us) {
        ferry_log(FERRY_LOG_ERROR,
                  why->code == FERRY_STORAGE_FULL ? "no space on disk for new jobs"
                                                  : "new jobs are refused",
                  "error=%s", why->message);
        writer->full_log_us = now_us + FULL_LOG_PAUSE_US;
    }
    operations_fail(first, INSERTS, why, in_doubt);
}

/* A file that was deleted can be written to as before, and the next start does not find it. */
static void why_no_room(const struct writer *writer, ferry_error *error)
{
    if (database_free_bytes(writer->path) < 0)
        ferry_error_set(error, FERRY_REJECTED,
                        "the jobs' database was deleted or moved away: restart the server");
    else
        ferry_error_set(
            error, FERRY_STORAGE_FULL,
            "the disk of the jobs' database is full: the last %d MiB are for the jobs in it",
            DATABASE_KEPT_FREE_BYTES >> 20);
}

/* Refuse the new jobs, if there are any, when they would take the space that the others need, or
 * the database is not there any more. Returns what is left to do. */
static enum selection keep_reserve(struct writer *writer, struct operation *first)
{
    ferry_error error;
    int64_t bytes = 0;
    bool has_inserts = false;
    for (const struct operation *at = first; at; at = at->next) {
        if (!is_selected(at, INSERTS))
            continue;
        has_inserts = true;
        bytes += (int64_t)((const struct insert_operation *)at)->length;
    }
    if (!has_inserts || !writer->db || database_has_room(writer->db, writer->path, bytes))
        return ALL;
    why_no_room(writer, &error);
    refuse_inserts(writer, first, false, &error);
    return OTHERS;
}

static bool is_delete(const struct operation *operation)
{
    return operation->kind == OPERATION_CHANGE &&
           ((const struct change_operation *)operation)->action == JOB_ACTION_DELETE;
}

static void use_reserve(struct writer *writer, const struct operation *first)
{
    reserve_keep(writer->reserve);
    while (first && !is_delete(first))
        first = first->next;
    if (first)
        reserve_give(writer->reserve, 0);
}

void writer_run(struct writer *writer, struct operation *first)
{
    ferry_error error = {0};
    bool in_doubt = false;
    for (struct operation *at = first; at; at = at->next)
        at->way = WAY_TABLES;
    use_reserve(writer, first);
    enum selection selection = keep_reserve(writer, first);
    int rc = writer->db ? 0 : writer_reconnect(writer, &error);
    if (rc == 0)
        rc = writer_write(writer, first, selection, &in_doubt, &error);
    if (is_full(writer, rc)) {
        if (selection == ALL)
            refuse_inserts(writer, first, in_doubt, &error);
        selection = OTHERS;
        rc = writer_transact_when_full(writer, first, &in_doubt, &error);
    }
    if (rc < 0) {
        ferry_log(FERRY_LOG_ERROR, "jobs were not written", "error=%s", error.message);
        operations_fail(first, selection, &error, in_doubt);
    }
    if (writer->db && !statements_is_lost(writer->statements))
        writer_give_old_rows(writer, &error);
    if (writer->db && !statements_is_lost(writer->statements))
        writer_bound_wal(writer, &error);
    if (writer->db && statements_is_lost(writer->statements))
        writer_lose(writer, &error);
}

/* ---- life ---- */

static bool writer_allocate(struct writer *writer, const char *path)
{
    random_bytes(writer->boot, sizeof writer->boot);
    writer->path = strdup(path);
    writer->arrivals = arrivals_new(path, writer->boot);
    writer->reserve = reserve_new(path);
    return writer->path && writer->arrivals && writer->reserve;
}

/* Have a row for each job. */
static int writer_give_rows(struct writer *writer, ferry_error *error)
{
    struct operation give_rows = {.kind = OPERATION_GIVE_ROWS};
    if (!arrivals_have_rows(writer->arrivals))
        writer_run(writer, &give_rows);
    if (error)
        *error = give_rows.error;
    return give_rows.error.code;
}

/* The reports look at the rows. */
static int writer_start(struct writer *writer, bool *damaged, ferry_error *error)
{
    int rc = writer_connect(writer, damaged, error);
    return rc == 0 ? writer_give_rows(writer, error) : rc;
}

struct writer *writer_open(const char *path, bool *damaged, ferry_error *error)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer || !writer_allocate(writer, path)) {
        writer_close(writer);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    if (writer_start(writer, damaged, error) < 0) {
        writer_close(writer);
        return NULL;
    }
    writer->has_started = true;
    return writer;
}

void writer_close(struct writer *writer)
{
    ferry_error error;
    if (!writer)
        return;
    writer->reopen_us = 0; /* it is the last time */
    if (writer->has_started)
        writer_give_rows(writer, &error);
    writer_disconnect(writer);
    arrivals_free(writer->arrivals);
    reserve_free(writer->reserve);
    free(writer->path);
    free(writer);
}

bool writer_has_all_rows(const struct writer *writer)
{
    return arrivals_have_rows(writer->arrivals);
}

struct statements *writer_statements(struct writer *writer)
{
    return writer->statements;
}

const unsigned char *writer_boot(const struct writer *writer)
{
    return writer->boot;
}
