/*
 * The store's side on the loop.
 *
 * Group commit. Operations wait in a list that belongs to the loop. When no batch is in flight, the
 * list goes to the writing thread as one batch, which is one commit, when a turn of the loop
 * has brought nothing more: an idle store commits what came in together, a busy one gathers while
 * the commit before is on its way, and the group grows with the load. A batch is answered before
 * the next one goes, so that who asks again at once comes with that, not behind it. Operations are
 * run, committed and answered in the order in which they came.
 *
 * A batch belongs to the writing thread from its submit until its `done` on the loop. One
 * whose store has closed meanwhile has `store` NULL and only frees itself.
 *
 * Closing stops the writing thread first; then its connection is the closing thread's own, and what
 * still waits is committed right there.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/executor.h>
#include <ferry/log.h>

#include "bytes.h"
#include "clock.h"
#include "database.h"
#include "folder_lock.h"
#include "late_lookup.h"
#include "shift.h"
#include "writer.h"

enum {
    MAX_WAITING = 65536, /* inserts beyond these are refused */
    MAX_WAITING_BYTES = 256 << 20,
    MAX_BATCH = 4096, /* a bound on how long one commit takes */
    GATHER_TURNS = 3, /* of the loop: a batch waits no longer for more to come */
    RESUBMIT_PAUSE_MS = 1000,
    IDLE_THREAD_MS = 1000, /* to end a thread that has nothing to do */
};

struct batch {
    struct store *store; /* NULL: the store has closed */
    struct writer *writer;
    struct operation *first;
    unsigned count;
    int64_t run_us;
    int64_t wal_bytes; /* after it, as the next one */
    bool has_all_rows;
};

struct store {
    ferry_loop *loop;
    int lock_fd;
    char *path;
    struct writer *writer;
    ferry_executor *write_thread;
    struct reader *reader;
    struct started *started; /* may be NULL */

    struct operation *first, **end; /* what waits for the next batch */
    unsigned count;
    size_t bytes;
    struct batch *batch;     /* in flight; NULL: none */
    ferry_timer next_submit; /* 0: not before the batch is back, or nothing waits */
    bool is_gathering;
    unsigned seen, turns;      /* how many at the last look, and how many looks */
    void (*handed)(void *arg); /* may be NULL */
    void *handed_arg;
    bool closing;
    bool has_all_rows; /* after the last batch: no job is without one (arrivals.h) */

    struct store_stats stats;
    int64_t wal_bytes;                       /* after the last batch */
    struct metrics *metrics;                 /* may be NULL */
    struct metric_histogram *commit_seconds; /* may be NULL, as the next one */
    struct metric_counter *operations, *failed;
};

/* ---- batches ---- */

static void batch_run(void *arg)
{
    struct batch *batch = arg;
    int64_t started_us = clock_monotonic_us();
    writer_run(batch->writer, batch->first);
    batch->run_us = clock_monotonic_us() - started_us;
    batch->wal_bytes = writer_wal_bytes(batch->writer);
    batch->has_all_rows = writer_has_all_rows(batch->writer);
}

/* Answer the operations of a batch. Each may be freed by its done. */
static void batch_answer(struct batch *batch)
{
    struct store *store = batch->store;
    store->stats.commits++;
    store->stats.operations += batch->count;
    store->wal_bytes = batch->wal_bytes;
    store->has_all_rows = batch->has_all_rows;
    if (store->commit_seconds)
        metrics_observe_us(store->commit_seconds, batch->run_us);
    if (store->operations)
        store->operations->value += batch->count;
    struct operation *next;
    for (struct operation *at = batch->first; at; at = next) {
        next = at->next;
        if (store->failed && at->error.code && !operation_is_answer(at->error.code))
            store->failed->value++;
        at->done(at);
    }
}

static void store_submit(struct store *store);
static void store_submit_soon(struct store *store);

static void batch_done(void *arg, const ferry_task_report *report)
{
    (void)report; /* a batch is only cancelled by store_close, which has taken it over then */
    struct batch *batch = arg;
    struct store *store = batch->store;
    if (store) {
        store->batch = NULL;
        batch_answer(batch);
        store_submit_soon(store);
    }
    free(batch);
}

static void batch_dropped(void *arg, const ferry_task_report *report)
{
    (void)report;
    free(arg);
}

static size_t operation_bytes(const struct operation *operation)
{
    return operation->kind == OPERATION_INSERT
               ? ((const struct insert_operation *)operation)->length
               : 0;
}

/* Cut the next batch off the list. */
static void store_take(struct store *store, struct batch *batch)
{
    batch->first = store->first;
    struct operation *last = NULL;
    while (store->first && batch->count < MAX_BATCH) {
        last = store->first;
        store->first = last->next;
        store->count--;
        store->bytes -= operation_bytes(last);
        batch->count++;
    }
    last->next = NULL;
    if (!store->first)
        store->end = &store->first;
}

/* Put a batch that could not be submitted back before what waits. */
static void store_put_back(struct store *store, struct batch *batch)
{
    struct operation **end = &batch->first;
    for (; *end; end = &(*end)->next)
        store->bytes += operation_bytes(*end);
    *end = store->first;
    if (!store->first)
        store->end = end;
    store->first = batch->first;
    store->count += batch->count;
}

static void on_resubmit(void *arg);

/* Submit what waits, unless a batch is in flight. Without memory for it, it waits on. */
static void store_submit(struct store *store)
{
    if (store->batch || !store->first || store->closing || store->next_submit)
        return;
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch) {
        batch->store = store;
        batch->writer = store->writer;
        store_take(store, batch);
        ferry_task_work work = {
            .run = batch_run, .done = batch_done, .dropped = batch_dropped, .arg = batch};
        if (ferry_executor_submit(store->write_thread, store->loop, &work, NULL)) {
            store->batch = batch;
            return;
        }
        store_put_back(store, batch);
        free(batch);
    }
    store->next_submit = ferry_loop_call_later(store->loop, RESUBMIT_PAUSE_MS, on_resubmit, store);
}

static void on_resubmit(void *arg)
{
    struct store *store = arg;
    store->next_submit = 0;
    store_submit(store);
}

/* A turn's timers come after its sockets. */
static void on_turn(void *arg)
{
    struct store *store = arg;
    store->next_submit = 0;
    if (store->count > store->seen && store->turns++ < GATHER_TURNS) {
        store->seen = store->count;
        store->next_submit = ferry_loop_call_later(store->loop, 0, on_turn, store);
    }
    store->is_gathering = store->next_submit != 0;
    store_submit(store);
    if (!store->is_gathering && store->handed)
        store->handed(store->handed_arg);
}

/* Submit when the loop has handled what is there to be handled. */
static void store_submit_soon(struct store *store)
{
    if (store->batch || !store->first || store->closing || store->next_submit)
        return;
    store->seen = store->turns = 0;
    store->next_submit = ferry_loop_call_later(store->loop, 0, on_turn, store);
    store->is_gathering = store->next_submit != 0;
    store_submit(store); /* without memory for a timer, at once */
}

void store_on_handed(struct store *store, void (*handed)(void *arg), void *arg)
{
    store->handed = handed;
    store->handed_arg = arg;
}

bool store_is_gathering(const struct store *store)
{
    return store->is_gathering;
}

bool store_has_room(const struct store *store, size_t bytes)
{
    return store->count < MAX_WAITING &&
           (store->count == 0 || store->bytes + bytes <= MAX_WAITING_BYTES);
}

void store_write(struct store *store, struct operation *operation)
{
    operation->next = NULL;
    *store->end = operation;
    store->end = &operation->next;
    store->count++;
    store->bytes += operation_bytes(operation);
    store_submit_soon(store);
}

struct started *store_started(struct store *store)
{
    return store->started;
}

bool store_is_idle(const struct store *store)
{
    return !store->first && !store->batch;
}

bool store_is_closing(const struct store *store)
{
    return store->closing;
}

void store_get_stats(const struct store *store, struct store_stats *stats)
{
    *stats = store->stats;
}

/* ---- look-ups ---- */

void store_find(struct store *store, const char *id, job_found *found, void *arg)
{
    if (store->has_all_rows)
        reader_find(store->reader, id, found, arg);
    else
        late_find(store, store->reader, id, found, arg);
}

void store_list(struct store *store, const struct job_filter *filter, jobs_listed *listed,
                void *arg)
{
    if (store->has_all_rows)
        reader_list(store->reader, filter, listed, arg);
    else
        late_list(store, store->reader, filter, listed, arg);
}

/* ---- opening ---- */

static int store_open_writer(struct store *store, ferry_error *error)
{
    bool damaged = false;
    store->writer = writer_open(store->path, &damaged, error);
    if (store->writer)
        return 0;
    return damaged ? database_set_aside(store->path, error) : FERRY_INTERNAL;
}

static int store_report(struct store *store, const struct started *before, unsigned max_crashes,
                        const struct store_visitor *visitor, ferry_error *error)
{
    struct statements *statements = writer_statements(store->writer);
    int64_t now_ms = clock_wall_ms();
    int rc = shift_at_start(statements, now_ms, error);
    if (rc == 0 && before)
        rc = report_unstarted(statements, before, now_ms, error);
    if (rc == 0)
        rc = report_interrupt(statements, writer_boot(store->writer), max_crashes, now_ms,
                              visitor->interrupted, visitor->arg, error);
    if (rc == 0)
        rc = report_count(statements, visitor->count, visitor->arg, error);
    if (rc == 0 && visitor->paused)
        rc = report_paused(statements, visitor->paused, visitor->arg, error);
    if (rc == 0 && visitor->slot)
        rc = report_slots(statements, visitor->slot, visitor->arg, error);
    return rc;
}

/* What the process before has noted is read before it is replaced. */
static int store_take_over(struct store *store, const char *folder, unsigned max_crashes,
                           const struct store_visitor *visitor, ferry_error *error)
{
    struct started *before = started_read(folder);
    int rc = store_report(store, before, max_crashes, visitor, error);
    started_free(before);
    if (rc < 0)
        return rc;
    store->started = started_new(folder, writer_boot(store->writer));
    if (!store->started)
        ferry_log(FERRY_LOG_WARN, "no job is claimed ahead of a free thread", "error=%s",
                  "the file of what has started cannot be made");
    return 0;
}

static int store_start(struct store *store, ferry_error *error)
{
    store->reader = reader_open(store->loop, store->path, error);
    if (!store->reader)
        return FERRY_INTERNAL;
    /* Not in SCHED_BATCH: whatever computes on its core would keep it from hearing of the disk. */
    store->write_thread =
        ferry_executor_new(&(ferry_executor_options){.name = "store", .threads = 1});
    if (!store->write_thread)
        return ferry_error_set(error, FERRY_INTERNAL, "no thread for the jobs' database");
    return 0;
}

static double read_wal_bytes(void *arg)
{
    const struct store *store = arg;
    return store ? (double)store->wal_bytes : 0;
}

/* Have the gauge ask `store`, or, with NULL, nobody any more. */
static void store_gauge_wal(struct metrics *metrics, struct store *store)
{
    if (metrics)
        metrics_gauge(metrics, "ferry_store_wal_bytes",
                      "How big the write-ahead log of the jobs' database is.", "", read_wal_bytes,
                      store);
}

static void store_count(struct store *store, struct metrics *metrics)
{
    if (!metrics)
        return;
    store->metrics = metrics;
    store->wal_bytes = writer_wal_bytes(store->writer);
    store_gauge_wal(metrics, store);
    store->commit_seconds =
        metrics_histogram(metrics, "ferry_store_commit_seconds",
                          "How long a transaction of the jobs' database took.", "");
    store->operations =
        metrics_counter(metrics, "ferry_store_operations_total",
                        "Writes to the jobs' database; several share a transaction.", "");
    store->failed =
        metrics_counter(metrics, "ferry_store_failed_total",
                        "Writes to the jobs' database that failed: a full disk, an I/O error.", "");
}

static void store_free(struct store *store);

struct store *store_open(ferry_loop *loop, const char *folder, unsigned max_crashes,
                         struct metrics *metrics, const struct store_visitor *visitor,
                         ferry_error *error)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store || !(store->path = text_printf("%s/jobs.db", folder))) {
        free(store);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    store->loop = loop;
    store->end = &store->first;
    store->has_all_rows = true;
    store->lock_fd = folder_lock_take(folder, error);
    if (store->lock_fd < 0 || store_open_writer(store, error) < 0 ||
        store_take_over(store, folder, max_crashes, visitor, error) < 0 ||
        store_start(store, error) < 0) {
        store_free(store);
        return NULL;
    }
    store_count(store, metrics);
    return store;
}

/* ---- closing ---- */

static void store_free(struct store *store)
{
    if (store->reader) /* first: the writer's close is then the last one, and empties the WAL */
        reader_close(store->reader, IDLE_THREAD_MS);
    ferry_executor_free(store->write_thread);
    writer_close(store->writer);
    started_free(store->started);
    folder_lock_give_back(store->lock_fd);
    free(store->path);
    free(store);
}

/* The writing thread has ended: answer what it wrote, then write the rest ourselves. */
static void store_write_rest(struct store *store)
{
    struct batch *batch = store->batch;
    if (batch) {
        batch_answer(batch);
        batch->store = NULL; /* its way back through the loop is still to come */
        store->batch = NULL;
    }
    while (store->first) {
        struct batch rest = {.store = store, .writer = store->writer};
        store_take(store, &rest);
        batch_run(&rest);
        batch_answer(&rest);
    }
}

/* A thread is still inside SQLite: what it works with, and the folder's lock, must stay. */
static void store_abandon(struct store *store)
{
    ferry_log(FERRY_LOG_ERROR, "the jobs' database did not finish in time", NULL);
    if (store->batch)
        store->batch->store = NULL;
    ferry_executor_free(store->write_thread);
    started_free(store->started);
    free(store->path);
    free(store);
}

int store_close(struct store *store, int64_t deadline_ms)
{
    int64_t until_ms = clock_monotonic_ms() + deadline_ms;
    store->closing = true;
    store_gauge_wal(store->metrics, NULL);
    ferry_loop_cancel(store->loop, store->next_submit);
    int written = ferry_executor_shutdown(store->write_thread, deadline_ms);
    if (written == 0)
        store_write_rest(store);
    int64_t left_ms = until_ms - clock_monotonic_ms();
    int read = reader_close(store->reader, left_ms > IDLE_THREAD_MS ? left_ms : IDLE_THREAD_MS);
    store->reader = NULL;
    if (written < 0 || read < 0) {
        store_abandon(store);
        return FERRY_DEADLINE;
    }
    store_free(store);
    return 0;
}
