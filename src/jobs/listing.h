/* Pages of jobs, read by the reader for people and by the writer for changes in bulk. One thread at
 * a time for each set of statements. */
#ifndef JOBS_LISTING_H
#define JOBS_LISTING_H

#include "statements.h"

struct listing {
    struct job_record *records; /* without their results' bodies */
    size_t count;
    int64_t next;    /* go on below this row; 0: this was all */
    int64_t damaged; /* the first number of a pack that cannot all be read (packs.h); 0: none */
};

/* Read the page of a filter into `listing`, which is empty. A page may be short, even empty, and
 * not be the last (reader.h): it ends at a pack that is damaged, with what of that can be read, and
 * the next one goes on below. Blocks. Errors: those of the database; then the listing is empty. */
int listing_read(struct statements *statements, const struct job_filter *filter,
                 struct listing *listing, ferry_error *error);

void listing_fini(struct listing *listing);

#endif
