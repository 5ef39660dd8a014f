#include "arrivals.h"

#include <stdlib.h>

#include "apply_parts.h"
#include "arrival_group.h"

enum {
    MAX_INPUT = 4096, /* bytes; a bigger one costs more to copy than its row does */
    MAX_GROUPS = 16,  /* then the oldest gets its rows */
};

/* A job that has succeeded in this transaction. */
struct success {
    const struct arrival_group *group;
    const struct arrival_place *place;
    const struct settle_operation *settle;
};

struct arrivals {
    struct arrival_group *first, **end; /* on disk, the oldest first */
    unsigned count;
    struct arrival_group *coming;             /* of this transaction; NULL: none yet */
    struct success successes[SUCCEEDED_ROWS]; /* whose rows are to be written yet */
    unsigned success_count;
    bool is_stale; /* the disk may have groups that are not here */
};

/* ---- rows ---- */

static void bind_success(sqlite3_stmt *at, int column, const struct success *success)
{
    struct arrival arrival;
    arrival_group_read(success->group, success->place, &arrival);
    sqlite3_bind_int64(at, column, success->place->job);
    sqlite3_bind_blob(at, column + 1, arrival.id, RANDOM_ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(at, column + 2, arrival.delivery_id, RANDOM_ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_text(at, column + 3, arrival.route, -1, SQLITE_STATIC);
    sqlite3_bind_text(at, column + 4, arrival.worker, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, column + 5, (int64_t)arrival.length);
    for (int i = 6; i <= 8; i++) /* created, to run, started */
        sqlite3_bind_int64(at, column + i, arrival.created_ms);
    bind_time(at, column + 9, success->settle->now_ms);
    bind_result(at, column + 10, success->settle);
}

/* Write the rows of those that have succeeded. */
static int write_successes(struct arrivals *arrivals, struct statements *statements,
                           ferry_error *error)
{
    bool is_full = arrivals->success_count == SUCCEEDED_ROWS;
    enum statement which = is_full ? INSERT_SUCCEEDED_ROWS : INSERT_SUCCEEDED;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < arrivals->success_count; i++) {
        unsigned row = is_full ? i : 0;
        bind_success(statement_of(statements, which), 1 + SUCCEEDED_VALUES * (int)row,
                     &arrivals->successes[i]);
        if (!is_full || i == SUCCEEDED_ROWS - 1)
            rc = statement_run(statements, which, error);
    }
    arrivals->success_count = 0;
    return rc;
}

/* Delete the groups of which every job has a row. */
static int delete_closed(struct arrivals *arrivals, struct statements *statements,
                         ferry_error *error)
{
    int rc = 0;
    struct arrival_group **link = &arrivals->first;
    while (rc == 0 && *link) {
        struct arrival_group *group = *link;
        if (group->open > 0) {
            link = &group->next;
            continue;
        }
        rc = arrival_group_delete(statements, group, error);
        *link = group->next;
        arrivals->count--;
        arrival_group_free(group);
    }
    arrivals->end = link;
    return rc;
}

static int give_rows_to_all(struct arrivals *arrivals, struct statements *statements,
                            ferry_error *error)
{
    int rc = write_successes(arrivals, statements, error);
    for (struct arrival_group *at = arrivals->first; rc == 0 && at; at = at->next)
        rc = arrival_group_give_rows(statements, at, error);
    if (rc == 0)
        rc = delete_closed(arrivals, statements, error);
    if (rc == 0 && arrivals->coming)
        rc = arrival_group_give_rows(statements, arrivals->coming, error);
    if (rc < 0)
        return rc;
    arrival_group_free(arrivals->coming);
    arrivals->coming = NULL;
    return 0;
}

int arrivals_begin(struct arrivals *arrivals, struct statements *statements, ferry_error *error)
{
    int rc = arrivals->is_stale ? arrival_groups_on_disk(statements, error) : 0;
    if (rc == 0)
        arrivals->is_stale = false;
    return rc;
}

/* ---- a new job ---- */

static bool may_arrive(const struct arrivals *arrivals, const struct insert_operation *insert)
{
    if (arrivals->coming && arrivals->coming->count == GROUP_MAX_JOBS)
        return false;
    return insert->is_short && insert->state == JOB_RUNNING && !insert->key && !insert->callback &&
           !insert->schedule && !insert->is_wall && insert->run_at_ms == insert->created_ms &&
           insert->length <= MAX_INPUT;
}

/* Add the job to this transaction's group; there is room in that. */
static int add(struct arrivals *arrivals, struct statements *statements, const unsigned char *boot,
               struct insert_operation *insert, ferry_error *error)
{
    int rc = statements_next_job(statements, &insert->claim.job, error);
    if (rc < 0)
        return rc;
    if (!arrivals->coming)
        arrivals->coming = arrival_group_new(boot);
    if (!arrivals->coming || !arrival_group_add(arrivals->coming, insert))
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    insert->outcome = INSERT_ADDED;
    return 0;
}

int arrivals_end(struct arrivals *arrivals, struct statements *statements, ferry_error *error)
{
    struct arrival_group *group = arrivals->coming;
    int rc = write_successes(arrivals, statements, error);
    if (rc == 0 && group && arrivals->count == MAX_GROUPS)
        rc = arrival_group_give_rows(statements, arrivals->first, error);
    if (rc == 0)
        rc = delete_closed(arrivals, statements, error);
    if (rc == 0 && group)
        rc = arrival_group_insert(statements, group, error);
    if (rc < 0 || !group)
        return rc;
    arrivals->coming = NULL;
    *arrivals->end = group;
    arrivals->end = &group->next;
    arrivals->count++;
    return 0;
}

/* ---- its end ---- */

static bool is_plain_success(const struct settle_operation *settle)
{
    return settle->state == JOB_SUCCEEDED && !settle->failure.code;
}

static int succeed(struct arrivals *arrivals, struct statements *statements,
                   struct arrival_group *group, struct arrival_place *place,
                   struct settle_operation *settle, ferry_error *error)
{
    settle->changed = true;
    settle->version = 2;
    settle->callbacks = (struct callbacks_added){0};
    place->has_row = true;
    group->open--;
    arrivals->successes[arrivals->success_count++] = (struct success){group, place, settle};
    return arrivals->success_count == SUCCEEDED_ROWS ? write_successes(arrivals, statements, error)
                                                     : 0;
}

static struct arrival_place *find(struct arrivals *arrivals, const struct claim_key *key,
                                  struct arrival_group **group)
{
    struct arrival arrival;
    for (*group = arrivals->first; *group; *group = (*group)->next) {
        struct arrival_place *place = arrival_group_find(*group, key->job);
        if (!place)
            continue;
        arrival_group_read(*group, place, &arrival);
        return arrival.key.token == key->token ? place : NULL;
    }
    return NULL;
}

/* An attempt has ended: `settle`, or, with NULL, it is given back. */
static int end(struct arrivals *arrivals, struct statements *statements,
               const struct claim_key *key, struct settle_operation *settle, bool *is_done,
               ferry_error *error)
{
    struct arrival_group *group;
    struct arrival_place *place = find(arrivals, key, &group);
    if (!place)
        return 0;
    *is_done = settle && is_plain_success(settle);
    return *is_done ? succeed(arrivals, statements, group, place, settle, error)
                    : arrival_group_give_row(statements, group, place, error);
}

/* ---- all of it ---- */

int arrivals_apply(struct arrivals *arrivals, struct statements *statements,
                   const unsigned char boot[RANDOM_ID_BYTES], struct operation *operation,
                   bool may_add, bool *is_done, ferry_error *error)
{
    *is_done = false;
    switch (operation->kind) {
    case OPERATION_INSERT: {
        struct insert_operation *insert = (struct insert_operation *)operation;
        *is_done = may_add && may_arrive(arrivals, insert);
        return *is_done ? add(arrivals, statements, boot, insert, error) : 0;
    }
    case OPERATION_SETTLE: {
        struct settle_operation *settle = (struct settle_operation *)operation;
        return end(arrivals, statements, &settle->key, settle, is_done, error);
    }
    case OPERATION_RELEASE:
        return end(arrivals, statements, &((struct release_operation *)operation)->key, NULL,
                   is_done, error);
    case OPERATION_CLAIM: /* what waits has a row */
    case OPERATION_PAUSE:
        return 0;
    default:
        return give_rows_to_all(arrivals, statements, error);
    }
}

bool arrivals_have_rows(const struct arrivals *arrivals)
{
    return !arrivals->first && !arrivals->is_stale;
}

void arrivals_forget(struct arrivals *arrivals)
{
    arrival_group_free(arrivals->coming);
    arrivals->coming = NULL;
    arrivals->success_count = 0;
    while (arrivals->first) {
        struct arrival_group *group = arrivals->first;
        arrivals->first = group->next;
        arrival_group_free(group);
    }
    arrivals->end = &arrivals->first;
    arrivals->count = 0;
    arrivals->is_stale = true;
}

struct arrivals *arrivals_new(void)
{
    struct arrivals *arrivals = calloc(1, sizeof *arrivals);
    if (arrivals)
        arrivals_forget(arrivals);
    return arrivals;
}

void arrivals_free(struct arrivals *arrivals)
{
    if (!arrivals)
        return;
    arrivals_forget(arrivals);
    free(arrivals);
}
