/*
 * Look-ups for a time when jobs may have no row yet (arrivals.h). For a list they are given rows
 * first, and then it is looked. One job is looked for at once, and once more only if there is no
 * row: the writer knows whether it is one that needs one first. Loop thread.
 */
#ifndef JOBS_LATE_LOOKUP_H
#define JOBS_LATE_LOOKUP_H

#include "reader.h"
#include "store.h"

/* As reader_find and reader_list. Where the rows cannot be written, that failure is the answer for
 * a job that has none, and for a list. */
void late_find(struct store *store, struct reader *reader, const char *id, job_found *found,
               void *arg);
void late_list(struct store *store, struct reader *reader, const struct job_filter *filter,
               jobs_listed *listed, void *arg);

#endif
