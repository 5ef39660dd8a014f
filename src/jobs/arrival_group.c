#include "arrival_group.h"

#include <stdlib.h>
#include <string.h>

#include "packs.h"

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
    group->places[group->count] =
        (struct arrival_place){.key = insert->claim, .at = group->entry.length};
    arrival_add(&group->entry, insert);
    group->count += !group->entry.failed;
}

void arrival_group_part(const struct arrival_group *group, size_t at, struct arrival_part *part)
{
    arrival_read(&group->entry, &at, part);
}

/* Jobs are numbered in the order in which they come: as a rule each number follows the one before,
 * and says where it is. */
static struct arrival_place *find_job(struct arrival_group *group, int64_t job)
{
    unsigned low = 0, high = group->count;
    if (high == 0 || job < group->places[0].key.job)
        return NULL;
    uint64_t ahead = (uint64_t)job - (uint64_t)group->places[0].key.job;
    if (ahead < high && group->places[ahead].key.job == job)
        return &group->places[ahead];
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (group->places[middle].key.job < job)
            low = middle + 1;
        else
            high = middle;
    }
    return low < group->count && group->places[low].key.job == job ? &group->places[low] : NULL;
}

struct arrival_place *arrival_group_find(struct arrival_group *group, const struct claim_key *key)
{
    struct arrival_place *place = find_job(group, key->job);
    bool is_it = place && place->state == ARRIVAL_OPEN && place->key.token == key->token;
    return is_it ? place : NULL;
}

bool arrival_group_needs_row(const struct arrival_group *group,
                             const unsigned char id[RANDOM_ID_BYTES])
{
    for (unsigned i = 0; i < group->count; i++) {
        const struct arrival_place *place = &group->places[i];
        bool needs_row = place->state == ARRIVAL_OPEN || place->state == ARRIVAL_ENDED;
        if (needs_row && memcmp(arrival_id(&group->entry, place->at), id, RANDOM_ID_BYTES) == 0)
            return true;
    }
    return false;
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

/* Returns 1 when the job has a row, or its place in one, under its number, 0, or a code. */
static int has_row(struct statements *statements, const struct arrival_group *group,
                   const struct arrival_place *place, ferry_error *error)
{
    struct arrival_part part;
    arrival_group_part(group, place->at, &part);
    sqlite3_stmt *at = statement_of(statements, HAS_ROW);
    sqlite3_bind_int64(at, 1, place->key.job);
    sqlite3_bind_blob(at, 2, part.arrival.id, RANDOM_ID_BYTES, SQLITE_STATIC);
    int rc = statement_step(statements, HAS_ROW, error);
    if (rc > 0)
        statement_abandon(statements, HAS_ROW);
    return rc == 0 ? packs_have(statements, place->key.job, part.arrival.id, error) : rc;
}

int arrival_group_find_rows(struct statements *statements, struct arrival_group *group,
                            ferry_error *error)
{
    for (unsigned i = 0; i < group->count; i++) {
        struct arrival_place *place = &group->places[i];
        int found = place->state == ARRIVAL_HAS_ROW ? 0 : has_row(statements, group, place, error);
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
                (struct arrival_place){.key = part.arrival.key, .at = at};
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
