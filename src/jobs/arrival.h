/*
 * A group of arrivals as one blob: new jobs whose attempts begin with their commit. Pure. A group
 * is a head, which says which process runs them, and one record a job; numbers are little-endian.
 * The format is a part of the schema: another one needs a step there.
 */
#ifndef JOBS_ARRIVAL_H
#define JOBS_ARRIVAL_H

#include "bytes.h"
#include "operation.h"

/* What a record says. Its pointers point into the group. */
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

/* Begin a group, and add a job to it, which has its number and its token by then. Failures are
 * seen in `group`. */
void arrival_begin(struct bytes *group, const unsigned char boot[RANDOM_ID_BYTES]);
void arrival_add(struct bytes *group, const struct insert_operation *insert);

/* Return the process that runs a group; NULL: it is none. */
const unsigned char *arrival_boot(const struct bytes *group);

/* Where the first record of a group begins. */
size_t arrival_first(void);

/* Read the record at *at, and move that to the next one. Returns 1, 0 at the group's end, or a code
 * for what is no record. */
int arrival_read(const struct bytes *group, size_t *at, struct arrival *arrival);

#endif
