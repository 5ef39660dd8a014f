/*
 * Packs: what makes them, and what must be true of them on disk. How often the store had to do with
 * them is counted where it comes to packs.c (CMakeLists.txt has those calls come here first), so
 * that workloads without any are noticed. The counts are of all workloads and of any thread.
 */
#include "pack.h"

#include <stdio.h>
#include <string.h>

#include "arrivals.h"
#include "disk_vfs.h"
#include "job_id.h"
#include "packs.h"
#include "workload.h"

enum {
    RETENTION_MS = 200,
    ROOM = 500, /* for jobs that come otherwise */
    FLOODS = 3, /* of a hundred bursts */
    FLOOD = 12, /* bursts, of so many: */
    FLOOD_BURST = 100,
    BURST_LEAST = 8,
    BURST_MORE = 64,  /* most bursts, the others: */
    BURST_MANY = 140, /* are more than one pack */
    LENGTH = 200,     /* of most inputs, and so results; of others: */
    LONG = 3000,      /* a pack has no place for 64 of them */
    ODD = 10,         /* of a hundred jobs, in some bursts, as the next one */
    UNSETTLED = 3,
};

static struct {
    unsigned long seen, opened, retired, found, listed, early, known;
} counts;

/* Not in each run are the oldest given rows early, and the journal read again after that. */
bool workload_print_packs(void)
{
    printf(
        "packs: %lu seen on disk, %lu opened, %lu times some retired; %lu looks at a job in one, "
        "%lu listings with such; %lu times the oldest were packed early, of whom %lu were known "
        "when the journal was read again\n",
        counts.seen, counts.opened, counts.retired, counts.found, counts.listed, counts.early,
        counts.known);
    return counts.seen > 0 && counts.opened > 0 && counts.retired > 0 && counts.found > 0 &&
           counts.listed > 0;
}

static void count_one(unsigned long *count)
{
    __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
}

/* ---- counted ---- */

bool __real_arrivals_take_old(struct arrivals *arrivals);
bool __wrap_arrivals_take_old(struct arrivals *arrivals);
int __real_packs_have(struct statements *statements, int64_t job,
                      const unsigned char id[RANDOM_ID_BYTES], ferry_error *error);
int __wrap_packs_have(struct statements *statements, int64_t job,
                      const unsigned char id[RANDOM_ID_BYTES], ferry_error *error);
int __real_packs_open(struct statements *statements, int64_t job, ferry_error *error);
int __wrap_packs_open(struct statements *statements, int64_t job, ferry_error *error);
int __real_packs_find(struct statements *statements, const char *id, struct job_record *record,
                      ferry_error *error);
int __wrap_packs_find(struct statements *statements, const char *id, struct job_record *record,
                      ferry_error *error);
int __real_packs_list(struct statements *statements, int64_t bottom, int64_t top, const char *route,
                      size_t limit, struct listing *listing, ferry_error *error);
int __wrap_packs_list(struct statements *statements, int64_t bottom, int64_t top, const char *route,
                      size_t limit, struct listing *listing, ferry_error *error);
int __real_packs_retire(struct statements *statements, const char *route, int64_t before_ms,
                        unsigned least, packs_visit *visit, void *arg, ferry_error *error);
int __wrap_packs_retire(struct statements *statements, const char *route, int64_t before_ms,
                        unsigned least, packs_visit *visit, void *arg, ferry_error *error);

bool __wrap_arrivals_take_old(struct arrivals *arrivals)
{
    bool is_taken = __real_arrivals_take_old(arrivals);
    if (is_taken)
        count_one(&counts.early);
    return is_taken;
}

int __wrap_packs_have(struct statements *statements, int64_t job,
                      const unsigned char id[RANDOM_ID_BYTES], ferry_error *error)
{
    int rc = __real_packs_have(statements, job, id, error);
    if (rc == 1)
        count_one(&counts.known);
    return rc;
}

/* Rows that were written so far; 0 where that cannot be known. */
static int64_t rows_written(struct statements *statements)
{
    sqlite3_stmt *at = statement_of(statements, PACK_OF);
    return at ? sqlite3_total_changes64(sqlite3_db_handle(at)) : 0;
}

int __wrap_packs_open(struct statements *statements, int64_t job, ferry_error *error)
{
    int64_t before = rows_written(statements);
    int rc = __real_packs_open(statements, job, error);
    if (rc == 0 && rows_written(statements) > before)
        count_one(&counts.opened);
    return rc;
}

int __wrap_packs_find(struct statements *statements, const char *id, struct job_record *record,
                      ferry_error *error)
{
    int rc = __real_packs_find(statements, id, record, error);
    if (rc == 1)
        count_one(&counts.found);
    return rc;
}

int __wrap_packs_list(struct statements *statements, int64_t bottom, int64_t top, const char *route,
                      size_t limit, struct listing *listing, ferry_error *error)
{
    size_t before = listing->count;
    int rc = __real_packs_list(statements, bottom, top, route, limit, listing, error);
    if (listing->count > before)
        count_one(&counts.listed);
    return rc;
}

int __wrap_packs_retire(struct statements *statements, const char *route, int64_t before_ms,
                        unsigned least, packs_visit *visit, void *arg, ferry_error *error)
{
    int64_t before = rows_written(statements);
    int rc = __real_packs_retire(statements, route, before_ms, least, visit, arg, error);
    if (rc == 0 && rows_written(statements) > before)
        count_one(&counts.retired);
    return rc;
}

/* ---- bursts ---- */

static void insert_short(struct workload *workload, const char *route, size_t length)
{
    struct entry *entry = workload_add_job(workload, route, length);
    struct step *step = step_insert(workload, entry, JOB_RUNNING);
    step->operation.insert.is_short = true;
    entry->may_be_packed = true;
    step_write(step);
}

/* Some have jobs of another route among them, or longer results. */
static void insert_many(struct workload *workload, unsigned count)
{
    struct chance *chance = &workload->chance;
    const char *route = workload_route(workload);
    unsigned odd = chance_of(chance, 20) ? ODD : 0;
    unsigned longest = chance_of(chance, 80) ? LENGTH : LONG;
    for (; count > 0; count--) {
        bool is_odd = chance_of(chance, odd);
        workload->now_ms += chance_of(chance, 60);
        insert_short(workload, is_odd ? workload_route(workload) : route,
                     1 + chance_below(chance, longest));
    }
    workload_wait_for_answers(workload);
}

static unsigned some_jobs(struct workload *workload)
{
    struct chance *chance = &workload->chance;
    return BURST_LEAST + chance_below(chance, chance_of(chance, 80) ? BURST_MORE : BURST_MANY);
}

/* All that run, up to an entry, but for so many of a hundred. */
static void succeed(struct workload *workload, unsigned end, unsigned unsettled)
{
    struct chance *chance = &workload->chance;
    for (unsigned i = 0; i < end; i++) {
        struct entry *entry = &workload->ledger.entries[i];
        if (!entry_is_running(entry) || chance_of(chance, unsettled))
            continue;
        workload->now_ms++;
        step_settle(workload, entry, JOB_SUCCEEDED);
    }
    workload_wait_for_answers(workload);
}

/* Jobs have ended long enough ago. */
static void retire(struct workload *workload, unsigned limit)
{
    workload->now_ms += RETENTION_MS;
    for (unsigned i = 0; i < WORKLOAD_ROUTES; i++)
        step_retire(workload, workload_routes[i], limit);
    workload_wait_for_answers(workload);
    workload_look_at_asked(workload);
}

/* One of the newest. */
static void delete_one(struct workload *workload)
{
    struct ledger *ledger = &workload->ledger;
    unsigned back = 1 + chance_below(&workload->chance, BURST_LEAST);
    struct entry *entry = back <= ledger->count ? &ledger->entries[ledger->count - back] : NULL;
    if (!entry || entry->is_busy)
        return;
    workload->now_ms++;
    step_change(workload, entry, JOB_ACTION_DELETE);
    workload_wait_for_answers(workload);
}

void workload_use_packs(struct workload *workload)
{
    insert_many(workload, some_jobs(workload));
    succeed(workload, workload->ledger.count, 0);
    delete_one(workload);
    insert_many(workload, some_jobs(workload));
    succeed(workload, workload->ledger.count, 0);
    retire(workload, LEDGER_MAX_JOBS);
}

/* More than the store keeps without rows, while the newest run: the oldest get theirs, or packs,
 * and the journal goes on. */
static void flood(struct workload *workload)
{
    for (unsigned i = 0; i < FLOOD; i++) {
        unsigned before = workload->ledger.count;
        insert_many(workload, FLOOD_BURST);
        succeed(workload, before, 0);
    }
    if (workload->after_flood > 0 && disk_has_power())
        disk_cut_power_at(1 + chance_below(&workload->chance, workload->after_flood));
}

static bool has_room(const struct workload *workload, unsigned count)
{
    return workload->ledger.count + count + ROOM <= LEDGER_MAX_JOBS;
}

void workload_burst(struct workload *workload)
{
    struct chance *chance = &workload->chance;
    if (!has_room(workload, 2 * (BURST_LEAST + BURST_MANY)))
        return;
    if (chance_of(chance, FLOODS) && has_room(workload, FLOOD * FLOOD_BURST))
        flood(workload);
    if (!disk_has_power())
        return;
    unsigned bursts = 1 + chance_of(chance, 30);
    for (unsigned i = 0; i < bursts; i++)
        insert_many(workload, some_jobs(workload));
    if (chance_of(chance, 80))
        succeed(workload, workload->ledger.count, chance_of(chance, 20) ? UNSETTLED : 0);
    if (chance_of(chance, 25))
        delete_one(workload);
    if (chance_of(chance, 15))
        retire(workload, 1 + chance_below(chance, 2 * PACK_JOBS));
}

/* ---- on disk ---- */

struct pack_row {
    struct pack pack;
    int64_t id_from, id_to, finished_ms;
};

static int64_t id_time(const unsigned char *id)
{
    return (int64_t)id[0] << 24 | (int64_t)id[1] << 16 | (int64_t)id[2] << 8 | id[3];
}

static void check_packed(struct workload *workload, const struct pack_row *row,
                         const struct ended_job *ended)
{
    struct disk_job job = {
        .route = ended->route,
        .view = {.is_there = true,
                 .state = JOB_SUCCEEDED,
                 .attempt = 1,
                 .run_at_ms = ended->created_ms,
                 .finished_ms = ended->finished_ms},
        .input_bytes = ended->input_bytes,
        .result_status = ended->result_status,
        .result_type = ended->result_type,
        .result = ended->result,
        .result_length = ended->result_length,
        .is_packed = true,
    };
    job_id_format(ended->id, job.id);
    job_id_format(ended->delivery_id, job.delivery_id);
    const char *wrong = ledger_check_job(&workload->ledger, &job);
    if (wrong)
        workload_fail(workload, wrong, job.id);
    if (id_time(ended->id) < row->id_from || id_time(ended->id) > row->id_to)
        workload_fail(workload, "a job is in a pack that its id does not lead to", job.id);
    if (ended->finished_ms > row->finished_ms)
        workload_fail(workload, "a pack has finished before its jobs", job.id);
}

/* Returns its last number. */
static int64_t check_pack(struct workload *workload, sqlite3_stmt *at, int64_t above)
{
    struct ended_job job;
    int rc;
    struct pack_row row = {
        .pack = {.first = sqlite3_column_int64(at, 0),
                 .route = (const char *)sqlite3_column_text(at, 2),
                 .worker = (const char *)sqlite3_column_text(at, 3),
                 .ids = sqlite3_column_blob(at, 7),
                 .count = (size_t)sqlite3_column_int64(at, 1),
                 .jobs = sqlite3_column_blob(at, 8),
                 .length = (size_t)sqlite3_column_bytes(at, 8)},
        .id_from = sqlite3_column_int64(at, 4),
        .id_to = sqlite3_column_int64(at, 5),
        .finished_ms = sqlite3_column_int64(at, 6),
    };
    count_one(&counts.seen);
    if (row.pack.first <= above)
        workload_fail(workload, "packs have the same numbers", "");
    if (row.pack.count == 0 || row.pack.count > PACK_JOBS ||
        (size_t)sqlite3_column_bytes(at, 7) != row.pack.count * RANDOM_ID_BYTES)
        workload_fail(workload, "a pack has another count than it has ids", "");
    while ((rc = pack_next(&row.pack, &job)) > 0)
        check_packed(workload, &row, &job);
    if (rc < 0)
        workload_fail(workload, "a pack is damaged", "");
    return row.pack.first + (int64_t)row.pack.count - 1;
}

static sqlite3_stmt *prepare(struct workload *workload, sqlite3 *db, const char *sql)
{
    sqlite3_stmt *at;
    if (sqlite3_prepare_v2(db, sql, -1, &at, NULL) != SQLITE_OK)
        workload_fail(workload, "the packs cannot be read", sqlite3_errmsg(db));
    return at;
}

void workload_check_packs(struct workload *workload, sqlite3 *db)
{
    sqlite3_stmt *at = prepare(workload, db,
                               "SELECT first, count, route, worker, id_from, id_to, finished_ms,"
                               " ids, jobs FROM packs ORDER BY first");
    int64_t last = 0;
    int rc;
    while ((rc = sqlite3_step(at)) == SQLITE_ROW)
        last = check_pack(workload, at, last);
    if (rc != SQLITE_DONE)
        workload_fail(workload, "the packs cannot be read", sqlite3_errmsg(db));
    sqlite3_finalize(at);
    at = prepare(workload, db,
                 "SELECT 1 FROM packs JOIN jobs"
                 " ON job BETWEEN first AND first + count - 1 LIMIT 1");
    if (sqlite3_step(at) != SQLITE_DONE)
        workload_fail(workload, "a job has a row under a number of a pack", "");
    sqlite3_finalize(at);
}
