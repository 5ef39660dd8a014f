#include "arrival.h"

#include <string.h>

#include "job_id.h"
#include "little_endian.h"

/* What each part begins with. Texts follow with their NULs, and then the block or the result. */
struct arrival_head {
    unsigned char kind;
    unsigned char id[RANDOM_ID_BYTES];
    unsigned char delivery_id[RANDOM_ID_BYTES];
    unsigned char job[8], token[8], created_ms[8];
    unsigned char route_size[4], worker_size[4], length[4];
};

struct ending_head {
    unsigned char kind;
    unsigned char job[8], token[8], now_ms[8];
    unsigned char status[4], has_result;
    unsigned char type_size[4], length[4]; /* 0: no type */
};

/* ---- writing ---- */

/* Write something, which may be nothing, where there is room for it. Returns where the next goes.
 */
static char *put(char *at, const void *data, size_t length)
{
    if (length > 0)
        memcpy(at, data, length);
    return at + length;
}

void arrival_add(struct bytes *entry, const struct insert_operation *insert)
{
    size_t route_size = strlen(insert->route) + 1;
    size_t worker_size = strlen(insert->worker) + 1;
    struct arrival_head head = {.kind = PART_ARRIVAL};
    char *at = bytes_extend(entry, sizeof head + route_size + worker_size + insert->length);
    if (!at)
        return;
    job_id_parse(insert->id, head.id);
    job_id_parse(insert->delivery_id, head.delivery_id);
    little_put(head.job, sizeof head.job, (uint64_t)insert->claim.job);
    little_put(head.token, sizeof head.token, (uint64_t)insert->claim.token);
    little_put(head.created_ms, sizeof head.created_ms, (uint64_t)insert->created_ms);
    little_put(head.route_size, sizeof head.route_size, route_size);
    little_put(head.worker_size, sizeof head.worker_size, worker_size);
    little_put(head.length, sizeof head.length, insert->length);
    at = put(at, &head, sizeof head);
    at = put(at, insert->route, route_size);
    at = put(at, insert->worker, worker_size);
    put(at, insert->block, insert->length);
}

void arrival_add_ending(struct bytes *entry, const struct settle_operation *settle)
{
    bool has_type = settle->result_status && settle->result_type;
    bool has_result = settle->result_status && settle->result;
    size_t type_size = has_type ? strlen(settle->result_type) + 1 : 0;
    size_t length = has_result ? settle->result_length : 0;
    struct ending_head head = {.kind = PART_ENDING, .has_result = has_result};
    char *at = bytes_extend(entry, sizeof head + type_size + length);
    if (!at)
        return;
    little_put(head.job, sizeof head.job, (uint64_t)settle->key.job);
    little_put(head.token, sizeof head.token, (uint64_t)settle->key.token);
    little_put(head.now_ms, sizeof head.now_ms, (uint64_t)settle->now_ms);
    little_put(head.status, sizeof head.status, (uint64_t)settle->result_status);
    little_put(head.type_size, sizeof head.type_size, type_size);
    little_put(head.length, sizeof head.length, length);
    at = put(at, &head, sizeof head);
    at = put(at, settle->result_type, type_size);
    put(at, settle->result, length);
}

/* ---- reading ---- */

/* Return so many bytes at *at, and move that behind them; NULL: there are not so many. */
static const void *read_bytes(const struct bytes *entry, size_t *at, uint64_t length)
{
    const char *bytes = entry->data + *at;
    if (length > entry->length - *at)
        return NULL;
    *at += length;
    return bytes;
}

static const char *read_text(const struct bytes *entry, size_t *at, uint64_t size)
{
    const char *text = size > 0 ? read_bytes(entry, at, size) : NULL;
    return text && text[size - 1] == '\0' ? text : NULL;
}

static int read_arrival(const struct bytes *entry, size_t *at, struct arrival *arrival)
{
    const struct arrival_head *head = read_bytes(entry, at, sizeof *head);
    if (!head)
        return FERRY_INVALID;
    *arrival = (struct arrival){
        .key = {.job = (int64_t)little_get(head->job, sizeof head->job),
                .token = (int64_t)little_get(head->token, sizeof head->token)},
        .created_ms = (int64_t)little_get(head->created_ms, sizeof head->created_ms),
        .id = head->id,
        .delivery_id = head->delivery_id,
        .length = (size_t)little_get(head->length, sizeof head->length),
    };
    arrival->route = read_text(entry, at, little_get(head->route_size, sizeof head->route_size));
    if (!arrival->route)
        return FERRY_INVALID;
    arrival->worker = read_text(entry, at, little_get(head->worker_size, sizeof head->worker_size));
    if (!arrival->worker)
        return FERRY_INVALID;
    arrival->block = read_bytes(entry, at, arrival->length);
    return arrival->block ? 1 : FERRY_INVALID;
}

static int read_ending(const struct bytes *entry, size_t *at, struct ending *ending)
{
    const struct ending_head *head = read_bytes(entry, at, sizeof *head);
    if (!head)
        return FERRY_INVALID;
    *ending = (struct ending){
        .key = {.job = (int64_t)little_get(head->job, sizeof head->job),
                .token = (int64_t)little_get(head->token, sizeof head->token)},
        .now_ms = (int64_t)little_get(head->now_ms, sizeof head->now_ms),
        .result_status = (int)little_get(head->status, sizeof head->status),
        .result_length = (size_t)little_get(head->length, sizeof head->length),
    };
    uint64_t type_size = little_get(head->type_size, sizeof head->type_size);
    if (type_size > 0 && !(ending->result_type = read_text(entry, at, type_size)))
        return FERRY_INVALID;
    const char *result = read_bytes(entry, at, ending->result_length);
    ending->result = head->has_result ? result : NULL;
    return result ? 1 : FERRY_INVALID;
}

const unsigned char *arrival_id(const struct bytes *entry, size_t at)
{
    const struct arrival_head *head = (const void *)(entry->data + at);
    return head->id;
}

int arrival_read(const struct bytes *entry, size_t *at, struct arrival_part *part)
{
    if (*at == entry->length)
        return 0;
    switch (entry->data[*at]) {
    case PART_ARRIVAL:
        part->kind = PART_ARRIVAL;
        return read_arrival(entry, at, &part->arrival);
    case PART_ENDING:
        part->kind = PART_ENDING;
        return read_ending(entry, at, &part->ending);
    default:
        return FERRY_INVALID;
    }
}
