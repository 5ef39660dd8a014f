/*
 * Arrivals: jobs that are new and short are written half as often as others.
 *
 * A job whose attempt begins with its commit, and is known to be through within milliseconds, gets
 * no row at first. An entry of the journal (journal.h) has all of a list, and those before them
 * that have succeeded meanwhile: one write and one sync for it all. Many of them get their rows in
 * one transaction later on, most as they have ended. So a job is on disk from its commit on, as any
 * other. It counts for what its row says if it has one, else for what the journal says; and before
 * any row may be deleted, every job has one and the database says that the journal is over.
 *
 * Whatever else is done to such a job gives it the row that it would have had: how it ended
 * otherwise, or that it is given back. What is done to jobs by name or by filter, every list of
 * them, and a look for one of them, does so to all first; and so does what is written after which
 * none of them runs any more. Beyond this file and the writer, which calls it, nobody sees a job
 * without a row.
 *
 * One thread at a time, the writer's. The memory holds what is in the journal and not in the
 * tables; it is read from the disk once, at the start. When the database is opened anew after that,
 * the memory counts and not the file, as that may have gone the same way as the handle.
 */
#ifndef JOBS_ARRIVALS_H
#define JOBS_ARRIVALS_H

#include "operation.h"
#include "statements.h"

struct arrivals;

/* Returns NULL without memory. Nothing is known of the disk then. */
struct arrivals *arrivals_new(const char *database, const unsigned char boot[RANDOM_ID_BYTES]);
void arrivals_free(struct arrivals *arrivals);

/* Read what the journal has; later on, find out which jobs have got rows. Returns 0 or a code. All
 * get theirs in the transaction that follows. */
int arrivals_load(struct arrivals *arrivals, struct statements *statements, ferry_error *error);

/* Tell whether every job on disk has a row; not while nothing is known of the disk. */
bool arrivals_have_rows(const struct arrivals *arrivals);

/* ---- a list of operations ---- */

/* Take of a list what needs no row at once, as WAY_TAKEN and with its results, and what needs
 * nothing, as WAY_NONE; the others are left for a transaction. Where the disk `is_full` no new job
 * is taken, and what can wait for its row does: the journal has its place on disk already. To
 * number a new job may cost the handle. */
void arrivals_take(struct arrivals *arrivals, struct statements *statements,
                   struct operation *first, bool is_full);

/* Instead of a list, take those who are the oldest of many without rows: the transaction gives them
 * theirs. Returns false where there are not so many. */
bool arrivals_take_old(struct arrivals *arrivals);

/* Write what was taken into the journal. Returns whether all of it is there, as WAY_JOURNAL; else
 * it is for the transaction that follows. */
bool arrivals_journal(struct arrivals *arrivals, struct operation *first);

/* In that transaction: at its beginning, before each operation that is left, and at its end.
 * Return 0 or a code. It gives rows to those who need one; what was taken and is not in the
 * journal is among them. Where all is not done `together`, nothing may be taken (arrivals_leave):
 * each row is given alone (arrival_rows.h), and what fails leaves nothing in the transaction. */
int arrivals_begin(struct arrivals *arrivals, struct statements *statements, bool together,
                   ferry_error *error);
int arrivals_prepare(struct arrivals *arrivals, struct statements *statements,
                     const struct operation *operation, bool together, ferry_error *error);
int arrivals_end(struct arrivals *arrivals, struct statements *statements, bool together,
                 ferry_error *error);

/* How the transaction went. What was taken stays so after one that was rolled back. */
void arrivals_committed(struct arrivals *arrivals);
void arrivals_rolled_back(struct arrivals *arrivals);

/* What was taken is not any more: it is for a transaction as all else. */
void arrivals_leave(struct arrivals *arrivals, struct operation *first);

/* The same, and there is no transaction, or it failed. Returns whether it may turn up on disk. */
bool arrivals_drop(struct arrivals *arrivals, struct operation *first);

#endif
