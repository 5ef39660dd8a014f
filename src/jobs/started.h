/*
 * Which claimed jobs a thread has begun with: a small file in the state folder, beside the
 * database. A job is claimed before there is a thread for it; when the process dies, only those
 * that had started may be to blame, and count the crash.
 *
 * The loop's thread, and the thread that opens it; a note is written by the thread that begins.
 * Blocks for no longer than a write into the page cache.
 */
#ifndef JOBS_STARTED_H
#define JOBS_STARTED_H

#include <stdbool.h>
#include <stdint.h>

#include "operation.h"

struct started;

/* Read what an earlier process has left in the folder. Returns NULL when that says nothing for
 * certain: there is no such file, it is damaged, the machine has been started anew since, there
 * were more than fit, or there is no memory. */
struct started *started_read(const char *folder);

/* Begin a new file for the process of this boot, in place of an earlier one. Returns NULL when
 * that cannot be done. */
struct started *started_new(const char *folder, const unsigned char boot[RANDOM_ID_BYTES]);

/* Have it once more (NULL: nothing), or no more; it goes with the last. */
struct started *started_ref(struct started *started);
void started_free(struct started *started);

/* Return the boot of the process that wrote it. */
const unsigned char *started_boot(const struct started *started);

/* Places that are none: nobody asked for one; and there was no room, which the file says then. */
enum { STARTED_NOWHERE = -1, STARTED_MISSING = -2 };

/* Give a job a place for its note, until started_forget, when its end is on disk. `started` may be
 * NULL, as in what follows. */
int started_reserve(struct started *started);

/* Note at its place that a claimed job begins to run. Thread: any. */
void started_note(struct started *started, int place, const struct claim_key *key);
void started_forget(struct started *started, int place);

/* Tell whether a job was noted by this claim. What was forgotten may be there still. */
bool started_has(const struct started *started, const struct claim_key *key);

#endif
