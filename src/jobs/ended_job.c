#include "ended_job.h"

#include <stdlib.h>
#include <string.h>

#include "job_id.h"

static char *copy(const char *data, size_t length)
{
    char *copied = malloc(length + 1);
    if (copied) {
        memcpy(copied, data, length);
        copied[length] = '\0';
    }
    return copied;
}

int ended_job_record(const struct ended_job *job, bool has_body, struct job_record *record,
                     ferry_error *error)
{
    bool has_result = has_body && job->result;
    *record = (struct job_record){
        .job = job->job,
        .version = 2,
        .route = strdup(job->route),
        .worker = strdup(job->worker),
        .state = JOB_SUCCEEDED,
        .attempt = 1,
        .created_ms = job->created_ms,
        .run_at_ms = job->created_ms,
        .started_ms = job->created_ms,
        .finished_ms = job->finished_ms,
        .result_status = job->result_status,
        .result_type = job->result_type ? strdup(job->result_type) : NULL,
        .result = has_result ? copy(job->result, job->result_length) : NULL,
        .result_length = has_result ? job->result_length : 0,
    };
    job_id_format(job->id, record->id);
    job_id_format(job->delivery_id, record->delivery_id);
    if (record->route && record->worker && (!job->result_type || record->result_type) &&
        (!has_result || record->result))
        return 0;
    job_record_fini(record);
    return ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

static void bind_ended(sqlite3_stmt *at, int column, const struct ended_job *job)
{
    sqlite3_bind_int64(at, column, job->job);
    sqlite3_bind_blob(at, column + 1, job->id, RANDOM_ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(at, column + 2, job->delivery_id, RANDOM_ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_text(at, column + 3, job->route, -1, SQLITE_STATIC);
    sqlite3_bind_text(at, column + 4, job->worker, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, column + 5, job->input_bytes);
    for (int i = 6; i <= 8; i++) /* created, to run, started */
        sqlite3_bind_int64(at, column + i, job->created_ms);
    bind_time(at, column + 9, job->finished_ms);
    if (!job->result_status)
        return;
    sqlite3_bind_int(at, column + 10, job->result_status);
    sqlite3_bind_text(at, column + 11, job->result_type, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(at, column + 12, job->result, job->result_length, SQLITE_STATIC);
}

int ended_jobs_insert(struct statements *statements, const struct ended_job *jobs, unsigned count,
                      ferry_error *error)
{
    bool is_full = count == SUCCEEDED_ROWS;
    enum statement which = is_full ? INSERT_SUCCEEDED_ROWS : INSERT_SUCCEEDED;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < count; i++) {
        unsigned row = is_full ? i : 0;
        bind_ended(statement_of(statements, which), 1 + SUCCEEDED_VALUES * (int)row, &jobs[i]);
        if (!is_full || i == SUCCEEDED_ROWS - 1)
            rc = statement_run(statements, which, error);
    }
    return rc;
}
