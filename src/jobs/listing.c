/*
 * A page of jobs, from the newest row down.
 *
 * The rows are looked at in windows of so many row numbers: a filter that fits hardly any job would
 * otherwise read a whole table in one statement, which keeps the WAL from being reset for as long.
 * After each window the page may end short, with the row to go on below. A window starts at a row
 * that exists, so that the gap which retention leaves costs one step, however wide it is.
 *
 * The jobs of one state are read by that state's index, those of several by their rows, and so
 * are those that have succeeded: they are nearly all, and in no such index. Of a window, the newest
 * that have rows and the newest that are in packs are read, as many of each as there is room for,
 * and of these the newest stay.
 */
#include "listing.h"

#include <stdlib.h>

#include "clock.h"
#include "packs.h"
#include "record.h"

enum { WINDOW_ROWS = 20000, WORK_US = 100000 };

struct walk {
    struct statements *statements;
    const struct job_filter *filter;
    struct listing *listing;
    unsigned limit;
    int state; /* -1: by their rows */
};

/* Return the only state of a mask; -1 if it has none or several, or one without an index. */
static int only_state(unsigned states)
{
    for (int state = 0; state < JOB_STATE_COUNT; state++) {
        if (states == 1U << state && state != JOB_SUCCEEDED)
            return state;
    }
    return -1;
}

/* What LIST or LIST_IN_STATE compare the state with. */
static int64_t walk_states(const struct walk *walk)
{
    if (walk->state >= 0)
        return walk->state;
    return walk->filter->states ? walk->filter->states : UINT32_MAX;
}

/* Find the next row below *row. Returns 1 and the row, 0 when there is none, or a code. */
static int walk_next(const struct walk *walk, int64_t *row, ferry_error *error)
{
    enum statement which = walk->state < 0 ? NEXT_BELOW : NEXT_BELOW_IN_STATE;
    sqlite3_stmt *at = statement_of(walk->statements, which);
    sqlite3_bind_int64(at, 1, *row);
    if (walk->state >= 0)
        sqlite3_bind_int(at, 2, walk->state);
    int rc = statement_step(walk->statements, which, error);
    if (rc <= 0)
        return rc;
    *row = sqlite3_column_int64(at, 0);
    statement_abandon(walk->statements, which);
    return *row > 0;
}

/* Read what fits of the rows from `bottom` to `top`, as far as the page has room. */
static int walk_rows(const struct walk *walk, int64_t bottom, int64_t top, ferry_error *error)
{
    struct listing *listing = walk->listing;
    const struct job_filter *filter = walk->filter;
    enum statement which = walk->state < 0 ? LIST : LIST_IN_STATE;
    sqlite3_stmt *at = statement_of(walk->statements, which);
    sqlite3_bind_int64(at, 1, bottom);
    sqlite3_bind_int64(at, 2, top);
    sqlite3_bind_int64(at, 3, walk_states(walk));
    if (filter->route)
        sqlite3_bind_text(at, 4, filter->route, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, 5, (int64_t)(walk->limit - listing->count));
    int rc;
    while ((rc = statement_step(walk->statements, which, error)) > 0) {
        rc = record_read(at, &listing->records[listing->count], error);
        if (rc < 0) {
            statement_abandon(walk->statements, which);
            return rc;
        }
        listing->count++;
    }
    return rc;
}

static int newest_first(const void *a, const void *b)
{
    const struct job_record *one = a, *other = b;
    return (one->job < other->job) - (one->job > other->job);
}

/* Tell whether the page ends above its last job. Below a damaged pack no other one was read. */
static bool is_past_end(const struct walk *walk)
{
    const struct listing *listing = walk->listing;
    return listing->count > walk->limit ||
           (listing->count > 0 && listing->records[listing->count - 1].job < listing->damaged);
}

/* The same of the packs, besides what was read of rows from `start` on. */
static int walk_packs(const struct walk *walk, int64_t bottom, int64_t top, size_t start,
                      ferry_error *error)
{
    struct listing *listing = walk->listing;
    size_t rows_end = listing->count;
    int rc = packs_list(walk->statements, bottom, top, walk->filter->route, walk->limit - start,
                        listing, error);
    if (listing->count > rows_end)
        qsort(&listing->records[start], listing->count - start, sizeof *listing->records,
              newest_first);
    while (is_past_end(walk))
        job_record_fini(&listing->records[--listing->count]);
    return rc;
}

/* What moves from a pack into rows meanwhile is to be in one of the two. */
static int walk_window(const struct walk *walk, int64_t bottom, int64_t top, ferry_error *error)
{
    size_t start = walk->listing->count;
    bool has_packed = walk->state < 0 && walk_states(walk) >> JOB_SUCCEEDED & 1;
    if (!has_packed)
        return walk_rows(walk, bottom, top, error);
    int rc = statement_run(walk->statements, SAVEPOINT, error);
    if (rc < 0)
        return rc;
    rc = walk_rows(walk, bottom, top, error);
    if (rc == 0)
        rc = walk_packs(walk, bottom, top, start, error);
    statements_end_savepoint(walk->statements, rc);
    return rc;
}

/* Read window after window until the page is full, a pack is damaged, the rows or the time have
 * come to an end. */
static int walk_down(const struct walk *walk, ferry_error *error)
{
    struct listing *listing = walk->listing;
    int64_t until_us = clock_monotonic_us() + WORK_US;
    int64_t row = walk->filter->before > 0 ? walk->filter->before : INT64_MAX;
    int rc;
    while ((rc = walk_next(walk, &row, error)) > 0) {
        int64_t bottom = row > WINDOW_ROWS ? row - WINDOW_ROWS + 1 : 1;
        rc = walk_window(walk, bottom, row, error);
        if (rc < 0)
            return rc;
        row = bottom;
        bool is_full = listing->count == walk->limit;
        if (is_full)
            row = listing->records[listing->count - 1].job;
        else if (listing->damaged > bottom)
            row = listing->damaged;
        if (is_full || listing->damaged || clock_monotonic_us() >= until_us) {
            listing->next = row > 1 ? row : 0;
            return 0;
        }
    }
    return rc;
}

int listing_read(struct statements *statements, const struct job_filter *filter,
                 struct listing *listing, ferry_error *error)
{
    unsigned limit = filter->limit < JOB_PAGE_MAX ? filter->limit : JOB_PAGE_MAX;
    limit = limit ? limit : 1;
    /* Of one window, so many of the rows, and so many of the packs. */
    *listing = (struct listing){.records = calloc(2 * (size_t)limit, sizeof *listing->records)};
    if (!listing->records)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    struct walk walk = {
        .statements = statements,
        .filter = filter,
        .listing = listing,
        .limit = limit,
        .state = only_state(filter->states),
    };
    int rc = walk_down(&walk, error);
    if (rc < 0)
        listing_fini(listing);
    return rc;
}

void listing_fini(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        job_record_fini(&listing->records[i]);
    free(listing->records);
    *listing = (struct listing){0};
}
