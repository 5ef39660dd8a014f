/*
 * A callback is a job like any other, of a route of its own and of the worker that delivers
 * webhooks. It is written together with the end that it tells of: neither is on disk without the
 * other.
 */
#include "callback.h"

#include <string.h>

#include "apply_parts.h"
#include "call_input.h"
#include "job_id.h"
#include "job_json.h"
#include "record.h"

#define CALLBACK_WORKER "webhook"

static int callback_url(struct statements *statements, int64_t job, struct bytes *block,
                        ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, FIND_CALLBACK);
    sqlite3_bind_int64(at, 1, job);
    int rc = statement_step(statements, FIND_CALLBACK, error);
    if (rc <= 0)
        return rc < 0 ? rc : ferry_error_set(error, FERRY_INTERNAL, "the callback is not there");
    call_input_add(block, CALL_PARAM, "url", sqlite3_column_text(at, 0),
                   (size_t)sqlite3_column_bytes(at, 0));
    statement_abandon(statements, FIND_CALLBACK);
    return 0;
}

static int callback_body(struct statements *statements, int64_t job, int64_t now_ms,
                         struct bytes *block, ferry_error *error)
{
    struct job_record record;
    int rc = record_find_row(statements, job, &record, error);
    if (rc < 0)
        return rc;
    struct bytes body = {0};
    job_json_event(&body, &record, now_ms);
    job_record_fini(&record);
    call_input_end(block, bytes_text(&body), body.length);
    block->failed |= body.failed;
    bytes_fini(&body);
    return block->failed ? ferry_error_set(error, FERRY_INTERNAL, "no memory") : 0;
}

static int callback_insert(struct statements *statements, int64_t now_ms, struct bytes *block,
                           ferry_error *error)
{
    struct insert_operation insert = {
        .route = JOB_CALLBACK_ROUTE,
        .worker = CALLBACK_WORKER,
        .state = JOB_QUEUED,
        .created_ms = now_ms,
        .run_at_ms = now_ms,
        .block = block->data,
        .length = block->length,
    };
    job_id_make(insert.id, now_ms);
    random_id(insert.delivery_id);
    return apply_insert(statements, NULL, &insert, error);
}

int callback_add(struct statements *statements, int64_t job, int64_t now_ms,
                 struct callbacks_added *added, ferry_error *error)
{
    static const char content_type[] = "application/json";
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "POST", 4);
    call_input_add(&block, CALL_HEADER, "Content-Type", content_type, sizeof content_type - 1);
    int rc = callback_url(statements, job, &block, error);
    if (rc == 0)
        rc = callback_body(statements, job, now_ms, &block, error);
    if (rc == 0)
        rc = callback_insert(statements, now_ms, &block, error);
    if (rc == 0) {
        added->count++;
        added->bytes += (int64_t)block.length;
    }
    bytes_fini(&block);
    return rc;
}
