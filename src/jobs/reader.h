/*
 * The reading connection: looks jobs up, on a thread of its own. Loop thread, but for what is said
 * in reader.c.
 */
#ifndef JOBS_READER_H
#define JOBS_READER_H

#include <ferry/loop.h>

#include "job.h"

struct reader;

/* Open a connection to the database, which the writer has open, and start the thread. Blocks.
 * Returns NULL and `error`. */
struct reader *reader_open(ferry_loop *loop, const char *path, ferry_error *error);

/* Gets a record, valid until it returns, or NULL and why: FERRY_NOT_FOUND, FERRY_REJECTED. */
typedef void job_found(void *arg, const struct job_record *record, const ferry_error *error);

/* Look a job up by its id. `found` may be called before reader_find returns. */
void reader_find(struct reader *reader, const char *id, job_found *found, void *arg);

/* Answer every look-up and close; before the writer does. Blocks. Errors: FERRY_DEADLINE: the
 * thread is left behind, with all that it uses. */
int reader_close(struct reader *reader, int64_t deadline_ms);

#endif
