/* A row of `jobs` as a record. No state; the thread of the statements. */
#include "record.h"

#include "packs.h"

/* Tell whether a column that is not NULL was copied. */
static bool is_copied(sqlite3_stmt *at, int column, const char *copy)
{
    return copy || sqlite3_column_type(at, column) == SQLITE_NULL;
}

int record_read(sqlite3_stmt *at, struct job_record *record, ferry_error *error)
{
    size_t ignored;
    *record = (struct job_record){
        .job = sqlite3_column_int64(at, 0),
        .version = sqlite3_column_int64(at, 3),
        .route = column_copy(at, 4, &ignored),
        .worker = column_copy(at, 5, &ignored),
        .state = column_state(at, 6),
        .attempt = (unsigned)sqlite3_column_int(at, 7),
        .crashes = (unsigned)sqlite3_column_int(at, 8),
        .is_cancelling = sqlite3_column_int(at, 9),
        .created_ms = sqlite3_column_int64(at, 10),
        .run_at_ms = sqlite3_column_int64(at, 11),
        .started_ms = sqlite3_column_int64(at, 12),
        .finished_ms = sqlite3_column_int64(at, 13),
        .error_code = (ferry_code)sqlite3_column_int(at, 14),
        .error = column_copy(at, 15, &ignored),
        .result_status = sqlite3_column_int(at, 16),
        .result_type = column_copy(at, 17, &ignored),
    };
    column_id(at, 1, record->id);
    column_id(at, 2, record->delivery_id);
    record->result = column_copy(at, 18, &record->result_length);
    if (record->route && record->worker && is_copied(at, 15, record->error) &&
        is_copied(at, 17, record->result_type) && is_copied(at, 18, record->result))
        return 0;
    job_record_fini(record);
    return ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

/* Read the one row of a statement that is bound. Returns 1, 0: there is none, or a code. */
static int read_one(struct statements *statements, enum statement which, struct job_record *record,
                    ferry_error *error)
{
    int rc = statement_step(statements, which, error);
    if (rc <= 0)
        return rc;
    rc = record_read(statement_of(statements, which), record, error);
    statement_abandon(statements, which);
    return rc < 0 ? rc : 1;
}

static int find_row(struct statements *statements, const char *id, struct job_record *record,
                    ferry_error *error)
{
    bind_id(statements, FIND, 1, id);
    return read_one(statements, FIND, record, error);
}

/* The id belongs to no job: tell whether it once did. */
static int find_retired(struct statements *statements, const char *id, ferry_error *error)
{
    bind_id(statements, FIND_RETIRED, 1, id);
    int rc = statement_step(statements, FIND_RETIRED, error);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return ferry_error_set(error, FERRY_NOT_FOUND, "no such job");
    statement_abandon(statements, FIND_RETIRED);
    return ferry_error_set(error, FERRY_GONE, "the job was deleted");
}

/* A pack may be opened between the first two looks: then the job has its row by the third. */
int record_find(struct statements *statements, const char *id, struct job_record *record,
                ferry_error *error)
{
    int rc = find_row(statements, id, record, error);
    if (rc == 0)
        rc = packs_find(statements, id, record, error);
    if (rc == 0)
        rc = find_row(statements, id, record, error);
    if (rc == 0)
        return find_retired(statements, id, error);
    return rc < 0 ? rc : 0;
}

int record_find_row(struct statements *statements, int64_t job, struct job_record *record,
                    ferry_error *error)
{
    sqlite3_bind_int64(statement_of(statements, FIND_ROW), 1, job);
    int rc = read_one(statements, FIND_ROW, record, error);
    if (rc == 0)
        return ferry_error_set(error, FERRY_NOT_FOUND, "no such job");
    return rc < 0 ? rc : 0;
}
