/*
 * An entry of the journal in memory: which jobs it begins, and what has become of those. One
 * thread, the writer's.
 */
#ifndef JOBS_ARRIVAL_GROUP_H
#define JOBS_ARRIVAL_GROUP_H

#include "arrival.h"
#include "statements.h"

enum arrival_state {
    ARRIVAL_OPEN,    /* it runs, as far as the disk says */
    ARRIVAL_ENDED,   /* it has succeeded: an entry says so */
    ARRIVAL_ROW_NOW, /* it has got a row in this transaction, */
    ARRIVAL_HAS_ROW, /* or before */
};

struct arrival_place {
    struct claim_key key;
    const struct arrival_group *end_in; /* once it has ended: the part that says so */
    size_t at, end_at;                  /* its parts in the entries */
    enum arrival_state state;
};

struct arrival_group {
    struct arrival_group *older, *newer;
    unsigned char boot[RANDOM_ID_BYTES]; /* who runs the jobs */
    struct bytes entry;
    unsigned count, size;
    struct arrival_place places[];
};

/* Returns an empty one for that many jobs, or NULL without memory. */
struct arrival_group *arrival_group_new(const unsigned char boot[RANDOM_ID_BYTES], unsigned size);
void arrival_group_free(struct arrival_group *group);

/* Read a part that is at that place. */
void arrival_group_part(const struct arrival_group *group, size_t at, struct arrival_part *part);

/* Find out which of those that have no row, as far as it is known, have got one. Returns 0 or a
 * code. */
int arrival_group_find_rows(struct statements *statements, struct arrival_group *group,
                            ferry_error *error);

/* Make one of an entry that was read, and take its memory over. Which jobs have rows is found out,
 * how they end is not looked at. FERRY_INVALID: it is damaged; nothing else has that code. */
int arrival_group_read(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                       struct bytes *entry, struct arrival_group **group, ferry_error *error);

/* Add a new job, which has its number; there must be a place left. Failures are seen in the entry.
 */
void arrival_group_add(struct arrival_group *group, const struct insert_operation *insert);

/* Return the place of a job that is open, and whose token it is; NULL: there is none. */
struct arrival_place *arrival_group_find(struct arrival_group *group, const struct claim_key *key);

/* Tell whether the job of an id is among those that have no row. */
bool arrival_group_needs_row(const struct arrival_group *group,
                             const unsigned char id[RANDOM_ID_BYTES]);

#endif
