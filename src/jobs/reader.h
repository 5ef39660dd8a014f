/*
 * The reading connection: looks jobs up and lists them, on a thread of its own. Loop thread, but
 * for what is said in reader.c.
 */
#ifndef JOBS_READER_H
#define JOBS_READER_H

#include <ferry/loop.h>

#include "job.h"

struct reader;

/* Open a connection to the database, which the writer has open, and start the thread. Blocks.
 * Returns NULL and `error`. */
struct reader *reader_open(ferry_loop *loop, const char *path, ferry_error *error);

/* Gets a record, valid until it returns, or NULL and why: FERRY_NOT_FOUND, FERRY_GONE (it was
 * there, and its retention is over), FERRY_REJECTED. */
typedef void job_found(void *arg, const struct job_record *record, const ferry_error *error);

/* Look a job up by its id. `found` may be called before reader_find returns. */
void reader_find(struct reader *reader, const char *id, job_found *found, void *arg);

/* Gets a page of records without their results' bodies, valid until it returns; or an error:
 * FERRY_REJECTED. The next page is below row `next`; 0: this was the last. A page may be short,
 * even empty, and not be the last: a look-up ends after a while, as a long one keeps the WAL
 * growing. */
typedef void jobs_listed(void *arg, const struct job_record *records, size_t count, int64_t next,
                         const ferry_error *error);

/* List jobs; filter->route is copied. `listed` may be called before reader_list returns. */
void reader_list(struct reader *reader, const struct job_filter *filter, jobs_listed *listed,
                 void *arg);

/* Answer every look-up and close; before the writer does. Blocks. Errors: FERRY_DEADLINE: the
 * thread is left behind, with all that it uses. */
int reader_close(struct reader *reader, int64_t deadline_ms);

#endif
