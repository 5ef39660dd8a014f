/*
 * The writing connection: writes a list of operations into the journal, the tables, or both, and
 * takes care of the connection's health. One thread at a time: the main thread at the start and at
 * the end, the store's writing thread in between.
 */
#ifndef JOBS_WRITER_H
#define JOBS_WRITER_H

#include "operation.h"
#include "statements.h"

struct writer;

/* Open the database (database.h). Blocks. Returns NULL and `error`. */
struct writer *writer_open(const char *path, bool *damaged, ferry_error *error);
void writer_close(struct writer *writer);

/* For the reports at the start. */
struct statements *writer_statements(struct writer *writer);
const unsigned char *writer_boot(const struct writer *writer);

/*
 * Commit the operations of a list, and set the error of each: what may go into the journal as one
 * entry (arrivals.h), and the rest in one transaction. One that fails alone fails alone; a commit
 * that fails, fails all of its transaction; but when the disk is full the inserts fail, and the
 * others are committed without them if that can be done. Errors: FERRY_STORAGE_FULL for a
 * full disk, else FERRY_REJECTED; a change's own are answers (operation.h). Blocks.
 */
void writer_run(struct writer *writer, struct operation *first);

/* Tell whether each job has a row of its own, so that a look at the tables finds it; else
 * OPERATION_GIVE_ROWS comes first. */
bool writer_has_all_rows(const struct writer *writer);

/* Return how big the write-ahead log's file was lately. */
int64_t writer_wal_bytes(const struct writer *writer);

#endif
