/*
 * The table `packs`: jobs that have succeeded, many in a row. Most jobs are only ever looked for by
 * their id, if at all: a row and the entries of its indexes for each would be half of what a job
 * costs the store.
 *
 * The numbers of a pack's jobs follow each other, and no other pack or row of `jobs` has one of
 * them: the two tables together are what `jobs` alone would be, and are read so. What is done to
 * one job of a pack opens the pack, so that each has a row; but its newest can be deleted as they
 * are, and so can all. Jobs that came few at a time have rows from the start.
 *
 * The thread of the statements. Functions return 0 or a code, if nothing else is said.
 */
#ifndef JOBS_PACKS_H
#define JOBS_PACKS_H

#include "ended_job.h"
#include "listing.h"

enum { PACK_JOBS = 64 };

/* Jobs on their way into the tables, in the order of their numbers. A zeroed struct has none. */
struct packing {
    struct ended_job run[PACK_JOBS]; /* may be a pack */
    unsigned count;
    size_t bytes;                             /* of their results */
    struct ended_job singles[SUCCEEDED_ROWS]; /* are to have rows */
    unsigned single_count;
};

/* Add a job; write what is left. What was added must stay where it is until then. */
int packing_add(struct statements *statements, struct packing *packing, const struct ended_job *job,
                ferry_error *error);
int packing_end(struct statements *statements, struct packing *packing, ferry_error *error);

/* Find the job of an id. Returns 1 and the record, which is the caller's, 0: there is none, or a
 * code. */
int packs_find(struct statements *statements, const char *id, struct job_record *record,
               ferry_error *error);

/* Tell whether a pack has the job of that number and id: 1, 0, or a code. */
int packs_have(struct statements *statements, int64_t job, const unsigned char id[RANDOM_ID_BYTES],
               ferry_error *error);

/* Append the newest jobs from `bottom` to `top`, of a route (NULL: any), to a listing, without
 * their results' bodies, the newest first, `limit` at most, for which it has room. A pack that is
 * damaged is the last one: what can be read of it is there, and listing->damaged is its first
 * number. */
int packs_list(struct statements *statements, int64_t bottom, int64_t top, const char *route,
               size_t limit, struct listing *listing, ferry_error *error);

/* Delete so many jobs at most of one pack, from this one down, if it is a pack's last: what is left
 * stays packed. Returns how many, which are 0 for any other job, or a code. It takes no room. */
int packs_cut(struct statements *statements, int64_t last, size_t most, ferry_error *error);

/* Give each job of the pack that has this one a row of its own; it may be in none. */
int packs_open(struct statements *statements, int64_t job, ferry_error *error);

/* Each id of what is deleted is visited, with its route; returns 0 or a code. */
typedef int packs_visit(void *arg, const char *route, const char *id, ferry_error *error);

/* Delete the pack that begins with this job, if there is one; it may be damaged. */
int packs_delete(struct statements *statements, int64_t first, packs_visit *visit, void *arg,
                 ferry_error *error);

/* Delete the packs of a route all of whose jobs have finished before a time, until `least` jobs are
 * gone. */
int packs_retire(struct statements *statements, const char *route, int64_t before_ms,
                 unsigned least, packs_visit *visit, void *arg, ferry_error *error);

#endif
