/* Jobs read from the database as records. One thread at a time for each set of statements. */
#ifndef JOBS_RECORD_H
#define JOBS_RECORD_H

#include "statements.h"

/* Read the row that FIND, FIND_ROW or a LIST stands on into `record`, which is empty. Returns 0 or
 * FERRY_INTERNAL without memory, and then the record is empty. */
int record_read(sqlite3_stmt *at, struct job_record *record, ferry_error *error);

/* Fill in the empty `record` of a job's id. Errors: FERRY_NOT_FOUND, FERRY_GONE, and those of the
 * database. */
int record_find(struct statements *statements, const char *id, struct job_record *record,
                ferry_error *error);

/* The same by its row. Errors: FERRY_NOT_FOUND, and those of the database. */
int record_find_row(struct statements *statements, int64_t job, struct job_record *record,
                    ferry_error *error);

#endif
