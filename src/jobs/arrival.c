#include "arrival.h"

#include <string.h>

#include "job_id.h"

/* What each record begins with; the texts with their NULs follow, and the block. */
struct record {
    unsigned char id[RANDOM_ID_BYTES];
    unsigned char delivery_id[RANDOM_ID_BYTES];
    unsigned char job[8], token[8], created_ms[8];
    unsigned char route_size[4], worker_size[4], length[4];
};

static void put(unsigned char *at, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const unsigned char *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* ---- writing ---- */

void arrival_begin(struct bytes *group, const unsigned char boot[RANDOM_ID_BYTES])
{
    bytes_append(group, boot, RANDOM_ID_BYTES);
}

void arrival_add(struct bytes *group, const struct insert_operation *insert)
{
    size_t route_size = strlen(insert->route) + 1;
    size_t worker_size = strlen(insert->worker) + 1;
    struct record record = {0};
    job_id_parse(insert->id, record.id);
    job_id_parse(insert->delivery_id, record.delivery_id);
    put(record.job, sizeof record.job, (uint64_t)insert->claim.job);
    put(record.token, sizeof record.token, (uint64_t)insert->claim.token);
    put(record.created_ms, sizeof record.created_ms, (uint64_t)insert->created_ms);
    put(record.route_size, sizeof record.route_size, route_size);
    put(record.worker_size, sizeof record.worker_size, worker_size);
    put(record.length, sizeof record.length, insert->length);
    bytes_append(group, &record, sizeof record);
    bytes_append(group, insert->route, route_size);
    bytes_append(group, insert->worker, worker_size);
    bytes_append(group, insert->block, insert->length);
}

/* ---- reading ---- */

const unsigned char *arrival_boot(const struct bytes *group)
{
    return group->length >= RANDOM_ID_BYTES ? (const unsigned char *)group->data : NULL;
}

size_t arrival_first(void)
{
    return RANDOM_ID_BYTES;
}

/* Return the text of that size at *at, and move that behind it; NULL: there is none. */
static const char *read_text(const struct bytes *group, size_t *at, uint64_t size)
{
    const char *text = group->data + *at;
    if (size == 0 || size > group->length - *at || text[size - 1] != '\0')
        return NULL;
    *at += size;
    return text;
}

int arrival_read(const struct bytes *group, size_t *at, struct arrival *arrival)
{
    if (*at == group->length)
        return 0;
    if (sizeof(struct record) > group->length - *at)
        return FERRY_INVALID;
    const struct record *record = (const void *)(group->data + *at);
    *at += sizeof *record;
    *arrival = (struct arrival){
        .key = {.job = (int64_t)get(record->job, sizeof record->job),
                .token = (int64_t)get(record->token, sizeof record->token)},
        .created_ms = (int64_t)get(record->created_ms, sizeof record->created_ms),
        .id = record->id,
        .delivery_id = record->delivery_id,
        .route = read_text(group, at, get(record->route_size, sizeof record->route_size)),
        .length = (size_t)get(record->length, sizeof record->length),
    };
    if (arrival->route)
        arrival->worker =
            read_text(group, at, get(record->worker_size, sizeof record->worker_size));
    if (!arrival->worker || arrival->length > group->length - *at)
        return FERRY_INVALID;
    arrival->block = group->data + *at;
    *at += arrival->length;
    return 1;
}
