/*
 * A group of arrivals in memory: what is on disk, and which of its jobs have rows by now. One
 * thread, the writer's. Functions that write do so in its transaction, and return 0 or a code.
 */
#ifndef JOBS_ARRIVAL_GROUP_H
#define JOBS_ARRIVAL_GROUP_H

#include "arrival.h"
#include "statements.h"

enum { GROUP_MAX_JOBS = 256 };

struct arrival_place {
    int64_t job;
    uint32_t at; /* its record in the block */
    bool has_row;
};

struct arrival_group {
    struct arrival_group *next;
    struct bytes block; /* as it is on disk */
    unsigned count;
    unsigned open; /* of them have no row */
    struct arrival_place jobs[GROUP_MAX_JOBS];
};

/* Returns an empty one, or NULL without memory. */
struct arrival_group *arrival_group_new(const unsigned char boot[RANDOM_ID_BYTES]);
void arrival_group_free(struct arrival_group *group);

/* Add a new job, which has its number. Returns false without memory: then the group is of no more
 * use. */
bool arrival_group_add(struct arrival_group *group, const struct insert_operation *insert);

/* Return the place of a job that has no row yet; NULL: there is none. */
struct arrival_place *arrival_group_find(struct arrival_group *group, int64_t job);
void arrival_group_read(const struct arrival_group *group, const struct arrival_place *place,
                        struct arrival *arrival);

int arrival_group_insert(struct statements *statements, const struct arrival_group *group,
                         ferry_error *error);
int arrival_group_delete(struct statements *statements, const struct arrival_group *group,
                         ferry_error *error);

/* Give a job, or all that have none, the row and the input that it would have had from the start.
 */
int arrival_group_give_row(struct statements *statements, struct arrival_group *group,
                           struct arrival_place *place, ferry_error *error);
int arrival_group_give_rows(struct statements *statements, struct arrival_group *group,
                            ferry_error *error);

/* Give rows to every group that is on disk. */
int arrival_groups_on_disk(struct statements *statements, ferry_error *error);

#endif
