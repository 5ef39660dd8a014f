/*
 * Attempts, from the claim to how they ended. The store's writing thread.
 *
 * Who ends one needs its token: a write that comes too late changes nothing.
 */
#include <stdlib.h>

#include "apply_parts.h"
#include "callback.h"

static int no_memory(ferry_error *error)
{
    return ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

/* ---- claims ---- */

/* Read a due row. Returns false without memory. */
static bool read_due(sqlite3_stmt *at, int64_t token, struct claimed_job *job)
{
    *job = (struct claimed_job){
        .key = {.job = sqlite3_column_int64(at, 0), .token = token},
        .was = column_state(at, 3),
        .attempt = (unsigned)sqlite3_column_int(at, 4) + 1,
        .version = sqlite3_column_int64(at, 5) + 1,
        .weight = sqlite3_column_int64(at, 6),
    };
    column_id(at, 1, job->id);
    column_id(at, 2, job->delivery_id);
    job->block = column_copy(at, 7, &job->length);
    job->memory = column_copy(at, 8, &job->memory_length);
    return (job->block || sqlite3_column_type(at, 7) == SQLITE_NULL) &&
           (job->memory || sqlite3_column_type(at, 8) == SQLITE_NULL);
}

/* Read all that is due before any of it is written: an update moves a row in the index that the
 * reading walks along. */
static int find_due(struct statements *statements, struct claim_operation *claim,
                    ferry_error *error)
{
    claim->jobs = calloc(claim->limit, sizeof *claim->jobs);
    if (!claim->jobs)
        return no_memory(error);
    sqlite3_stmt *at = statement_of(statements, FIND_DUE);
    sqlite3_bind_text(at, 1, claim->route, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, 2, claim->now_ms);
    sqlite3_bind_int64(at, 3, claim->limit);
    size_t bytes = 0;
    int rc;
    while ((rc = statement_step(statements, FIND_DUE, error)) > 0) {
        struct claimed_job *job = &claim->jobs[claim->count++];
        if (!read_due(at, claim->token, job)) {
            statement_abandon(statements, FIND_DUE);
            return no_memory(error);
        }
        bytes += job->length;
        if (claim->max_bytes && claim->count >= claim->least && bytes >= claim->max_bytes) {
            statement_abandon(statements, FIND_DUE);
            return 0;
        }
    }
    return rc;
}

static int claim_job(struct statements *statements, const unsigned char *boot, int64_t now_ms,
                     const struct claimed_job *job, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, CLAIM);
    sqlite3_bind_int64(at, 1, job->key.job);
    bind_boot(at, 2, boot);
    sqlite3_bind_int64(at, 3, job->key.token);
    sqlite3_bind_int64(at, 4, now_ms);
    return statement_run(statements, CLAIM, error);
}

static int find_next_due(struct statements *statements, struct claim_operation *claim,
                         ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, NEXT_DUE);
    sqlite3_bind_text(at, 1, claim->route, -1, SQLITE_STATIC);
    claim->next_run_at_ms = INT64_MAX;
    int rc = statement_step(statements, NEXT_DUE, error);
    if (rc > 0) {
        claim->next_run_at_ms = sqlite3_column_int64(at, 0);
        statement_abandon(statements, NEXT_DUE);
        rc = 0;
    }
    return rc;
}

int apply_claim(struct statements *statements, const unsigned char *boot,
                struct claim_operation *claim, ferry_error *error)
{
    int rc = find_due(statements, claim, error);
    for (unsigned i = 0; rc == 0 && i < claim->count; i++)
        rc = claim_job(statements, boot, claim->now_ms, &claim->jobs[i], error);
    if (rc == 0)
        rc = find_next_due(statements, claim, error);
    if (rc < 0)
        claim_operation_fini(claim);
    return rc;
}

int apply_undo_claim(struct statements *statements, int64_t token, ferry_error *error)
{
    sqlite3_bind_int64(statement_of(statements, UNDO_CLAIM), 1, token);
    return statement_run(statements, UNDO_CLAIM, error);
}

/* ---- ends ---- */

/* What is known of a job that a claim has. */
struct claimed {
    bool is_there;
    bool is_cancelling;
    bool has_callback;
    int64_t version; /* after the next change */
};

static int find_claimed(struct statements *statements, const struct claim_key *key,
                        struct claimed *claimed, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, FIND_ATTEMPT);
    sqlite3_bind_int64(at, 1, key->job);
    sqlite3_bind_int64(at, 2, key->token);
    *claimed = (struct claimed){0};
    int rc = statement_step(statements, FIND_ATTEMPT, error);
    if (rc <= 0)
        return rc;
    *claimed = (struct claimed){
        .is_there = true,
        .version = sqlite3_column_int64(at, 0),
        .is_cancelling = sqlite3_column_int(at, 1),
        .has_callback = sqlite3_column_int(at, 2),
    };
    statement_abandon(statements, FIND_ATTEMPT);
    return 0;
}

/* Three columns from this one on. */
static void bind_result(sqlite3_stmt *at, int column, const struct settle_operation *settle)
{
    if (!settle->result_status)
        return;
    sqlite3_bind_int(at, column, settle->result_status);
    sqlite3_bind_text(at, column + 1, settle->result_type, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(at, column + 2, settle->result, settle->result_length, SQLITE_STATIC);
}

static void bind_settle(sqlite3_stmt *at, const struct settle_operation *settle)
{
    sqlite3_bind_int64(at, 1, settle->key.job);
    sqlite3_bind_int64(at, 2, settle->key.token);
    sqlite3_bind_int(at, 3, (int)settle->state);
    bind_time(at, 4, settle->run_at_ms);
    bind_time(at, 5, settle->now_ms);
    if (settle->failure.code) {
        sqlite3_bind_int(at, 6, (int)settle->failure.code);
        sqlite3_bind_text(at, 7, settle->failure.message, -1, SQLITE_STATIC);
    }
    bind_result(at, 8, settle);
    sqlite3_bind_int(at, 11, settle->remembers);
    sqlite3_bind_blob64(at, 12, settle->memory, settle->memory_length, SQLITE_STATIC);
    sqlite3_bind_int(at, 13, job_state_is_final(settle->state));
}

static int drop_input(struct statements *statements, int64_t job, ferry_error *error)
{
    sqlite3_bind_int64(statement_of(statements, DROP_INPUT), 1, job);
    return statement_run(statements, DROP_INPUT, error);
}

/* The way of most jobs: write first, and look only when that has changed nothing. */
static int succeed(struct statements *statements, struct settle_operation *settle,
                   ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, SUCCEED);
    sqlite3_bind_int64(at, 1, settle->key.job);
    sqlite3_bind_int64(at, 2, settle->key.token);
    sqlite3_bind_int64(at, 3, settle->was_version);
    bind_time(at, 4, settle->now_ms);
    bind_result(at, 5, settle);
    int rc = statement_run(statements, SUCCEED, error);
    settle->changed = rc == 0 && statements_changes(statements) > 0;
    if (!settle->changed)
        return rc;
    settle->version = settle->was_version + 1;
    return drop_input(statements, settle->key.job, error);
}

static int settle_claimed(struct statements *statements, struct settle_operation *settle,
                          ferry_error *error)
{
    struct claimed claimed;
    int rc = find_claimed(statements, &settle->key, &claimed, error);
    settle->changed = rc == 0 && claimed.is_there;
    if (!settle->changed)
        return rc;
    settle->version = claimed.version;
    if (settle->state == JOB_RETRYING && claimed.is_cancelling)
        settle->state = JOB_CANCELLED;
    bind_settle(statement_of(statements, SETTLE), settle);
    rc = statement_run(statements, SETTLE, error);
    /* A dead job keeps its input: somebody may want to try it again. */
    if (rc == 0 && settle->state == JOB_SUCCEEDED)
        rc = drop_input(statements, settle->key.job, error);
    if (rc == 0 && claimed.has_callback && job_state_is_final(settle->state))
        rc = callback_add(statements, settle->key.job, settle->now_ms, &settle->callbacks, error);
    return rc;
}

int apply_settle(struct statements *statements, struct settle_operation *settle, ferry_error *error)
{
    int rc = 0;
    settle->changed = false;
    if (settle->state == JOB_SUCCEEDED && !settle->failure.code && settle->was_version > 0)
        rc = succeed(statements, settle, error);
    return rc < 0 || settle->changed ? rc : settle_claimed(statements, settle, error);
}

int apply_release(struct statements *statements, struct release_operation *release,
                  ferry_error *error)
{
    struct claimed claimed;
    int rc = find_claimed(statements, &release->key, &claimed, error);
    release->changed = rc == 0 && claimed.is_there;
    release->state = claimed.is_cancelling ? JOB_CANCELLED : JOB_QUEUED;
    release->version = claimed.version;
    if (!release->changed)
        return rc;
    sqlite3_stmt *at = statement_of(statements, RELEASE);
    sqlite3_bind_int64(at, 1, release->key.job);
    sqlite3_bind_int64(at, 2, release->key.token);
    bind_time(at, 3, release->run_at_ms);
    bind_time(at, 4, release->now_ms);
    rc = statement_run(statements, RELEASE, error);
    if (rc == 0 && claimed.has_callback && claimed.is_cancelling)
        rc =
            callback_add(statements, release->key.job, release->now_ms, &release->callbacks, error);
    return rc;
}
