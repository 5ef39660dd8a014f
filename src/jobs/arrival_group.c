#include "arrival_group.h"

#include <stdlib.h>

#include <ferry/log.h>

#include "apply_parts.h"
#include "job_id.h"

static int no_memory(ferry_error *error)
{
    return ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

/* ---- in memory ---- */

static struct arrival_group *group_allocate(void)
{
    return calloc(1, sizeof(struct arrival_group));
}

struct arrival_group *arrival_group_new(const unsigned char boot[RANDOM_ID_BYTES])
{
    struct arrival_group *group = group_allocate();
    if (group)
        arrival_begin(&group->block, boot);
    return group;
}

void arrival_group_free(struct arrival_group *group)
{
    if (!group)
        return;
    bytes_fini(&group->block);
    free(group);
}

bool arrival_group_add(struct arrival_group *group, const struct insert_operation *insert)
{
    struct arrival_place *place = &group->jobs[group->count];
    *place = (struct arrival_place){.job = insert->claim.job, .at = (uint32_t)group->block.length};
    arrival_add(&group->block, insert);
    if (group->block.failed)
        return false;
    group->count++;
    group->open++;
    return true;
}

struct arrival_place *arrival_group_find(struct arrival_group *group, int64_t job)
{
    unsigned low = 0, high = group->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (group->jobs[middle].job < job)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < group->count && group->jobs[low].job == job && !group->jobs[low].has_row;
    return is_there ? &group->jobs[low] : NULL;
}

void arrival_group_read(const struct arrival_group *group, const struct arrival_place *place,
                        struct arrival *arrival)
{
    size_t at = place->at;
    arrival_read(&group->block, &at, arrival); /* it was written, or read, before */
}

/* ---- on disk ---- */

int arrival_group_insert(struct statements *statements, const struct arrival_group *group,
                         ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, INSERT_ARRIVALS);
    sqlite3_bind_int64(at, 1, group->jobs[0].job);
    sqlite3_bind_blob64(at, 2, group->block.data, group->block.length, SQLITE_STATIC);
    return statement_run(statements, INSERT_ARRIVALS, error);
}

static int delete_number(struct statements *statements, int64_t number, ferry_error *error)
{
    sqlite3_bind_int64(statement_of(statements, DELETE_ARRIVALS), 1, number);
    return statement_run(statements, DELETE_ARRIVALS, error);
}

int arrival_group_delete(struct statements *statements, const struct arrival_group *group,
                         ferry_error *error)
{
    return delete_number(statements, group->jobs[0].job, error);
}

/* ---- rows ---- */

int arrival_group_give_row(struct statements *statements, struct arrival_group *group,
                           struct arrival_place *place, ferry_error *error)
{
    struct arrival arrival;
    arrival_group_read(group, place, &arrival);
    struct insert_operation insert = {
        .route = arrival.route,
        .worker = arrival.worker,
        .state = JOB_RUNNING,
        .created_ms = arrival.created_ms,
        .run_at_ms = arrival.created_ms,
        .block = (char *)arrival.block,
        .length = arrival.length,
        .claim = arrival.key,
    };
    job_id_format(arrival.id, insert.id);
    job_id_format(arrival.delivery_id, insert.delivery_id);
    int rc = apply_insert(statements, arrival_boot(&group->block), &insert, error);
    if (rc == 0) {
        place->has_row = true;
        group->open--;
    }
    return rc;
}

int arrival_group_give_rows(struct statements *statements, struct arrival_group *group,
                            ferry_error *error)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < group->count; i++) {
        if (!group->jobs[i].has_row)
            rc = arrival_group_give_row(statements, group, &group->jobs[i], error);
    }
    return rc;
}

/* ---- what the disk has ---- */

/* Returns 1 when the job has a row, 0, or a code. */
static int has_row(struct statements *statements, int64_t job, ferry_error *error)
{
    sqlite3_bind_int64(statement_of(statements, HAS_ROW), 1, job);
    int rc = statement_step(statements, HAS_ROW, error);
    if (rc > 0)
        statement_abandon(statements, HAS_ROW);
    return rc;
}

/* Add the job of a record that begins at `at`. */
static int find_job(struct statements *statements, struct arrival_group *group, size_t at,
                    const struct arrival *arrival, ferry_error *error)
{
    int found = has_row(statements, arrival->key.job, error);
    if (found < 0)
        return found;
    group->jobs[group->count++] =
        (struct arrival_place){.job = arrival->key.job, .at = (uint32_t)at, .has_row = found};
    group->open += !found;
    return 0;
}

/* Find the jobs of a group's block. Returns 0, 1 when it is no group, or a code. */
static int find_jobs(struct statements *statements, struct arrival_group *group, ferry_error *error)
{
    struct arrival arrival;
    size_t at = arrival_first(), next = at;
    int rc = 0, found = arrival_boot(&group->block) ? 1 : FERRY_INVALID;
    while (rc == 0 && found > 0 && (found = arrival_read(&group->block, &next, &arrival)) > 0) {
        if (group->count == GROUP_MAX_JOBS)
            return 1;
        rc = find_job(statements, group, at, &arrival, error);
        at = next;
    }
    return rc < 0 ? rc : found < 0;
}

/* Give rows to the group that ARRIVALS stands on. What cannot be read stays where it is. */
static int group_on_disk(struct statements *statements, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, ARRIVALS);
    struct arrival_group *group = group_allocate();
    if (!group)
        return no_memory(error);
    int64_t number = sqlite3_column_int64(at, 0);
    group->block.data = column_copy(at, 1, &group->block.length);
    int rc = group->block.data ? find_jobs(statements, group, error) : no_memory(error);
    if (rc > 0) {
        ferry_log(FERRY_LOG_ERROR, "new jobs are lost: their group is damaged", "arrivals.job=%lld",
                  (long long)number);
        arrival_group_free(group);
        return 0;
    }
    if (rc == 0)
        rc = arrival_group_give_rows(statements, group, error);
    if (rc == 0)
        rc = delete_number(statements, number, error);
    arrival_group_free(group);
    return rc;
}

int arrival_groups_on_disk(struct statements *statements, ferry_error *error)
{
    int rc;
    while ((rc = statement_step(statements, ARRIVALS, error)) > 0) {
        rc = group_on_disk(statements, error);
        if (rc < 0) {
            statement_abandon(statements, ARRIVALS);
            return rc;
        }
    }
    return rc;
}
