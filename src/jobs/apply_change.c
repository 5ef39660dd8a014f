/*
 * What somebody does to jobs, one by one or by a filter, and the end of their retention. The
 * store's writing thread.
 *
 * A job that is deleted leaves its id behind, so that who asks for it later learns that it was
 * there.
 */
#include <stdlib.h>
#include <string.h>

#include "apply_parts.h"
#include "callback.h"
#include "listing.h"
#include "packs.h"
#include "record.h"

static int remember_retired(struct statements *statements, const char *id, int64_t now_ms,
                            ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, REMEMBER_RETIRED);
    bind_id(statements, REMEMBER_RETIRED, 1, id);
    sqlite3_bind_int64(at, 2, now_ms);
    return statement_run(statements, REMEMBER_RETIRED, error);
}

/* ---- what is allowed ---- */

/* Tell whether a job in *state may be changed so, and move *state to what it is then. */
static bool action_move(enum job_action action, enum job_state *state)
{
    switch (action) {
    case JOB_ACTION_CANCEL: {
        enum job_state next = *state;
        if (!job_transition(&next, JOB_CANCEL))
            return false;
        if (*state != JOB_RUNNING) /* that one only when its attempt has ended */
            *state = next;
        return true;
    }
    case JOB_ACTION_RETRY:
        return job_transition(state, JOB_RETRY);
    case JOB_ACTION_DELETE:
        return job_state_is_final(*state);
    }
    return false;
}

/* Return the states of which a job may be changed so. */
static unsigned action_states(enum job_action action)
{
    unsigned states = 0;
    for (int i = 0; i < JOB_STATE_COUNT; i++) {
        enum job_state state = (enum job_state)i;
        if (action_move(action, &state))
            states |= 1U << i;
    }
    return states;
}

static enum statement action_statement(enum job_action action, enum job_state was)
{
    switch (action) {
    case JOB_ACTION_CANCEL:
        return was == JOB_RUNNING ? MARK_CANCELLING : CANCEL_WAITING;
    case JOB_ACTION_RETRY:
        return job_state_is_final(was) ? RETRY_ENDED : RETRY_WAITING;
    case JOB_ACTION_DELETE:
        break;
    }
    return DELETE_JOB;
}

static int refuse(enum job_action action, enum job_state state, ferry_error *error)
{
    static const char *const done[] = {
        [JOB_ACTION_CANCEL] = "cancelled",
        [JOB_ACTION_RETRY] = "retried",
        [JOB_ACTION_DELETE] = "deleted",
    };
    return ferry_error_set(error, FERRY_CONFLICT, "the job is %s: it cannot be %s",
                           job_state_name(state), done[action]);
}

/* ---- one job ---- */

static int make_room(struct change_operation *change, size_t more, ferry_error *error)
{
    struct changed_job *jobs = realloc(change->jobs, (change->count + more) * sizeof *jobs);
    if (!jobs)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    change->jobs = jobs;
    return 0;
}

/* Append the record's job to the results, which have room for it; its route becomes the result's.
 */
static struct changed_job *add_result(struct change_operation *change, struct job_record *record)
{
    struct changed_job *job = &change->jobs[change->count++];
    *job = (struct changed_job){
        .route = record->route,
        .was = record->state,
        .now = record->state,
        .attempt = record->attempt,
        .version = record->version,
    };
    memcpy(job->id, record->id, sizeof job->id);
    record->route = NULL;
    return job;
}

/* Run the statement. Returns 1 when it has changed the job, 0 when it has not, or a code. */
static int write_change(struct statements *statements, enum statement which, int64_t row,
                        int64_t now_ms, struct changed_job *job, bool *has_callback,
                        ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, which);
    sqlite3_bind_int64(at, 1, row);
    if (which != MARK_CANCELLING && which != DELETE_JOB)
        sqlite3_bind_int64(at, 2, now_ms);
    int changed = 0, rc;
    while ((rc = statement_step(statements, which, error)) > 0) {
        job->version = sqlite3_column_int64(at, 0);
        job->weight = sqlite3_column_int64(at, 1);
        *has_callback = sqlite3_column_int(at, 2);
        changed = 1;
    }
    return rc < 0 ? rc : changed;
}

/* Change the job of a record, whose state allows it. Returns 1 when it was changed, 0 when its
 * input is lost, or a code. */
static int change_job(struct statements *statements, struct change_operation *change,
                      struct job_record *record, ferry_error *error)
{
    struct changed_job *job = add_result(change, record);
    enum statement which = action_statement(change->action, job->was);
    bool has_callback = false;
    int rc = job->was == JOB_SUCCEEDED ? packs_open(statements, record->job, error) : 0;
    if (rc == 0)
        rc =
            write_change(statements, which, record->job, change->now_ms, job, &has_callback, error);
    if (rc <= 0)
        return rc;
    action_move(change->action, &job->now);
    if (which == RETRY_ENDED)
        job->attempt = 0;
    if (which == DELETE_JOB)
        rc = remember_retired(statements, job->id, change->now_ms, error);
    else if (has_callback)
        rc = callback_add(statements, record->job, change->now_ms, &change->callbacks, error);
    return rc < 0 ? rc : 1;
}

/* ---- by id, and by filter ---- */

static int change_found(struct statements *statements, struct change_operation *change,
                        struct job_record *record, ferry_error *error)
{
    int rc = make_room(change, 1, error);
    if (rc < 0)
        return rc;
    enum job_state state = record->state;
    if (!action_move(change->action, &state)) {
        add_result(change, record);
        return refuse(change->action, record->state, error);
    }
    rc = change_job(statements, change, record, error);
    if (rc == 0)
        return ferry_error_set(error, FERRY_CONFLICT, "the job's input is lost");
    return rc < 0 ? rc : 0;
}

static int change_by_id(struct statements *statements, struct change_operation *change,
                        ferry_error *error)
{
    struct job_record record;
    int rc = record_find(statements, change->id, &record, error);
    if (rc < 0)
        return rc;
    rc = change_found(statements, change, &record, error);
    job_record_fini(&record);
    return rc;
}

/* Count the records, from the first, whose numbers go down one by one and may be one pack's. */
static size_t run_length(const struct job_record *records, size_t count)
{
    size_t length = 0;
    while (length < count && records[length].state == JOB_SUCCEEDED &&
           records[length].job == records[0].job - (int64_t)length)
        length++;
    return length;
}

/* Delete jobs that are the newest of a pack, if the first record's is: what is opened to be deleted
 * would need room, of which there may be none. Returns how many, or a code. */
static int delete_packed(struct statements *statements, struct change_operation *change,
                         struct job_record *records, size_t count, ferry_error *error)
{
    size_t most = change->action == JOB_ACTION_DELETE ? run_length(records, count) : 0;
    int deleted = most > 0 ? packs_cut(statements, records[0].job, most, error) : 0;
    for (int i = 0; i < deleted; i++) {
        struct changed_job *job = add_result(change, &records[i]);
        job->version++;
        int rc = remember_retired(statements, job->id, change->now_ms, error);
        if (rc < 0)
            return rc;
    }
    return deleted;
}

struct deletion {
    struct statements *statements;
    struct change_operation *change;
};

static int on_deleted(void *arg, const char *route, const char *id, ferry_error *error)
{
    struct deletion *deletion = arg;
    struct job_record record = {
        .version = 3, .route = strdup(route), .state = JOB_SUCCEEDED, .attempt = 1};
    memcpy(record.id, id, sizeof record.id);
    int rc = record.route ? make_room(deletion->change, 1, error)
                          : ferry_error_set(error, FERRY_INTERNAL, "no memory");
    if (rc == 0) {
        add_result(deletion->change, &record);
        rc = remember_retired(deletion->statements, id, deletion->change->now_ms, error);
    }
    job_record_fini(&record);
    return rc;
}

/* Delete the damaged pack of a page whole: a filter that it fits means all of its jobs. */
static int delete_damaged(struct statements *statements, struct change_operation *change,
                          const struct listing *listing, ferry_error *error)
{
    struct deletion deletion = {.statements = statements, .change = change};
    if (!listing->damaged || change->action != JOB_ACTION_DELETE)
        return 0;
    return packs_delete(statements, listing->damaged, on_deleted, &deletion, error);
}

static int change_listed(struct statements *statements, struct change_operation *change,
                         const struct listing *listing, ferry_error *error)
{
    int rc = delete_damaged(statements, change, listing, error);
    if (rc == 0)
        rc = make_room(change, listing->count + 1, error);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < listing->count;) {
        struct job_record *record = &listing->records[i];
        rc = delete_packed(statements, change, record, listing->count - i, error);
        i += rc > 0 ? (size_t)rc : 1;
        if (rc == 0)
            rc = change_job(statements, change, record, error);
        if (rc < 0)
            return rc;
        if (rc == 0) /* its input is lost, which allows no retry, or it went with its pack */
            free(change->jobs[--change->count].route);
    }
    return 0;
}

static int change_by_filter(struct statements *statements, struct change_operation *change,
                            ferry_error *error)
{
    struct job_filter filter = change->filter;
    unsigned allowed = action_states(change->action);
    filter.states = filter.states ? filter.states & allowed : allowed;
    if (!filter.states)
        return 0;
    struct listing listing = {0};
    int rc = listing_read(statements, &filter, &listing, error);
    if (rc == 0)
        rc = change_listed(statements, change, &listing, error);
    change->next = listing.next;
    listing_fini(&listing);
    return rc;
}

int apply_change(struct statements *statements, struct change_operation *change, ferry_error *error)
{
    return *change->id ? change_by_id(statements, change, error)
                       : change_by_filter(statements, change, error);
}

/* ---- retention ---- */

/* As many as were just deleted, at least: else there would be ever more of them. */
static int forget_retired(struct statements *statements, struct retire_operation *retire,
                          ferry_error *error)
{
    unsigned limit = retire->count > retire->limit ? retire->count : retire->limit;
    sqlite3_stmt *at = statement_of(statements, FORGET_RETIRED);
    sqlite3_bind_int64(at, 1, retire->forget_ms);
    sqlite3_bind_int64(at, 2, limit);
    int rc = statement_run(statements, FORGET_RETIRED, error);
    if (rc == 0)
        retire->forgotten = statements_changes(statements);
    return rc;
}

static int count_retired(struct statements *statements, struct retire_operation *retire,
                         ferry_error *error)
{
    int rc = statement_step(statements, COUNT_RETIRED, error);
    if (rc <= 0)
        return rc;
    retire->remembered = sqlite3_column_int64(statement_of(statements, COUNT_RETIRED), 0);
    statement_abandon(statements, COUNT_RETIRED);
    return 0;
}

/* Delete the jobs and remember their ids. The rows that RETIRE gives are all deleted by then. */
static int retire_rows(struct statements *statements, struct retire_operation *retire,
                       ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, RETIRE);
    sqlite3_bind_text(at, 1, retire->route, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, 2, retire->before_ms);
    sqlite3_bind_int64(at, 3, retire->limit);
    int rc;
    while ((rc = statement_step(statements, RETIRE, error)) > 0) {
        char id[RANDOM_ID_TEXT_SIZE];
        column_id(at, 1, id);
        retire->deleted[column_state(at, 0)]++;
        retire->count++;
        rc = remember_retired(statements, id, retire->now_ms, error);
        if (rc < 0) {
            statement_abandon(statements, RETIRE);
            return rc;
        }
    }
    return rc;
}

struct retired_packs {
    struct statements *statements;
    struct retire_operation *retire;
};

static int on_retired(void *arg, const char *route, const char *id, ferry_error *error)
{
    (void)route;
    struct retired_packs *packs = arg;
    packs->retire->deleted[JOB_SUCCEEDED]++;
    packs->retire->count++;
    return remember_retired(packs->statements, id, packs->retire->now_ms, error);
}

static int retire_jobs(struct statements *statements, struct retire_operation *retire,
                       ferry_error *error)
{
    struct retired_packs packs = {.statements = statements, .retire = retire};
    int rc = retire_rows(statements, retire, error);
    if (rc < 0 || retire->count >= retire->limit)
        return rc;
    return packs_retire(statements, retire->route, retire->before_ms, retire->limit - retire->count,
                        on_retired, &packs, error);
}

int apply_retire(struct statements *statements, struct retire_operation *retire, ferry_error *error)
{
    int rc = retire->route ? retire_jobs(statements, retire, error) : 0;
    if (rc == 0)
        rc = forget_retired(statements, retire, error);
    if (rc == 0 && retire->counts_ids)
        rc = count_retired(statements, retire, error);
    bool has_freed = retire->count > 0 || retire->forgotten > 0;
    return rc == 0 && has_freed ? statement_run(statements, SHRINK, error) : rc;
}
