/* Jobs without rows when something fails: none is lost for it, and none is taken for another. */
#include "writing.h"

#include "arrivals.h"
#include "disk_vfs.h"

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

/* Write one that has no row, and needs none. */
static struct insert_operation insert_short(void)
{
    struct insert_operation waiting = insert_of(JOB_QUEUED), small = insert_of(JOB_RUNNING);
    insert_added(&waiting); /* the first transaction has the journal begun */
    small.is_short = true;
    insert_added(&small);
    assert_false(writer_has_all_rows(writer));
    return small;
}

static struct settle_operation success_of(const struct insert_operation *insert)
{
    struct settle_operation settle = settle_of(insert->claim, JOB_SUCCEEDED);
    settle.was_version = 1;
    return settle;
}

/* ---- a handle that is lost ---- */

static void lose_handle(void)
{
    struct insert_operation lost = insert_of(JOB_QUEUED);
    disk_fail((struct disk_fault){.calls = DISK_SYNC, .first = 1, .count = 1});
    assert_int_equal(run(&lost.base), FERRY_REJECTED);
}

/* Lose the handle, and have the n-th call fail on the way back. Returns whether there was one. */
static bool come_back_with_fault(unsigned n)
{
    struct insert_operation small = insert_short(), next = insert_of(JOB_QUEUED);
    lose_handle();
    unsigned faults = disk_fault_count();
    disk_fail((struct disk_fault){.calls = DISK_READ | DISK_SIZE, .first = n, .count = 1});
    run(&next.base);
    assert_false(writer_has_all_rows(writer));
    bool was_faulty = disk_fault_count() > faults;
    disk_heal();
    writing_reopen(); /* it would wait for a while before it tries again */
    struct settle_operation settle = success_of(&small);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_true(settle.changed);
    return was_faulty;
}

static void until_the_journal_is_read_nobody_knows_that_all_have_rows(void **ctx)
{
    (void)ctx;
    for (unsigned n = 1; come_back_with_fault(n); n++)
        ;
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
    insert_short();
    for (unsigned n = 1; load_with_damage(n); n++)
        ;
}

/* ---- a row that cannot be given ---- */

static void a_row_that_is_given_by_half_is_none(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_short();
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    disk_install();
    const struct CMUnitTest tests[] = {
        TEST(until_the_journal_is_read_nobody_knows_that_all_have_rows),
        TEST(a_damaged_database_is_not_taken_for_a_damaged_entry),
        TEST(a_row_that_is_given_by_half_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
