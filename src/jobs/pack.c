#include "pack.h"

#include <string.h>

#include "little_endian.h"

/* What each job begins with in `jobs`; its result's type, with the NUL, and its result follow. */
struct packed_head {
    unsigned char delivery_id[RANDOM_ID_BYTES];
    unsigned char input_bytes[8], created_ms[8], finished_ms[8];
    unsigned char status[4], has_result;
    unsigned char type_size[4], length[4]; /* 0: no type */
};

void pack_add(struct bytes *ids, struct bytes *jobs, const struct ended_job *job)
{
    size_t type_size = job->result_type ? strlen(job->result_type) + 1 : 0;
    struct packed_head head = {.has_result = job->result != NULL};
    memcpy(head.delivery_id, job->delivery_id, sizeof head.delivery_id);
    little_put(head.input_bytes, sizeof head.input_bytes, (uint64_t)job->input_bytes);
    little_put(head.created_ms, sizeof head.created_ms, (uint64_t)job->created_ms);
    little_put(head.finished_ms, sizeof head.finished_ms, (uint64_t)job->finished_ms);
    little_put(head.status, sizeof head.status, (uint64_t)job->result_status);
    little_put(head.type_size, sizeof head.type_size, type_size);
    little_put(head.length, sizeof head.length, job->result_length);
    bytes_append(ids, job->id, RANDOM_ID_BYTES);
    bytes_append(jobs, &head, sizeof head);
    bytes_append(jobs, job->result_type, type_size);
    bytes_append(jobs, job->result, job->result_length);
}

/* Return so many bytes, and go behind them; NULL: there are not so many. */
static const void *read_bytes(struct pack *pack, uint64_t length)
{
    if (length > pack->length - pack->at)
        return NULL;
    const char *bytes = pack->jobs + pack->at;
    pack->at += length;
    return bytes;
}

int pack_next(struct pack *pack, struct ended_job *job)
{
    if (pack->read == pack->count)
        return pack->at == pack->length ? 0 : FERRY_INVALID;
    const struct packed_head *head = read_bytes(pack, sizeof *head);
    if (!head)
        return FERRY_INVALID;
    uint64_t type_size = little_get(head->type_size, sizeof head->type_size);
    *job = (struct ended_job){
        .job = pack->first + (int64_t)pack->read,
        .id = pack->ids + pack->read * RANDOM_ID_BYTES,
        .delivery_id = head->delivery_id,
        .route = pack->route,
        .worker = pack->worker,
        .input_bytes = (int64_t)little_get(head->input_bytes, sizeof head->input_bytes),
        .created_ms = (int64_t)little_get(head->created_ms, sizeof head->created_ms),
        .finished_ms = (int64_t)little_get(head->finished_ms, sizeof head->finished_ms),
        .result_status = (int)little_get(head->status, sizeof head->status),
        .result_length = (size_t)little_get(head->length, sizeof head->length),
    };
    const char *type = read_bytes(pack, type_size);
    const char *result = read_bytes(pack, job->result_length);
    if (!type || !result || (type_size > 0 && type[type_size - 1] != '\0'))
        return FERRY_INVALID;
    job->result_type = type_size > 0 ? type : NULL;
    job->result = head->has_result ? result : NULL;
    pack->read++;
    return 1;
}
