/*
 * The journal: a file beside the database into which entries are appended, each with a sync of its
 * own. What an entry says is on disk from then on, and stays there until the database says it:
 * then it is over, and its place is used again. An entry is whole or none, as it has a checksum
 * over all of it.
 *
 * An entry bears the name of the process that wrote it (its boot) and a number. The database says
 * up to which number of which boot all is in its tables. So a journal that does not belong to the
 * database, or is older than it, counts for nothing; nor does one that begins behind a number that
 * the database lacks, as beside a copy that was put in its place.
 *
 * It is read and written through SQLite's file system, so that whatever stands in for that has it
 * as well. One thread, the writer's. Functions block.
 */
#ifndef JOBS_JOURNAL_H
#define JOBS_JOURNAL_H

#include "bytes.h"
#include "random.h"

struct journal;

/* Returns NULL without memory. The file is made when it is first read or written. */
struct journal *journal_new(const char *database, const unsigned char boot[RANDOM_ID_BYTES]);
void journal_free(struct journal *journal);

/* The number of the last entry that was appended, or was to be. */
int64_t journal_number(const struct journal *journal);

/* Tell whether an entry of that length would not make the file bigger than it may become; and
 * whether it may be appended: not after a failure, until the journal is emptied a second later or
 * more. */
bool journal_fits(const struct journal *journal, size_t length);
bool journal_has_room(const struct journal *journal, size_t length);

/* Append an entry. Returns 0 when it is on disk, or a code: then it may be there or not. */
int journal_append(struct journal *journal, const struct bytes *entry, ferry_error *error);

/* All entries are over: the next one goes to the beginning. */
void journal_empty(struct journal *journal);

/* Close the file: it is opened anew when it is needed. */
void journal_close(struct journal *journal);

/* Visit the entries of a boot that come after a number, in their order. The visitor may take the
 * entry's memory (bytes_take), and returns 0 or a code, which ends the visit. Returns 0 or a code.
 */
typedef int journal_visitor(void *arg, int64_t number, struct bytes *entry, ferry_error *error);
int journal_read(struct journal *journal, const unsigned char boot[RANDOM_ID_BYTES], int64_t after,
                 journal_visitor *visit, void *arg, ferry_error *error);

#endif
