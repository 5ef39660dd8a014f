/*
 * What a row of the table `packs` holds: jobs that came one behind the other to one route and have
 * all succeeded. Pure. The format is a part of the schema: another one needs a step there.
 */
#ifndef JOBS_PACK_H
#define JOBS_PACK_H

#include "bytes.h"
#include "ended_job.h"

/* The columns of a pack, as they are read. A zeroed struct is an empty one. */
struct pack {
    int64_t first; /* the number of its first job: those of the others follow */
    const char *route;
    const char *worker;
    const unsigned char *ids; /* of all, one behind the other */
    size_t count;
    const char *jobs; /* the rest, of all */
    size_t length;
    size_t read, at; /* so many were read, up to there */
};

/* Add a job to the columns `ids` and `jobs`. Failures are seen in these. */
void pack_add(struct bytes *ids, struct bytes *jobs, const struct ended_job *job);

/* Read the next job. Returns 1, 0 at the end, or FERRY_INVALID. */
int pack_next(struct pack *pack, struct ended_job *job);

#endif
