/* The reports at the start. Main thread, on the writing connection; no state. */
#include "reports.h"

int report_interrupt(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                     unsigned max_crashes, int64_t now_ms, interrupted_visit *visit, void *arg,
                     ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, INTERRUPT);
    sqlite3_bind_int64(at, 1, max_crashes);
    bind_boot(at, 2, boot);
    sqlite3_bind_int64(at, 3, now_ms);
    sqlite3_bind_int(at, 4, FERRY_INTERNAL);
    int rc;
    while ((rc = statement_step(statements, INTERRUPT, error)) > 0) {
        struct interrupted_job job = {
            .route = (const char *)sqlite3_column_text(at, 0),
            .state = column_state(at, 2),
            .crashes = (unsigned)sqlite3_column_int(at, 3),
        };
        column_id(at, 1, job.delivery_id);
        visit(arg, &job);
    }
    return rc;
}

int report_count(struct statements *statements, count_visit *visit, void *arg, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, COUNT);
    int rc;
    while ((rc = statement_step(statements, COUNT, error)) > 0)
        visit(arg, (const char *)sqlite3_column_text(at, 0), column_state(at, 1),
              sqlite3_column_int64(at, 2), sqlite3_column_int64(at, 3));
    return rc;
}
