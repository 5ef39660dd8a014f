/* The jobs of a workload: made up, put into an old database, and compared with what is on disk. */
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "job_id.h"
#include "jobs/schema_1.h"

enum { OLD_JOBS = 8 };

const char *const workload_routes[WORKLOAD_ROUTES] = {"/one", "/two"};

void workload_fail(const struct workload *workload, const char *what, const char *which)
{
    fprintf(stderr, "%s: %s%s%s\n", workload->name, what, *which ? ": " : "", which);
    exit(1);
}

/* ---- made up ---- */

const char *workload_route(struct workload *workload)
{
    return workload_routes[chance_below(&workload->chance, WORKLOAD_ROUTES)];
}

/* As chance says, so that a seed repeats it. */
static void make_bits(struct chance *chance, unsigned char bits[RANDOM_ID_BYTES])
{
    for (size_t i = 0; i < RANDOM_ID_BYTES; i++)
        bits[i] = (unsigned char)chance_next(chance);
}

/* It begins with the time, as job_id_make has it. */
static void make_id(struct workload *workload, char id[RANDOM_ID_TEXT_SIZE])
{
    unsigned char bits[RANDOM_ID_BYTES];
    make_bits(&workload->chance, bits);
    for (int i = 0; i < 4; i++)
        bits[i] = (unsigned char)(workload->now_ms >> (24 - 8 * i));
    job_id_format(bits, id);
}

struct entry *workload_add_job(struct workload *workload, const char *route, size_t length)
{
    unsigned char bits[RANDOM_ID_BYTES];
    char *block = malloc(length);
    if (!block)
        abort();
    memset(block, (int)(workload->now_ms & 0xff), length);
    struct entry *entry = ledger_add(&workload->ledger, route, block, length);
    make_id(workload, entry->id);
    make_bits(&workload->chance, bits);
    job_id_format(bits, entry->delivery_id);
    return entry;
}

struct entry *workload_add_entry(struct workload *workload)
{
    struct chance *chance = &workload->chance;
    unsigned most = chance_of(chance, 70) ? 300 : workload->biggest_bytes;
    size_t length = 1 + chance_below(chance, most);
    return workload_add_job(workload, workload_route(workload), length);
}

/* ---- in an old database ---- */

static void add_old_job(struct workload *workload, sqlite3 *db)
{
    struct entry *entry = workload_add_entry(workload);
    struct insert_operation insert = {
        .base.kind = OPERATION_INSERT, .state = JOB_QUEUED, .run_at_ms = workload->now_ms};
    char *sql = sqlite3_mprintf("INSERT INTO jobs (id, delivery_id, route, worker, state,"
                                " input_bytes, created_ms, run_at_ms)"
                                " VALUES (x'%s', x'%s', %Q, 'w', 1, %d, %lld, %lld);"
                                "INSERT INTO inputs VALUES (last_insert_rowid(),"
                                " CAST(replace(hex(zeroblob(%d)), '00', char(%d)) AS BLOB))",
                                entry->id, entry->delivery_id, entry->route, (int)entry->length,
                                workload->now_ms, workload->now_ms, (int)entry->length,
                                (int)(workload->now_ms & 0x7f));
    memset(entry->block, (int)(workload->now_ms & 0x7f), entry->length);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        workload_fail(workload, "an old database cannot be made", sqlite3_errmsg(db));
    sqlite3_free(sql);
    entry_apply(entry, &insert.base, true);
    workload->now_ms++;
}

void workload_start_old(struct workload *workload)
{
    sqlite3 *db;
    if (sqlite3_open(workload->database, &db) != SQLITE_OK ||
        sqlite3_exec(db, schema_1, NULL, NULL, NULL) != SQLITE_OK)
        workload_fail(workload, "an old database cannot be made", sqlite3_errmsg(db));
    workload->now_ms += 64; /* no job's input is of NULs */
    for (int i = 0; i < OLD_JOBS; i++)
        add_old_job(workload, db);
    sqlite3_close(db);
}

/* ---- what is on disk ---- */

static void column_text_id(sqlite3_stmt *at, int column, char id[RANDOM_ID_TEXT_SIZE])
{
    *id = '\0';
    if (sqlite3_column_bytes(at, column) == RANDOM_ID_BYTES)
        job_id_format(sqlite3_column_blob(at, column), id);
}

/* The columns are those of check_rows. */
static void check_row(struct workload *workload, sqlite3_stmt *at)
{
    struct disk_job job = {
        .route = (const char *)sqlite3_column_text(at, 2),
        .view = {.is_there = true,
                 .state = (enum job_state)sqlite3_column_int(at, 3),
                 .attempt = (unsigned)sqlite3_column_int(at, 4),
                 .crashes = (unsigned)sqlite3_column_int(at, 5),
                 .run_at_ms = sqlite3_column_int64(at, 6),
                 .finished_ms = sqlite3_column_int64(at, 7),
                 .is_cancelling = sqlite3_column_int(at, 8)},
        .input_bytes = sqlite3_column_int64(at, 9),
        .block = sqlite3_column_blob(at, 10),
        .length = (size_t)sqlite3_column_bytes(at, 10),
        .result_status = sqlite3_column_int(at, 11),
        .result_type = (const char *)sqlite3_column_text(at, 12),
        .result = sqlite3_column_blob(at, 13),
        .result_length = (size_t)sqlite3_column_bytes(at, 13),
    };
    column_text_id(at, 0, job.id);
    column_text_id(at, 1, job.delivery_id);
    const char *wrong = ledger_check_job(&workload->ledger, &job);
    if (wrong)
        workload_fail(workload, wrong, job.id);
    if (job.view.state == JOB_RUNNING)
        workload_fail(workload, "a job runs that no process has", job.id);
}

/* Returns how many are callbacks, whose ids nobody knows. */
static unsigned check_rows(struct workload *workload, sqlite3 *db)
{
    static const char all[] =
        "SELECT id, delivery_id, route, state, attempt, crashes, run_at_ms, finished_ms,"
        " is_cancelling, input_bytes, block, result_status, result_type, result"
        " FROM jobs LEFT JOIN inputs ON inputs.job = jobs.job";
    sqlite3_stmt *at;
    unsigned callbacks = 0;
    int rc;
    if (sqlite3_prepare_v2(db, all, -1, &at, NULL) != SQLITE_OK)
        workload_fail(workload, "the jobs cannot be read", sqlite3_errmsg(db));
    while ((rc = sqlite3_step(at)) == SQLITE_ROW) {
        if (strcmp((const char *)sqlite3_column_text(at, 2), JOB_CALLBACK_ROUTE) == 0)
            callbacks++;
        else
            check_row(workload, at);
    }
    if (rc != SQLITE_DONE)
        workload_fail(workload, "the jobs cannot be read", sqlite3_errmsg(db));
    sqlite3_finalize(at);
    return callbacks;
}

static void check_integrity(struct workload *workload, sqlite3 *db)
{
    sqlite3_stmt *at;
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &at, NULL) != SQLITE_OK ||
        sqlite3_step(at) != SQLITE_ROW)
        workload_fail(workload, "the database cannot be checked", sqlite3_errmsg(db));
    const char *verdict = (const char *)sqlite3_column_text(at, 0);
    if (strcmp(verdict, "ok") != 0)
        workload_fail(workload, "the database is damaged", verdict);
    sqlite3_finalize(at);
}

/* What the store told when it opened. */
static void check_reports(struct workload *workload)
{
    struct paused *paused = &workload->paused;
    struct ledger *ledger = &workload->ledger;
    if ((paused->is && !paused->may_be) || (!paused->is && paused->must_be))
        workload_fail(workload, "a route's pause is forgotten, or made up", "");
    if (workload->slot_ms < ledger->least_slot || workload->slot_ms > ledger->most_slot)
        workload_fail(workload, "a schedule's slot is forgotten, or made up", "");
    paused->may_be = paused->must_be = paused->is;
    ledger->least_slot = ledger->most_slot = workload->slot_ms;
}

void workload_check(struct workload *workload)
{
    sqlite3 *db;
    ledger_start_check(&workload->ledger);
    if (sqlite3_open_v2(workload->database, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        workload_fail(workload, "the database does not open", sqlite3_errmsg(db));
    check_integrity(workload, db);
    unsigned callbacks = check_rows(workload, db);
    workload_check_packs(workload, db);
    sqlite3_close(db);
    const char *lost = ledger_check_missing(&workload->ledger);
    if (lost)
        workload_fail(workload, "an acknowledged job is lost", lost);
    if (callbacks != ledger_count_callbacks(&workload->ledger))
        workload_fail(workload, "a callback is missing, or there is one too many", "");
    check_reports(workload);
    workload_look_at_packed(workload);
}
