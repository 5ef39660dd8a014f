/*
 * The entries of the journal whose jobs are not all in the tables, in memory: the oldest first. One
 * thread, the writer's.
 */
#ifndef JOBS_ARRIVAL_GROUPS_H
#define JOBS_ARRIVAL_GROUPS_H

#include "arrival_group.h"

/* A zeroed struct has none. */
struct arrival_groups {
    struct arrival_group *oldest, *newest;
    unsigned count;   /* of them */
    unsigned open;    /* of their jobs */
    unsigned row_now; /* that have got a row in this transaction */
};

/* Add the newest one, which is theirs from then on. */
void arrival_groups_add(struct arrival_groups *groups, struct arrival_group *group);

/* Return the newest job in any; 0: there is none. */
int64_t arrival_groups_last_job(const struct arrival_groups *groups);

/* Find out which jobs have got rows; there is no transaction. Returns 0 or a code. */
int arrival_groups_find_rows(struct arrival_groups *groups, struct statements *statements,
                             ferry_error *error);

/* Free them from the oldest up to that one; NULL: all. */
void arrival_groups_remove(struct arrival_groups *groups, const struct arrival_group *last);

/* Return the place of a job that is open, whose token it is, and its group; NULL: there is none. */
struct arrival_place *arrival_groups_find(const struct arrival_groups *groups,
                                          const struct claim_key *key,
                                          struct arrival_group **group);

/* The job of a place, which is open, has ended: the part there says so. */
void arrival_groups_end(struct arrival_groups *groups, struct arrival_place *place,
                        const struct arrival_group *end_in, size_t end_at);

/* Those that have ended in that group have not. */
void arrival_groups_reopen(struct arrival_groups *groups, const struct arrival_group *end_in);

/* The job of a place, which is open, has got a row in this transaction; and how that went for all
 * such: they have it (ARRIVAL_HAS_ROW), or not (ARRIVAL_OPEN). */
void arrival_groups_give_row(struct arrival_groups *groups, struct arrival_place *place);
void arrival_groups_end_rows(struct arrival_groups *groups, enum arrival_state state);

/* Return the newest of those that should get their rows by now, NULL: none. */
const struct arrival_group *arrival_groups_old(const struct arrival_groups *groups);

#endif
