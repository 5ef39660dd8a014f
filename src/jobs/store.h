/*
 * The store: what is durable about jobs. The loop hands it operations and look-ups; SQLite runs on
 * two executors of one thread each, one that writes and one that reads.
 *
 * Loop thread, and the thread that opens and closes it. How it groups what comes into transactions
 * is written in store.c.
 */
#ifndef JOBS_STORE_H
#define JOBS_STORE_H

#include <ferry/loop.h>

#include "metrics.h"
#include "operation.h"
#include "reader.h"
#include "reports.h"
#include "started.h"

struct store;

/* What is reported while the store opens: the attempts that an earlier process left behind (ended
 * by then), the jobs by route and state after that, the routes that are paused, and the last slot
 * that each schedule has run. `paused` and `slot` may be NULL. */
struct store_visitor {
    interrupted_visit *interrupted;
    count_visit *count;
    paused_visit *paused;
    slot_visit *slot;
    void *arg;
};

/* Lock the folder and open the database in it. Blocks. Returns NULL and `error` as queue_open. */
struct store *store_open(ferry_loop *loop, const char *folder, unsigned max_crashes,
                         struct metrics *metrics, const struct store_visitor *visitor,
                         ferry_error *error);

/* Call `handed` on the loop whenever what has been gathered is on its way to the disk. */
void store_on_handed(struct store *store, void (*handed)(void *arg), void *arg);

/* Tell whether operations are being gathered, and `handed` will be called within some turns. */
bool store_is_gathering(const struct store *store);

/* Tell whether there is room for one more insert of `bytes` among what waits for its commit. */
bool store_has_room(const struct store *store, size_t bytes);

/* Write an operation. Its `done` is called on the loop when the commit has returned, never before
 * store_write has returned. */
void store_write(struct store *store, struct operation *operation);

/* Tell whether it closes. What is written while its look-ups are answered is never done. */
bool store_is_closing(const struct store *store);

/* Look a job up by its id, or list jobs (reader.h). */
void store_find(struct store *store, const char *id, job_found *found, void *arg);
void store_list(struct store *store, const struct job_filter *filter, jobs_listed *listed,
                void *arg);

/* Return where it is noted which claimed jobs have started; NULL: nowhere. */
struct started *store_started(struct store *store);

/* Tell whether every operation has been answered. */
bool store_is_idle(const struct store *store);

/* How many transactions were run, and how many operations were in them. */
struct store_stats {
    uint64_t commits;
    uint64_t operations;
};

void store_get_stats(const struct store *store, struct store_stats *stats);

/*
 * Commit what waits, call every `done` and `found` that is due, and close. What a `done` writes is
 * still committed. Blocks. Errors: FERRY_DEADLINE: SQLite did not return within `deadline_ms`; then
 * what it works on is left behind, and its `done` is never called.
 */
int store_close(struct store *store, int64_t deadline_ms);

#endif
