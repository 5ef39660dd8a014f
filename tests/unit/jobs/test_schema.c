/* The schema: a database of an earlier version is brought up to this one, and nothing is lost. */
#include "folder.h"

#include "database.h"
#include "schema_1.h"

/* A job in each state, with everything that a job of that version could have. */
static const char rows_1[] =
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 6)"
    " INSERT INTO jobs SELECT i + 1, randomblob(16), randomblob(16), '/r' || i, 'w', i, i, 10 + i,"
    "  5, 1000 + i, 2000 + i, 3000 + i, iif(i > 3, 4000 + i, NULL), iif(i = 2, x'00', NULL),"
    "  iif(i = 2, 99, NULL), -4, 'why', 200, 'text/plain', x'616263' FROM n;"
    "INSERT INTO inputs SELECT job, x'0102030405' FROM jobs;"
    "CREATE TABLE before AS SELECT * FROM jobs;";

static void make_version_1(struct folder *folder)
{
    sqlite3 *db;
    folder_make(folder);
    assert_int_equal(sqlite3_open(folder->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, schema_1, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, rows_1, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void open_and_close(const struct folder *folder)
{
    ferry_error error = {0};
    sqlite3 *db = database_open_writer(folder->database, NULL, &error);
    if (!db)
        fail_msg("%s", error.message);
    sqlite3_close(db);
}

static void a_database_of_version_1_keeps_all_that_is_in_it(void **ctx)
{
    (void)ctx;
    struct folder folder;
    make_version_1(&folder);
    open_and_close(&folder);
    assert_int_equal(folder_query(&folder, "PRAGMA user_version"), 6);
    assert_int_equal(
        folder_query(&folder,
                     "SELECT count(*) FROM (SELECT * FROM before INTERSECT SELECT job, id,"
                     " delivery_id, route, worker, state, attempt, crashes, input_bytes,"
                     " created_ms, run_at_ms, started_ms, finished_ms, boot, token, error_code,"
                     " error, result_status, result_type, result FROM jobs)"),
        7);
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM inputs"), 7);
    assert_int_equal(folder_query(&folder,
                                  "SELECT count(*) FROM jobs WHERE version = 1 AND is_wall = 0"
                                  " AND is_cancelling = 0 AND callback IS NULL AND memory IS NULL"),
                     7);
    folder_remove(&folder);
}

static void a_migrated_database_has_the_tables_of_a_new_one(void **ctx)
{
    (void)ctx;
    struct folder old, new;
    make_version_1(&old);
    open_and_close(&old);
    folder_make(&new);
    open_and_close(&new);
    char sql[320];
    snprintf(sql, sizeof sql,
             "ATTACH '%s' AS new; DROP TABLE before;"
             "CREATE TABLE difference AS"
             " SELECT name, sql FROM new.sqlite_schema EXCEPT SELECT name, sql FROM sqlite_schema",
             new.database);
    folder_sql(&old, sql);
    assert_int_equal(folder_query(&old, "SELECT count(*) FROM difference"), 0);
    folder_remove(&new);
    folder_remove(&old);
}

/* ---- version 5 ---- */

/* A new one, with what version 6 added taken away, and something in each of its tables. */
static const char version_5[] =
    "DROP TABLE packs; PRAGMA user_version = 5;"
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 6)"
    " INSERT INTO jobs (job, id, delivery_id, route, worker, state, attempt, input_bytes,"
    "                   created_ms, run_at_ms, finished_ms, result_status, result, version)"
    " SELECT i + 1, randomblob(16), randomblob(16), '/r', 'w', i, 1, 5, 1000 + i, 2000 + i,"
    "  iif(i > 3, 4000 + i, NULL), 200, x'616263', 3 FROM n;"
    "INSERT INTO inputs SELECT job, x'0102030405' FROM jobs;"
    "INSERT INTO keys (route, key, fingerprint, job) VALUES ('/r', 'k', zeroblob(16), 1);"
    "INSERT INTO schedules (name, slot_ms, job, job_slot_ms) VALUES ('s', 7, 2, 7);"
    "INSERT INTO paused VALUES ('/r', 3);"
    "INSERT INTO retired VALUES (randomblob(16), 4);"
    "INSERT INTO clock (one, wall_ms, job) VALUES (1, 5, 6);"
    "INSERT INTO journal (one, boot, number) VALUES (1, zeroblob(16), 8);";

static const char *const tables_5[] = {"jobs",   "inputs",  "keys",  "schedules",
                                       "paused", "retired", "clock", "journal"};

/* Copy each table aside. */
static void remember_tables(const struct folder *folder)
{
    char sql[128];
    for (size_t i = 0; i < sizeof tables_5 / sizeof tables_5[0]; i++) {
        snprintf(sql, sizeof sql, "CREATE TABLE before_%s AS SELECT * FROM %s", tables_5[i],
                 tables_5[i]);
        folder_sql(folder, sql);
    }
}

static void expect_tables_as_before(const struct folder *folder)
{
    char sql[256];
    for (size_t i = 0; i < sizeof tables_5 / sizeof tables_5[0]; i++) {
        const char *table = tables_5[i];
        snprintf(sql, sizeof sql,
                 "SELECT count(*) > 0 AND count(*) = (SELECT count(*) FROM before_%s)"
                 " FROM (SELECT * FROM %s INTERSECT SELECT * FROM before_%s)",
                 table, table, table);
        assert_int_equal(folder_query(folder, sql), 1);
    }
}

static void a_database_of_version_5_keeps_all_that_is_in_it(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    open_and_close(&folder);
    int64_t parts = folder_query(&folder, "SELECT count(*) FROM sqlite_schema");
    folder_sql(&folder, version_5);
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM sqlite_schema"), parts - 3);
    remember_tables(&folder);
    open_and_close(&folder);
    assert_int_equal(folder_query(&folder, "PRAGMA user_version"), 6);
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM packs"), 0);
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM sqlite_schema"
                                           " WHERE name NOT LIKE 'before%'"),
                     parts);
    expect_tables_as_before(&folder);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_of_version_1_keeps_all_that_is_in_it),
        cmocka_unit_test(a_migrated_database_has_the_tables_of_a_new_one),
        cmocka_unit_test(a_database_of_version_5_keeps_all_that_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
