#include "arrival_group.h"

#include <stdlib.h>
#include <string.h>

#include "apply_parts.h"
#include "job_id.h"

/* ---- in memory ---- */

struct arrival_group *arrival_group_new(const unsigned char boot[RANDOM_ID_BYTES], unsigned size)
{
    struct arrival_group *group =
        calloc(1, sizeof *group + (size_t)size * sizeof(struct arrival_place));
    if (!group)
        return NULL;
    memcpy(group->boot, boot, sizeof group->boot);
    group->size = size;
    return group;
}

void arrival_group_free(struct arrival_group *group)
{
    if (!group)
        return;
    bytes_fini(&group->entry);
    free(group);
}

void arrival_group_add(struct arrival_group *group, const struct insert_operation *insert)
{
    group->places[group->count++] =
        (struct arrival_place){.job = insert->claim.job, .at = group->entry.length};
    arrival_add(&group->entry, insert);
}

/* Read a part that was written, or read, before. */
static void read_again(const struct arrival_group *group, size_t at, struct arrival_part *part)
{
    arrival_read(&group->entry, &at, part);
}

/* Jobs are numbered in the order in which they come. */
static struct arrival_place *find_job(struct arrival_group *group, int64_t job)
{
    unsigned low = 0, high = group->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (group->places[middle].job < job)
            low = middle + 1;
        else
            high = middle;
    }
    return low < group->count && group->places[low].job == job ? &group->places[low] : NULL;
}

struct arrival_place *arrival_group_find(struct arrival_group *group, const struct claim_key *key)
{
    struct arrival_place *place = find_job(group, key->job);
    struct arrival_part part;
    if (!place || place->state != ARRIVAL_OPEN)
        return NULL;
    read_again(group, place->at, &part);
    return part.arrival.key.token == key->token ? place : NULL;
}

/* ---- from the disk ---- */

static int count_arrivals(const struct bytes *entry, unsigned *count)
{
    struct arrival_part part;
    size_t at = 0;
    int rc;
    *count = 0;
    while ((rc = arrival_read(entry, &at, &part)) > 0)
        *count += part.kind == PART_ARRIVAL;
    return rc;
}

/* Returns 1 when the job has a row, 0, or a code. */
static int has_row(struct statements *statements, int64_t job, ferry_error *error)
{
    sqlite3_bind_int64(statement_of(statements, HAS_ROW), 1, job);
    int rc = statement_step(statements, HAS_ROW, error);
    if (rc > 0)
        statement_abandon(statements, HAS_ROW);
    return rc;
}

int arrival_group_find_rows(struct statements *statements, struct arrival_group *group,
                            ferry_error *error)
{
    for (unsigned i = 0; i < group->count; i++) {
        struct arrival_place *place = &group->places[i];
        int found = place->state == ARRIVAL_HAS_ROW ? 0 : has_row(statements, place->job, error);
        if (found < 0)
            return found;
        if (found)
            place->state = ARRIVAL_HAS_ROW;
    }
    return 0;
}

static void find_places(struct arrival_group *group)
{
    struct arrival_part part;
    for (size_t at = 0, next = 0; arrival_read(&group->entry, &next, &part) > 0; at = next) {
        if (part.kind == PART_ARRIVAL)
            group->places[group->count++] =
                (struct arrival_place){.job = part.arrival.key.job, .at = at};
    }
}

int arrival_group_read(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                       struct bytes *entry, struct arrival_group **group, ferry_error *error)
{
    unsigned count;
    *group = NULL;
    if (count_arrivals(entry, &count) < 0)
        return ferry_error_set(error, FERRY_INVALID, "an entry of the jobs' journal is damaged");
    struct arrival_group *read = arrival_group_new(boot, count);
    if (!read)
        return ferry_error_set(error, FERRY_REJECTED, "no memory");
    read->entry = *entry;
    *entry = (struct bytes){0};
    find_places(read);
    if (arrival_group_find_rows(statements, read, error) == 0) {
        *group = read;
        return 0;
    }
    arrival_group_free(read);
    return FERRY_INTERNAL; /* a damaged database is no damaged entry */
}

/* ---- rows ---- */

int arrival_give_row(struct statements *statements, const struct arrival_group *group,
                     const struct arrival_place *place, ferry_error *error)
{
    struct arrival_part part;
    read_again(group, place->at, &part);
    const struct arrival *arrival = &part.arrival;
    struct insert_operation insert = {
        .route = arrival->route,
        .worker = arrival->worker,
        .state = JOB_RUNNING,
        .created_ms = arrival->created_ms,
        .run_at_ms = arrival->created_ms,
        .block = (char *)arrival->block,
        .length = arrival->length,
        .claim = arrival->key,
    };
    job_id_format(arrival->id, insert.id);
    job_id_format(arrival->delivery_id, insert.delivery_id);
    return apply_insert(statements, group->boot, &insert, error);
}

static void bind_ended(sqlite3_stmt *at, int column, const struct arrival_group *group,
                       const struct arrival_place *place)
{
    struct arrival_part arrived, ended;
    read_again(group, place->at, &arrived);
    read_again(place->end_in, place->end_at, &ended);
    const struct arrival *arrival = &arrived.arrival;
    const struct ending *ending = &ended.ending;
    sqlite3_bind_int64(at, column, place->job);
    sqlite3_bind_blob(at, column + 1, arrival->id, RANDOM_ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(at, column + 2, arrival->delivery_id, RANDOM_ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_text(at, column + 3, arrival->route, -1, SQLITE_STATIC);
    sqlite3_bind_text(at, column + 4, arrival->worker, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, column + 5, (int64_t)arrival->length);
    for (int i = 6; i <= 8; i++) /* created, to run, started */
        sqlite3_bind_int64(at, column + i, arrival->created_ms);
    bind_time(at, column + 9, ending->now_ms);
    if (!ending->result_status)
        return;
    sqlite3_bind_int(at, column + 10, ending->result_status);
    sqlite3_bind_text(at, column + 11, ending->result_type, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(at, column + 12, ending->result, ending->result_length, SQLITE_STATIC);
}

int ended_rows_write(struct statements *statements, struct ended_rows *ended, ferry_error *error)
{
    bool is_full = ended->count == SUCCEEDED_ROWS;
    enum statement which = is_full ? INSERT_SUCCEEDED_ROWS : INSERT_SUCCEEDED;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < ended->count; i++) {
        unsigned row = is_full ? i : 0;
        bind_ended(statement_of(statements, which), 1 + SUCCEEDED_VALUES * (int)row,
                   ended->of[i].group, ended->of[i].place);
        if (!is_full || i == SUCCEEDED_ROWS - 1)
            rc = statement_run(statements, which, error);
    }
    ended->count = 0;
    return rc;
}

int arrival_group_give_rows(struct statements *statements, const struct arrival_group *group,
                            struct ended_rows *ended, ferry_error *error)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < group->count; i++) {
        const struct arrival_place *place = &group->places[i];
        if (place->state == ARRIVAL_OPEN) {
            rc = arrival_give_row(statements, group, place, error);
        } else if (place->state == ARRIVAL_ENDED) {
            ended->of[ended->count].group = group;
            ended->of[ended->count++].place = place;
            if (ended->count == SUCCEEDED_ROWS)
                rc = ended_rows_write(statements, ended, error);
        }
    }
    return rc;
}
