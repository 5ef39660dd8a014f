/*
 * The reader: an executor of one thread, and the one connection that this thread uses.
 *
 * Each look-up reads one row by its index and ends its read at once: a long one would keep the WAL
 * from being checkpointed. A look-up belongs to the reading thread from its submit until its `done`
 * on the loop. One whose reader has closed meanwhile has `reader` NULL and only frees itself.
 */
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/executor.h>
#include <ferry/log.h>

#include "database.h"
#include "statements.h"

struct lookup {
    struct reader *reader; /* NULL: it has closed */
    struct lookup *next, **link;
    struct statements *statements;
    job_found *found;
    void *arg;
    char id[RANDOM_ID_TEXT_SIZE];
    struct job_record record;
    ferry_error error;
};

struct reader {
    ferry_loop *loop;
    sqlite3 *db;
    struct statements *statements;
    ferry_executor *thread;
    struct lookup *lookups; /* in flight */
};

/* ---- on the reading thread ---- */

static void read_record(sqlite3_stmt *at, struct job_record *record)
{
    size_t ignored;
    record->route = column_copy(at, 0, &ignored);
    record->worker = column_copy(at, 1, &ignored);
    record->state = column_state(at, 2);
    record->attempt = (unsigned)sqlite3_column_int(at, 3);
    record->crashes = (unsigned)sqlite3_column_int(at, 4);
    record->created_ms = sqlite3_column_int64(at, 5);
    record->run_at_ms = sqlite3_column_int64(at, 6);
    record->started_ms = sqlite3_column_int64(at, 7);
    record->finished_ms = sqlite3_column_int64(at, 8);
    record->error_code = (ferry_code)sqlite3_column_int(at, 9);
    record->error = column_copy(at, 10, &ignored);
    record->result_status = sqlite3_column_int(at, 11);
    record->result_type = column_copy(at, 12, &ignored);
    record->result = column_copy(at, 13, &record->result_length);
}

/* Fill in `record`, which is empty. Errors: FERRY_NOT_FOUND, and those of the database. */
static int find(struct statements *statements, const char *id, struct job_record *record,
                ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, FIND);
    bind_id(at, 1, id);
    int rc = statement_step(statements, FIND, error);
    if (rc == 0)
        return ferry_error_set(error, FERRY_NOT_FOUND, "no such job");
    if (rc < 0)
        return rc;
    read_record(at, record);
    memcpy(record->id, id, sizeof record->id);
    statement_abandon(statements, FIND);
    if (record->route && record->worker)
        return 0;
    job_record_fini(record);
    return ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

static void lookup_run(void *arg)
{
    struct lookup *lookup = arg;
    find(lookup->statements, lookup->id, &lookup->record, &lookup->error);
}

/* ---- on the loop ---- */

static void lookup_free(struct lookup *lookup)
{
    job_record_fini(&lookup->record);
    free(lookup);
}

/* Take it out of the reader's list, which ends the reader's interest in it. */
static void lookup_detach(struct lookup *lookup)
{
    *lookup->link = lookup->next;
    if (lookup->next)
        lookup->next->link = lookup->link;
    lookup->reader = NULL;
}

static void lookup_answer(const struct lookup *lookup)
{
    ferry_error error = lookup->error;
    if (error.code && error.code != FERRY_NOT_FOUND) {
        ferry_log(FERRY_LOG_ERROR, "a job could not be looked up", "error=%s", error.message);
        error.code = FERRY_REJECTED;
    }
    lookup->found(lookup->arg, error.code ? NULL : &lookup->record, &error);
}

static void lookup_done(void *arg, const ferry_task_report *report)
{
    (void)report;
    struct lookup *lookup = arg;
    if (lookup->reader) {
        lookup_detach(lookup);
        lookup_answer(lookup);
    }
    lookup_free(lookup);
}

static void lookup_dropped(void *arg, const ferry_task_report *report)
{
    (void)report;
    lookup_free(arg);
}

static void lookup_refuse(job_found *found, void *arg, const char *why)
{
    ferry_error error;
    ferry_error_set(&error, FERRY_REJECTED, "%s", why);
    found(arg, NULL, &error);
}

void reader_find(struct reader *reader, const char *id, job_found *found, void *arg)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup) {
        lookup_refuse(found, arg, "no memory");
        return;
    }
    lookup->statements = reader->statements;
    lookup->found = found;
    lookup->arg = arg;
    memcpy(lookup->id, id, sizeof lookup->id);
    ferry_task_work work = {
        .run = lookup_run, .done = lookup_done, .dropped = lookup_dropped, .arg = lookup};
    if (!ferry_executor_submit(reader->thread, reader->loop, &work, NULL)) {
        free(lookup);
        lookup_refuse(found, arg, "too many jobs are being looked up");
        return;
    }
    lookup->reader = reader;
    lookup->next = reader->lookups;
    lookup->link = &reader->lookups;
    if (lookup->next)
        lookup->next->link = &lookup->next;
    reader->lookups = lookup;
}

/* ---- life ---- */

static void reader_free(struct reader *reader)
{
    ferry_executor_free(reader->thread);
    statements_free(reader->statements);
    sqlite3_close(reader->db);
    free(reader);
}

static int reader_start(struct reader *reader, const char *path, ferry_error *error)
{
    reader->db = database_open_reader(path, error);
    if (reader->db)
        reader->statements = statements_new(reader->db, true, error);
    if (!reader->statements)
        return FERRY_INTERNAL;
    reader->thread = ferry_executor_new(&(ferry_executor_options){.name = "lookup", .threads = 1});
    if (!reader->thread)
        return ferry_error_set(error, FERRY_INTERNAL, "no thread for the jobs' database");
    return 0;
}

struct reader *reader_open(ferry_loop *loop, const char *path, ferry_error *error)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    reader->loop = loop;
    if (reader_start(reader, path, error) < 0) {
        reader_free(reader);
        return NULL;
    }
    return reader;
}

/* Answer what is still on its way. If the thread has ended, what it found is there. */
static void reader_answer(struct reader *reader, bool has_ended)
{
    while (reader->lookups) {
        struct lookup *lookup = reader->lookups;
        lookup_detach(lookup);
        if (has_ended && (lookup->record.route || lookup->error.code))
            lookup_answer(lookup);
        else
            lookup_refuse(lookup->found, lookup->arg, "the server is closing");
    }
}

int reader_close(struct reader *reader, int64_t deadline_ms)
{
    int rc = ferry_executor_shutdown(reader->thread, deadline_ms);
    reader_answer(reader, rc == 0);
    if (rc == 0) {
        reader_free(reader);
        return 0;
    }
    /* The connection stays: it is the thread's, until the process ends. */
    ferry_executor_free(reader->thread);
    free(reader);
    return rc;
}
