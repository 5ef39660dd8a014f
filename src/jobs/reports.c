/* The reports at the start. Main thread, on the writing connection; no state. */
#include "reports.h"

#include <stdlib.h>

#include <ferry/log.h>

#include "apply_parts.h"
#include "callback.h"

/* ---- what was claimed and not started ---- */

struct claims {
    struct claim_key *keys; /* malloc memory */
    unsigned count, room;
};

static bool claims_add(struct claims *claims, const struct claim_key *key)
{
    if (claims->count == claims->room) {
        unsigned room = claims->room ? 2 * claims->room : 64;
        struct claim_key *more = realloc(claims->keys, room * sizeof *more);
        if (!more)
            return false;
        claims->keys = more;
        claims->room = room;
    }
    claims->keys[claims->count++] = *key;
    return true;
}

/* Find all before any of them is written. */
static int find_unstarted(struct statements *statements, const struct started *before,
                          struct claims *claims, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, CLAIMED_BY);
    bind_boot(at, 1, started_boot(before));
    int rc;
    while ((rc = statement_step(statements, CLAIMED_BY, error)) > 0) {
        struct claim_key key = {sqlite3_column_int64(at, 0), sqlite3_column_int64(at, 1)};
        if (!started_has(before, &key) && !claims_add(claims, &key)) {
            statement_abandon(statements, CLAIMED_BY);
            return ferry_error_set(error, FERRY_INTERNAL, "no memory");
        }
    }
    return rc;
}

static int release_all(struct statements *statements, const struct claims *claims, int64_t now_ms,
                       ferry_error *error)
{
    int rc = statement_run(statements, BEGIN, error);
    for (unsigned i = 0; rc == 0 && i < claims->count; i++) {
        struct release_operation release = {.key = claims->keys[i], .now_ms = now_ms};
        rc = apply_release(statements, &release, error);
    }
    if (rc == 0)
        rc = statement_run(statements, COMMIT, error);
    if (rc < 0 && statements_in_transaction(statements))
        statement_run(statements, ROLLBACK, NULL);
    return rc;
}

int report_unstarted(struct statements *statements, const struct started *before, int64_t now_ms,
                     ferry_error *error)
{
    struct claims claims = {0};
    int rc = find_unstarted(statements, before, &claims, error);
    if (rc == 0 && claims.count > 0)
        rc = release_all(statements, &claims, now_ms, error);
    if (rc == 0 && claims.count > 0)
        ferry_log(FERRY_LOG_INFO, "jobs had been claimed and not started: they are queued again",
                  "jobs=%u", claims.count);
    free(claims.keys);
    return rc;
}

/* ---- what was interrupted ---- */

/* Report the job that INTERRUPT stands on; all that it interrupts has been written by then. */
static int report_interrupted(struct statements *statements, int64_t now_ms,
                              interrupted_visit *visit, void *arg, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, INTERRUPT);
    struct interrupted_job job = {
        .route = (const char *)sqlite3_column_text(at, 0),
        .state = column_state(at, 2),
        .crashes = (unsigned)sqlite3_column_int(at, 3),
    };
    column_id(at, 1, job.delivery_id);
    visit(arg, &job);
    struct callbacks_added ignored = {0}; /* report_count counts them */
    bool has_callback = sqlite3_column_int(at, 5);
    return has_callback && job_state_is_final(job.state)
               ? callback_add(statements, sqlite3_column_int64(at, 4), now_ms, &ignored, error)
               : 0;
}

static int interrupt_all(struct statements *statements, const unsigned char *boot,
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
        rc = report_interrupted(statements, now_ms, visit, arg, error);
        if (rc < 0) {
            statement_abandon(statements, INTERRUPT);
            return rc;
        }
    }
    return rc;
}

int report_interrupt(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                     unsigned max_crashes, int64_t now_ms, interrupted_visit *visit, void *arg,
                     ferry_error *error)
{
    int rc = statement_run(statements, BEGIN, error);
    if (rc == 0)
        rc = interrupt_all(statements, boot, max_crashes, now_ms, visit, arg, error);
    if (rc == 0)
        rc = statement_run(statements, COMMIT, error);
    if (rc < 0 && statements_in_transaction(statements))
        statement_run(statements, ROLLBACK, NULL);
    return rc;
}

/* ---- what is there ---- */

int report_count(struct statements *statements, count_visit *visit, void *arg, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, COUNT);
    int rc;
    while ((rc = statement_step(statements, COUNT, error)) > 0)
        visit(arg, (const char *)sqlite3_column_text(at, 0), column_state(at, 1),
              sqlite3_column_int64(at, 2), sqlite3_column_int64(at, 3));
    return rc;
}

int report_paused(struct statements *statements, paused_visit *visit, void *arg, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, PAUSED);
    int rc;
    while ((rc = statement_step(statements, PAUSED, error)) > 0)
        visit(arg, (const char *)sqlite3_column_text(at, 0), sqlite3_column_int64(at, 1));
    return rc;
}

int report_slots(struct statements *statements, slot_visit *visit, void *arg, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, SLOTS);
    int rc;
    while ((rc = statement_step(statements, SLOTS, error)) > 0)
        visit(arg, (const char *)sqlite3_column_text(at, 0), sqlite3_column_int64(at, 1));
    return rc;
}
