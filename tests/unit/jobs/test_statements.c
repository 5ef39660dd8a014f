/* The statements: that each can be prepared, and which index it uses, so that none gets slow with a
 * million jobs. */
#include "folder.h"

#include "database.h"
#include "statements.h"

static struct folder folder;
static sqlite3 *db;
static struct statements *statements;

static int set_up(void **ctx)
{
    (void)ctx;
    folder_make(&folder);
    db = database_open_writer(folder.database, NULL, NULL);
    assert_non_null(db);
    statements = statements_new(db, false, NULL);
    assert_non_null(statements);
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    statements_free(statements);
    sqlite3_close(db);
    folder_remove(&folder);
    return 0;
}

static void every_statement_fits_the_tables(void **ctx)
{
    (void)ctx;
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        if (!statement_of(statements, (enum statement)i))
            fail_msg("statement %d: %s", i, sqlite3_errmsg(db));
    }
}

static void what_cannot_be_prepared_fails_when_it_is_run_and_is_tried_again(void **ctx)
{
    (void)ctx;
    ferry_error error;
    database_exec(db, "ALTER TABLE schedules RENAME TO elsewhere", NULL);
    statement_abandon(statements, SLOTS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(statement_step(statements, SLOTS, &error), FERRY_INTERNAL);
        assert_non_null(strstr(error.message, "no such table"));
    }
    assert_false(statements_is_lost(statements));
    database_exec(db, "ALTER TABLE elsewhere RENAME TO schedules", NULL);
    assert_int_equal(statement_step(statements, SLOTS, &error), 0);
}

static void a_statement_whose_values_went_nowhere_does_not_run(void **ctx)
{
    (void)ctx;
    ferry_error error;
    database_exec(db,
                  "INSERT INTO paused VALUES ('/a', 1);"
                  "ALTER TABLE paused RENAME TO elsewhere",
                  NULL);
    sqlite3_bind_text(statement_of(statements, PAUSE), 1, "/b", -1, SQLITE_STATIC);
    database_exec(db, "ALTER TABLE elsewhere RENAME TO paused", NULL);
    sqlite3_bind_int64(statement_of(statements, PAUSE), 2, 1);
    assert_int_equal(statement_run(statements, PAUSE, &error), FERRY_INTERNAL);
    assert_non_null(strstr(error.message, "no such table"));

    sqlite3_bind_text(statement_of(statements, PAUSE), 1, "/b", -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement_of(statements, PAUSE), 2, 1);
    assert_int_equal(statement_run(statements, PAUSE, &error), 0);
    assert_int_equal(statements_changes(statements), 1);
}

/* Put the plan of a statement into `text`, a line a step. */
static void plan_of(enum statement which, char *text, size_t size)
{
    char sql[2048];
    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s",
             sqlite3_sql(statement_of(statements, which)));
    sqlite3_stmt *plan;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &plan, NULL), SQLITE_OK);
    size_t length = 0;
    *text = '\0';
    while (sqlite3_step(plan) == SQLITE_ROW)
        length += (size_t)snprintf(text + length, size - length, "%s\n",
                                   (const char *)sqlite3_column_text(plan, 3));
    assert_true(length < size);
    sqlite3_finalize(plan);
}

static bool is_of_the_start(enum statement which)
{
    return which == COUNT || which == PAUSED || which == SLOTS || which == COUNT_RETIRED;
}

static bool looks_at_the_newest_pack(enum statement which)
{
    return which == LAST_JOB || which == SET_CLOCK || which == LAST_WALL;
}

static bool is_pragma(enum statement which)
{
    return strncmp(sqlite3_sql(statement_of(statements, which)), "PRAGMA", 6) == 0;
}

static void no_statement_reads_a_whole_table_or_sorts_while_it_serves(void **ctx)
{
    (void)ctx;
    char plan[4096];
    for (int i = SAVEPOINT; i < STATEMENT_COUNT; i++) {
        enum statement which = (enum statement)i;
        if (is_of_the_start(which) || is_pragma(which) || which <= ROLLBACK_SAVEPOINT)
            continue;
        plan_of(which, plan, sizeof plan);
        bool is_last_wall = which == LAST_WALL; /* the newest row, and a table of one */
        if ((strstr(plan, "SCAN jobs") && !is_last_wall && which != SET_CLOCK) ||
            (strstr(plan, "SCAN packs") && !looks_at_the_newest_pack(which)) ||
            strstr(plan, "SCAN inputs") || strstr(plan, "SCAN keys") ||
            strstr(plan, "SCAN retired") || strstr(plan, "TEMP B-TREE"))
            fail_msg("%s\n%s", sqlite3_sql(statement_of(statements, which)), plan);
    }
}

static void expect_index(enum statement which, const char *use)
{
    char plan[4096];
    plan_of(which, plan, sizeof plan);
    if (!strstr(plan, use))
        fail_msg("no %s:\n%s", use, plan);
}

/* By its plan it scans packs, but it ends with the first one. */
static void a_look_at_the_newest_pack_takes_few_steps(void **ctx)
{
    (void)ctx;
    static const enum statement those[] = {LAST_JOB, LAST_WALL, SET_CLOCK};
    database_exec(db,
                  "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 5000)"
                  " INSERT INTO packs SELECT 1 + 64 * i, 64, '/r', 'w', i, i, i, x'', x'' FROM n",
                  NULL);
    for (size_t i = 0; i < sizeof those / sizeof those[0]; i++) {
        sqlite3_stmt *at = statement_of(statements, those[i]);
        if (those[i] == SET_CLOCK)
            sqlite3_bind_int64(at, 1, 7);
        assert_int_equal(statement_run(statements, those[i], NULL), 0);
        assert_in_range(sqlite3_stmt_status(at, SQLITE_STMTSTATUS_VM_STEP, 0), 1, 200);
    }
    int64_t newest;
    assert_int_equal(database_query_int(db, "SELECT job FROM clock", &newest, NULL), 0);
    assert_int_equal(newest, 5000 * 64);
}

static void each_statement_uses_the_index_that_was_made_for_it(void **ctx)
{
    (void)ctx;
    expect_index(FIND_DUE, "jobs_waiting (route=? AND run_at_ms<?)");
    expect_index(NEXT_DUE, "jobs_waiting (route=?)");
    expect_index(UNDO_CLAIM, "jobs_by_state (state=?)");
    expect_index(INTERRUPT, "jobs_by_state (state=?)");
    expect_index(SHIFT, "jobs_by_state (state<?)");
    expect_index(RETIRE, "jobs_final (route=? AND finished_ms<?)");
    expect_index(FORGET_RETIRED, "retired_by_time (retired_ms<?)");
    expect_index(LIST, "INTEGER PRIMARY KEY (rowid>? AND rowid<?)");
    expect_index(LIST_IN_STATE, "jobs_by_state (state=? AND rowid>? AND rowid<?)");
    expect_index(NEXT_BELOW_IN_STATE, "jobs_by_state (state=? AND rowid<?)");
    expect_index(NEXT_BELOW, "SEARCH packs USING INTEGER PRIMARY KEY (rowid<?)");
    expect_index(NEXT_BELOW, "SEARCH jobs USING INTEGER PRIMARY KEY (rowid<?)");
    expect_index(FIND_PACK, "packs_by_id (id_from>? AND id_from<?)");
    expect_index(FINAL_PACK, "packs_final (route=? AND finished_ms<?)");
    expect_index(PACK_OF, "SEARCH packs USING INTEGER PRIMARY KEY (rowid<?)");
    expect_index(PACKS_BETWEEN, "SEARCH packs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)");
    expect_index(DELETE_PACK, "SEARCH packs USING INTEGER PRIMARY KEY (rowid=?)");
    expect_index(ANY_ROW, "SEARCH jobs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)");
}

/* RETURNING makes one, and so does the list of an IN, be it that of a partial index. */
static void what_is_run_for_every_job_makes_no_table_in_memory(void **ctx)
{
    (void)ctx;
    static const enum statement every[] = {INSERT_JOB, INSERT_INPUT, FIND_DUE,   NEXT_DUE, CLAIM,
                                           SUCCEED,    SETTLE,       DROP_INPUT, RELEASE};
    for (size_t i = 0; i < sizeof every / sizeof every[0]; i++) {
        char sql[2048];
        snprintf(sql, sizeof sql, "EXPLAIN %s", sqlite3_sql(statement_of(statements, every[i])));
        sqlite3_stmt *step;
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &step, NULL), SQLITE_OK);
        while (sqlite3_step(step) == SQLITE_ROW)
            assert_string_not_equal((const char *)sqlite3_column_text(step, 1), "OpenEphemeral");
        sqlite3_finalize(step);
    }
}

/* Deleting a job looks for it in each table that refers to it. */
static void what_refers_to_a_job_is_found_by_an_index(void **ctx)
{
    (void)ctx;
    static const char *const sql[] = {
        "EXPLAIN QUERY PLAN DELETE FROM keys WHERE job = 1",
        "EXPLAIN QUERY PLAN UPDATE schedules SET job = NULL WHERE job = 1",
    };
    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
        sqlite3_stmt *plan;
        assert_int_equal(sqlite3_prepare_v2(db, sql[i], -1, &plan, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(plan), SQLITE_ROW);
        assert_non_null(strstr((const char *)sqlite3_column_text(plan, 3), "_job (job=?)"));
        sqlite3_finalize(plan);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_statement_fits_the_tables),
        TEST(what_cannot_be_prepared_fails_when_it_is_run_and_is_tried_again),
        TEST(a_statement_whose_values_went_nowhere_does_not_run),
        TEST(no_statement_reads_a_whole_table_or_sorts_while_it_serves),
        TEST(a_look_at_the_newest_pack_takes_few_steps),
        TEST(each_statement_uses_the_index_that_was_made_for_it),
        TEST(what_is_run_for_every_job_makes_no_table_in_memory),
        TEST(what_refers_to_a_job_is_found_by_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
