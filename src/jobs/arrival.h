/*
 * What an entry of the journal says: new jobs whose attempts begin with it, and which of those
 * before them have succeeded, one part after the other. Pure. The format is a part of the schema:
 * another one needs a step there.
 */
#ifndef JOBS_ARRIVAL_H
#define JOBS_ARRIVAL_H

#include "bytes.h"
#include "operation.h"

/* A new job. Pointers point into the entry. */
struct arrival {
    struct claim_key key;
    int64_t created_ms;
    const unsigned char *id; /* RANDOM_ID_BYTES, as the next one */
    const unsigned char *delivery_id;
    const char *route;
    const char *worker;
    const char *block;
    size_t length;
};

/* A job that has succeeded. Pointers point into the entry. */
struct ending {
    struct claim_key key;
    int64_t now_ms;
    int result_status;       /* 0: no result */
    const char *result_type; /* may be NULL */
    const char *result;      /* may be NULL */
    size_t result_length;
};

enum part_kind {
    PART_ARRIVAL = 1,
    PART_ENDING = 2,
};

struct arrival_part {
    enum part_kind kind;
    union {
        struct arrival arrival;
        struct ending ending;
    };
};

/* Add a new job, which has its number and its token by then, or its end. Failures are seen in
 * `entry`. */
void arrival_add(struct bytes *entry, const struct insert_operation *insert);
void arrival_add_ending(struct bytes *entry, const struct settle_operation *settle);

/* Return the id of the new job whose part begins there. */
const unsigned char *arrival_id(const struct bytes *entry, size_t at);

/* Read the part at *at, and move that to the next one. Returns 1, 0 at the end, or a code for
 * what is no part. */
int arrival_read(const struct bytes *entry, size_t *at, struct arrival_part *part);

#endif
