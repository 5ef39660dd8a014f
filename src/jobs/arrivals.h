/*
 * Arrivals: jobs that are new and short are written twice as rarely as others.
 *
 * A job whose attempt begins with its commit, and is known to be through within milliseconds, gets
 * no row of its own at first. All of a transaction go into one row of the table `arrivals`; a job
 * that succeeds is put into `jobs` as it has ended, at one go, and a group of which every job has a
 * row is deleted, each in the transaction that makes it so. So a job is on disk from its commit on,
 * as any other, and is in exactly one of two places.
 *
 * Whatever else is done to such a job gives it the row that it would have had: how it ended
 * otherwise, or that it is given back. What is done to jobs by name or by filter, and every look
 * at them, does so to all first; and so does the opening of the database. Beyond this file and the
 * writer, which calls it, nobody sees a job without a row.
 *
 * One thread at a time, the writer's. The memory holds the groups that are on disk. After a
 * transaction that failed it is dropped, and the next one gives rows to what the disk has.
 */
#ifndef JOBS_ARRIVALS_H
#define JOBS_ARRIVALS_H

#include "operation.h"
#include "statements.h"

struct arrivals;

/* Returns NULL without memory. Nothing is known of the disk then. */
struct arrivals *arrivals_new(void);
void arrivals_free(struct arrivals *arrivals);

/* Inside a transaction, before its first operation: what is on disk and not in memory gets rows.
 * Returns 0 or a code, as the next ones. */
int arrivals_begin(struct arrivals *arrivals, struct statements *statements, ferry_error *error);

/* Before an operation is applied: do it here (*is_done, with its results), or see to it that it
 * finds the rows that it needs. `may_add`: new jobs may go into a group. */
int arrivals_apply(struct arrivals *arrivals, struct statements *statements,
                   const unsigned char boot[RANDOM_ID_BYTES], struct operation *operation,
                   bool may_add, bool *is_done, ferry_error *error);

/* After the last operation: write the group that the transaction has made, if any. */
int arrivals_end(struct arrivals *arrivals, struct statements *statements, ferry_error *error);

/* The transaction was not committed, or the connection is another one. */
void arrivals_forget(struct arrivals *arrivals);

/* Tell whether every job on disk has a row, as far as it is known. */
bool arrivals_have_rows(const struct arrivals *arrivals);

#endif
