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
static void make_id(struct chance *chance, char id[RANDOM_ID_TEXT_SIZE])
{
    unsigned char bits[RANDOM_ID_BYTES];
    for (size_t i = 0; i < sizeof bits; i++)
        bits[i] = (unsigned char)chance_next(chance);
    job_id_format(bits, id);
}

struct entry *workload_add_entry(struct workload *workload)
{
    struct chance *chance = &workload->chance;
    unsigned most = chance_of(chance, 70) ? 300 : workload->biggest_bytes;
    size_t length = 1 + chance_below(chance, most);
    char *block = malloc(length);
    if (!block)
        abort();
    memset(block, (int)(workload->now_ms & 0xff), length);
    struct entry *entry = ledger_add(&workload->ledger, workload_route(workload), block, length);
    make_id(chance, entry->id);
    make_id(chance, entry->delivery_id);
    return entry;
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

/* Returns whether it is a callback, whose id nobody knows. */
static bool check_row(struct workload *workload, sqlite3_stmt *at)
{
    if (strcmp((const char *)sqlite3_column_text(at, 8), JOB_CALLBACK_ROUTE) == 0)
        return true;
    char id[RANDOM_ID_TEXT_SIZE] = "";
    if (sqlite3_column_bytes(at, 0) == RANDOM_ID_BYTES)
        job_id_format(sqlite3_column_blob(at, 0), id);
    struct view row = {
        .is_there = true,
        .state = (enum job_state)sqlite3_column_int(at, 1),
        .attempt = (unsigned)sqlite3_column_int(at, 2),
        .crashes = (unsigned)sqlite3_column_int(at, 3),
        .run_at_ms = sqlite3_column_int64(at, 4),
        .finished_ms = sqlite3_column_int64(at, 5),
        .is_cancelling = sqlite3_column_int(at, 7),
    };
    const void *block = sqlite3_column_blob(at, 6);
    const char *wrong =
        ledger_check_row(&workload->ledger, id, &row, block, (size_t)sqlite3_column_bytes(at, 6));
    if (wrong)
        workload_fail(workload, wrong, id);
    if (row.state == JOB_RUNNING)
        workload_fail(workload, "a job runs that no process has", id);
    return false;
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
    static const char all[] = "SELECT id, state, attempt, crashes, run_at_ms, finished_ms, block,"
                              " is_cancelling, route"
                              " FROM jobs LEFT JOIN inputs ON inputs.job = jobs.job";
    sqlite3 *db;
    sqlite3_stmt *at;
    ledger_start_check(&workload->ledger);
    if (sqlite3_open_v2(workload->database, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        workload_fail(workload, "the database does not open", sqlite3_errmsg(db));
    check_integrity(workload, db);
    if (sqlite3_prepare_v2(db, all, -1, &at, NULL) != SQLITE_OK)
        workload_fail(workload, "the jobs cannot be read", sqlite3_errmsg(db));
    unsigned callbacks = 0;
    int rc;
    while ((rc = sqlite3_step(at)) == SQLITE_ROW)
        callbacks += check_row(workload, at);
    if (rc != SQLITE_DONE)
        workload_fail(workload, "the jobs cannot be read", sqlite3_errmsg(db));
    sqlite3_finalize(at);
    sqlite3_close(db);
    const char *lost = ledger_check_missing(&workload->ledger);
    if (lost)
        workload_fail(workload, "an acknowledged job is lost", lost);
    if (callbacks != ledger_count_callbacks(&workload->ledger))
        workload_fail(workload, "a callback is missing, or there is one too many", "");
    check_reports(workload);
}
