/*
 * The reader: an executor of one thread, and the one connection that this thread uses.
 *
 * Each look-up reads one row by its index, or a page for as long as listing.c allows, and ends its
 * read at once: a long one would keep the WAL from being checkpointed. One that lasts longer all
 * the same (a cold disk, a damaged index) is interrupted. A look-up belongs to the reading thread
 * from its submit until its `done` on the loop. One whose reader has closed meanwhile has `reader`
 * NULL and only frees itself.
 */
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/executor.h>
#include <ferry/log.h>

#include "clock.h"
#include "database.h"
#include "listing.h"
#include "record.h"

enum {
    MAX_READ_MS = 1000,
    TOLD_MOST = 16,
    PROGRESS_STEPS = 10000, /* of SQLite's machine, between two looks at the clock: some 100 us */
};

/* What the reading thread works with; it outlives the reader when the thread does not return. */
struct reading {
    sqlite3 *db;
    struct statements *statements;
    int64_t until_us;        /* the present look-up is given up then; the reading thread's own */
    int64_t told[TOLD_MOST]; /* damaged packs; the reading thread's own, as the next one */
    unsigned told_count;
};

struct lookup {
    struct reader *reader; /* NULL: it has closed */
    struct lookup *next, **link;
    struct reading *reading;
    job_found *found; /* one of the two is set */
    jobs_listed *listed;
    void *arg;
    bool has_run;
    ferry_error error;
    /* a job */
    char id[RANDOM_ID_TEXT_SIZE];
    struct job_record record;
    /* a page */
    struct job_filter filter;
    char *route; /* the filter's */
    struct listing listing;
};

struct reader {
    ferry_loop *loop;
    struct reading *reading;
    ferry_executor *thread;
    struct lookup *lookups; /* in flight */
};

/* ---- on the reading thread ---- */

static int on_progress(void *arg)
{
    const struct reading *reading = arg;
    return clock_monotonic_us() > reading->until_us;
}

/* Lists come by again and again: each pack is told once, and so many in all. */
static void tell_damaged(struct reading *reading, int64_t pack)
{
    for (unsigned i = 0; i < reading->told_count; i++) {
        if (reading->told[i] == pack)
            return;
    }
    if (reading->told_count == TOLD_MOST)
        return;
    reading->told[reading->told_count++] = pack;
    ferry_log(FERRY_LOG_ERROR, "a pack of jobs is damaged: lists leave out what cannot be read",
              "pack=%lld", (long long)pack);
}

static void lookup_run(void *arg)
{
    struct lookup *lookup = arg;
    struct reading *reading = lookup->reading;
    reading->until_us = clock_monotonic_us_after(MAX_READ_MS);
    if (lookup->listed)
        listing_read(reading->statements, &lookup->filter, &lookup->listing, &lookup->error);
    else
        record_find(reading->statements, lookup->id, &lookup->record, &lookup->error);
    if (lookup->listing.damaged)
        tell_damaged(reading, lookup->listing.damaged);
    lookup->has_run = true;
}

/* ---- on the loop ---- */

static void lookup_free(struct lookup *lookup)
{
    job_record_fini(&lookup->record);
    listing_fini(&lookup->listing);
    free(lookup->route);
    free(lookup);
}

/* Take it out of the reader's list, which ends the reader's interest in it. */
static void lookup_detach(struct lookup *lookup)
{
    *lookup->link = lookup->next;
    if (lookup->next)
        lookup->next->link = lookup->link;
    lookup->reader = NULL;
}

static void lookup_report(const struct lookup *lookup, const ferry_error *error)
{
    const struct listing *listing = &lookup->listing;
    if (lookup->found)
        lookup->found(lookup->arg, error->code ? NULL : &lookup->record, error);
    else if (error->code)
        lookup->listed(lookup->arg, NULL, 0, 0, error);
    else
        lookup->listed(lookup->arg, listing->records, listing->count, listing->next, error);
}

static void lookup_answer(const struct lookup *lookup)
{
    ferry_error error = lookup->error;
    if (error.code && error.code != FERRY_NOT_FOUND && error.code != FERRY_GONE) {
        ferry_log(FERRY_LOG_ERROR, "jobs could not be looked up", "error=%s", error.message);
        error.code = FERRY_REJECTED;
    }
    lookup_report(lookup, &error);
}

static void lookup_done(void *arg, const ferry_task_report *report)
{
    (void)report;
    struct lookup *lookup = arg;
    if (lookup->reader) {
        lookup_detach(lookup);
        lookup_answer(lookup);
    }
    lookup_free(lookup);
}

static void lookup_dropped(void *arg, const ferry_task_report *report)
{
    (void)report;
    lookup_free(arg);
}

static void lookup_refuse(const struct lookup *lookup, const char *why)
{
    ferry_error error;
    ferry_error_set(&error, FERRY_REJECTED, "%s", why);
    lookup_report(lookup, &error);
}

/* Send a copy of the look-up to the reading thread; its route is taken over. */
static void reader_send(struct reader *reader, const struct lookup *asked)
{
    struct lookup *lookup = malloc(sizeof *lookup);
    if (!lookup) {
        free(asked->route);
        lookup_refuse(asked, "no memory");
        return;
    }
    *lookup = *asked;
    lookup->reading = reader->reading;
    ferry_task_work work = {
        .run = lookup_run, .done = lookup_done, .dropped = lookup_dropped, .arg = lookup};
    if (!ferry_executor_submit(reader->thread, reader->loop, &work, NULL)) {
        lookup_free(lookup);
        lookup_refuse(asked, "too many jobs are being looked up");
        return;
    }
    lookup->reader = reader;
    lookup->next = reader->lookups;
    lookup->link = &reader->lookups;
    if (lookup->next)
        lookup->next->link = &lookup->next;
    reader->lookups = lookup;
}

void reader_find(struct reader *reader, const char *id, job_found *found, void *arg)
{
    struct lookup lookup = {.found = found, .arg = arg};
    memcpy(lookup.id, id, sizeof lookup.id);
    reader_send(reader, &lookup);
}

void reader_list(struct reader *reader, const struct job_filter *filter, jobs_listed *listed,
                 void *arg)
{
    struct lookup lookup = {.listed = listed, .arg = arg, .filter = *filter};
    if (filter->route && !(lookup.route = strdup(filter->route))) {
        lookup_refuse(&lookup, "no memory");
        return;
    }
    lookup.filter.route = lookup.route;
    reader_send(reader, &lookup);
}

/* ---- life ---- */

static void reading_free(struct reading *reading)
{
    if (!reading)
        return;
    statements_free(reading->statements);
    sqlite3_close(reading->db);
    free(reading);
}

static struct reading *reading_new(const char *path, ferry_error *error)
{
    struct reading *reading = calloc(1, sizeof *reading);
    if (!reading) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    reading->until_us = clock_monotonic_us_after(MAX_READ_MS);
    reading->db = database_open_reader(path, error);
    if (reading->db)
        reading->statements = statements_new(reading->db, true, error);
    if (!reading->statements) {
        reading_free(reading);
        return NULL;
    }
    sqlite3_progress_handler(reading->db, PROGRESS_STEPS, on_progress, reading);
    return reading;
}

static void reader_free(struct reader *reader)
{
    ferry_executor_free(reader->thread);
    reading_free(reader->reading);
    free(reader);
}

static int reader_start(struct reader *reader, const char *path, ferry_error *error)
{
    reader->reading = reading_new(path, error);
    if (!reader->reading)
        return FERRY_INTERNAL;
    reader->thread = ferry_executor_new(&(ferry_executor_options){.name = "lookup", .threads = 1});
    if (!reader->thread)
        return ferry_error_set(error, FERRY_INTERNAL, "no thread for the jobs' database");
    return 0;
}

struct reader *reader_open(ferry_loop *loop, const char *path, ferry_error *error)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    reader->loop = loop;
    if (reader_start(reader, path, error) < 0) {
        reader_free(reader);
        return NULL;
    }
    return reader;
}

/* Answer what is still on its way. If the thread has ended, what it found is there. */
static void reader_answer(struct reader *reader, bool has_ended)
{
    while (reader->lookups) {
        struct lookup *lookup = reader->lookups;
        lookup_detach(lookup);
        if (has_ended && lookup->has_run)
            lookup_answer(lookup);
        else
            lookup_refuse(lookup, "the server is closing");
    }
}

int reader_close(struct reader *reader, int64_t deadline_ms)
{
    int rc = ferry_executor_shutdown(reader->thread, deadline_ms);
    reader_answer(reader, rc == 0);
    if (rc == 0) {
        reader_free(reader);
        return 0;
    }
    /* The connection stays: it is the thread's, until the process ends. */
    ferry_executor_free(reader->thread);
    free(reader);
    return rc;
}
