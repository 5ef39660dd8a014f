/* Jobs without rows when something fails: none is lost for it, and none is taken for another. */
#include "writing.h"

#include <limits.h>

#include "arrivals.h"
#include "clock.h"
#include "disk_vfs.h"

enum { PATIENCE_MS = 60000 };

static int set_up(void **ctx)
{
    disk_reset(0);
    return writing_set_up(ctx);
}

static int tear_down(void **ctx)
{
    disk_heal();
    return writing_tear_down(ctx);
}

/* The next `count` calls of a kind fail, from now on. */
static void fail_calls(unsigned calls, unsigned count, int code)
{
    disk_fail((struct disk_fault){.calls = calls, .first = 1, .count = count, .code = code});
}

static struct insert_operation write_short(void)
{
    struct insert_operation small = short_of();
    run(&small.base);
    return small;
}

static int64_t count(enum job_state state)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jobs WHERE state = %d", (int)state);
    return query(sql);
}

/* Write one that has no row, and needs none. */
static struct insert_operation insert_into_journal(void)
{
    struct insert_operation small = short_of();
    journal_begin();
    insert_added(&small);
    assert_false(writer_has_all_rows(writer));
    return small;
}

/* ---- a journal that fails ---- */

static void what_the_journal_does_not_take_the_tables_do(void **ctx)
{
    (void)ctx;
    static const unsigned calls[] = {DISK_OPEN, DISK_WRITE, DISK_SYNC};
    journal_begin();
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        fail_calls(calls[i], 1, 0);
        struct insert_operation small = write_short();
        assert_int_equal(disk_fault_count(), i + 1);
        assert_int_equal(small.base.error.code, FERRY_OK);
        assert_true(writer_has_all_rows(writer));
        assert_int_equal(count(JOB_RUNNING), i + 1);
        writing_reopen(); /* it would wait for a while before it tries again */
        journal_begin();
    }
}

static void after_it_has_failed_the_journal_is_used_again(void **ctx)
{
    (void)ctx;
    journal_begin();
    fail_calls(DISK_SYNC, 1, 0);
    struct insert_operation small = write_short();
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (writer_has_all_rows(writer) && clock_monotonic_ms() < until_ms) {
        small = write_short();
        assert_int_equal(small.base.error.code, FERRY_OK);
        usleep(10000);
    }
    assert_false(writer_has_all_rows(writer));
    assert_true(succeeds(&small));
}

static void what_neither_takes_is_in_doubt_and_can_be_undone(void **ctx)
{
    (void)ctx;
    journal_begin();
    fail_calls(DISK_SYNC, UINT_MAX, 0);
    struct insert_operation small = write_short();
    disk_heal();
    assert_int_equal(small.base.error.code, FERRY_REJECTED);
    assert_true(small.base.in_doubt);
    struct undo_operation undo = {.base = {.kind = OPERATION_UNDO}};
    memcpy(undo.id, small.id, sizeof undo.id);
    writing_reopen();
    assert_int_equal(run(&undo.base), FERRY_OK);
    assert_int_equal(count(JOB_RUNNING), 0);
}

static void what_the_journal_may_have_is_in_doubt(void **ctx)
{
    (void)ctx;
    journal_begin();
    folder_sql(&folder, "CREATE TRIGGER refuse BEFORE INSERT ON journal"
                        " BEGIN SELECT raise(ABORT, 'refused'); END");
    fail_calls(DISK_SYNC, 1, 0);
    struct insert_operation small = write_short();
    assert_int_equal(small.base.error.code, FERRY_REJECTED);
    assert_true(small.base.in_doubt);
}

static void what_the_tables_refuse_after_it_does_not_turn_up(void **ctx)
{
    (void)ctx;
    journal_begin();
    folder_sql(&folder, "CREATE TRIGGER refuse BEFORE INSERT ON jobs"
                        " BEGIN SELECT raise(ABORT, 'refused'); END");
    fail_calls(DISK_SYNC, 1, 0);
    struct insert_operation small = write_short();
    assert_int_equal(small.base.error.code, FERRY_REJECTED);
    assert_false(small.base.in_doubt);
    folder_sql(&folder, "DROP TRIGGER refuse");
    writing_reopen();
    assert_int_equal(count(JOB_RUNNING), 0);
}

/* ---- a damaged database ---- */

/* Read the journal as the next process, with the database damaged at its n-th read. Returns whether
 * there was one. */
static bool load_with_damage(unsigned n)
{
    static const unsigned char boot[RANDOM_ID_BYTES] = "the next process";
    sqlite3 *db;
    ferry_error error;
    assert_int_equal(sqlite3_open(folder.database, &db), SQLITE_OK);
    struct statements *statements = statements_new(db, false, &error);
    struct arrivals *arrivals = arrivals_new(folder.database, boot);
    assert_true(statements && arrivals);
    unsigned faults = disk_fault_count();
    disk_fail(
        (struct disk_fault){.calls = DISK_READ, .first = n, .count = 1, .code = SQLITE_CORRUPT});
    int rc = arrivals_load(arrivals, statements, &error);
    assert_true(rc < 0 || !arrivals_have_rows(arrivals));
    disk_heal();
    arrivals_free(arrivals);
    statements_free(statements);
    sqlite3_close(db);
    return disk_fault_count() > faults;
}

static void a_damaged_database_is_not_taken_for_a_damaged_entry(void **ctx)
{
    (void)ctx;
    insert_into_journal();
    for (unsigned n = 1; load_with_damage(n); n++)
        ;
}

/* ---- a row that cannot be given ---- */

static void a_row_that_is_given_by_half_is_none(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_into_journal();
    struct settle_operation dead = settle_of(small.claim, JOB_DEAD);
    ferry_error_set(&dead.failure, FERRY_INVALID, "why");
    folder_sql(&folder, "CREATE TRIGGER refuse BEFORE INSERT ON inputs"
                        " BEGIN SELECT raise(ABORT, 'refused'); END");
    assert_int_equal(run(&dead.base), FERRY_REJECTED);
    folder_sql(&folder, "DROP TRIGGER refuse");
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 2"), 0);
    assert_int_equal(run(&dead.base), FERRY_OK);
    assert_true(dead.changed);
    assert_int_equal(query("SELECT count(*) FROM jobs JOIN inputs ON inputs.job = jobs.job"
                           " WHERE state = 5"),
                     1);
    assert_true(writer_has_all_rows(writer));
}

/* ---- a full disk ---- */

static void an_end_that_cannot_be_written_is_none(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_into_journal();
    fail_calls(DISK_WRITE, UINT_MAX, SQLITE_FULL);
    assert_false(succeeds(&small));
    disk_heal();
    assert_true(succeeds(&small));
    assert_int_equal(count(JOB_SUCCEEDED), 1);
}

/* It has its place on disk already. */
static void the_end_of_the_last_one_goes_into_the_journal_then(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_into_journal();
    fail_calls(DISK_WRITE, 1, SQLITE_FULL);
    assert_true(succeeds(&small));
    assert_int_equal(disk_fault_count(), 1);
    assert_false(writer_has_all_rows(writer));
    assert_int_equal(count(JOB_RUNNING) + count(JOB_SUCCEEDED), 0);
    journal_begin();
    assert_true(writer_has_all_rows(writer));
    assert_int_equal(count(JOB_SUCCEEDED), 1);
}

static void other_ends_do_not_wait_for_the_rows_of_those(void **ctx)
{
    (void)ctx;
    struct insert_operation plain = insert_of(JOB_RUNNING), small = insert_into_journal();
    insert_added(&plain);
    fail_calls(DISK_WRITE, 1, SQLITE_FULL);
    assert_true(succeeds(&small));
    fail_calls(DISK_WRITE, 1, SQLITE_FULL);
    assert_true(succeeds(&plain));
    assert_int_equal(disk_fault_count(), 2);
    assert_int_equal(count(JOB_SUCCEEDED), 1);
    assert_false(writer_has_all_rows(writer));
    journal_begin();
    assert_true(writer_has_all_rows(writer));
    assert_int_equal(count(JOB_SUCCEEDED), 2);
}

static void an_end_that_new_jobs_leave_no_room_for_is_written_without_them(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_into_journal(), queued = insert_of(JOB_QUEUED);
    struct settle_operation settle = settle_of(small.claim, JOB_DEAD);
    queued.base.next = &settle.base;
    fail_calls(DISK_WRITE, 1, SQLITE_FULL);
    assert_int_equal(run(&queued.base), FERRY_STORAGE_FULL);
    assert_int_equal(settle.base.error.code, FERRY_OK);
    assert_true(settle.changed);
    assert_int_equal(count(JOB_DEAD), 1);
}

static void rows_that_cannot_be_given_leave_the_job_in_the_journal(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_into_journal();
    struct operation give_rows = {.kind = OPERATION_GIVE_ROWS};
    fail_calls(DISK_WRITE, UINT_MAX, SQLITE_FULL);
    assert_int_equal(run(&give_rows), FERRY_STORAGE_FULL);
    disk_heal();
    assert_false(writer_has_all_rows(writer));
    assert_true(succeeds(&small));
    assert_int_equal(count(JOB_SUCCEEDED), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    disk_install();
    const struct CMUnitTest tests[] = {
        TEST(what_the_journal_does_not_take_the_tables_do),
        TEST(after_it_has_failed_the_journal_is_used_again),
        TEST(what_neither_takes_is_in_doubt_and_can_be_undone),
        TEST(what_the_journal_may_have_is_in_doubt),
        TEST(what_the_tables_refuse_after_it_does_not_turn_up),
        TEST(a_damaged_database_is_not_taken_for_a_damaged_entry),
        TEST(a_row_that_is_given_by_half_is_none),
        TEST(an_end_that_cannot_be_written_is_none),
        TEST(the_end_of_the_last_one_goes_into_the_journal_then),
        TEST(other_ends_do_not_wait_for_the_rows_of_those),
        TEST(an_end_that_new_jobs_leave_no_room_for_is_written_without_them),
        TEST(rows_that_cannot_be_given_leave_the_job_in_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
