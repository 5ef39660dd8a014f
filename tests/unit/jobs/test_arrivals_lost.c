/* Jobs without rows when the database's handle is lost: what was acknowledged is still known, and
 * nothing is written twice, or brought back, for it. */
#include "writing.h"

#include <limits.h>

#include "disk_vfs.h"

static int set_up(void **ctx)
{
    disk_reset(0);
    writing_set_up(ctx);
    journal_begin();
    return 0;
}

static int tear_down(void **ctx)
{
    disk_heal();
    return writing_tear_down(ctx);
}

static int64_t count(enum job_state state)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jobs WHERE state = %d", (int)state);
    return query(sql);
}

/* Have the sync of a transaction with that fail, and the handle go with it. Nobody else has the
 * database open here, so that what failed turns up when it is opened again. */
static void lose_handle_with(struct operation *operation)
{
    disk_fail((struct disk_fault){.calls = DISK_SYNC, .first = 1, .count = 1});
    assert_int_equal(run(operation), FERRY_REJECTED);
}

static void lose_handle(void)
{
    static char route[] = "/a"; /* another one each time, so that there is something to write */
    struct pause_operation lost = {
        .base = {.kind = OPERATION_PAUSE}, .route = route, .is_paused = true};
    route[1]++;
    lose_handle_with(&lost.base);
}

/* Have a new handle, with a transaction. */
static void come_back(void)
{
    struct insert_operation waiting = insert_of(JOB_QUEUED);
    insert_added(&waiting);
}

static void jobs_without_rows_outlive_the_handle(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_runner(), next = short_of();
    lose_handle();
    insert_added(&next);
    assert_true(next.claim.job > small.claim.job);
    assert_true(succeeds(&small));
    assert_true(succeeds(&next));
    assert_true(writer_has_all_rows(writer));
    assert_int_equal(count(JOB_SUCCEEDED), 2);
}

static void the_first_transaction_after_it_gives_them_their_rows(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_runner(), ended = insert_runner();
    assert_true(succeeds(&ended));
    expect_rows(1, false);
    lose_handle();
    come_back();
    expect_rows(4, true);
    assert_int_equal(count(JOB_SUCCEEDED), 1);
    assert_true(succeeds(&small));
    assert_int_equal(count(JOB_SUCCEEDED), 2);
}

/* Lose the handle, and have the n-th call fail on the way back. Returns whether there was one. */
static bool come_back_with_fault(unsigned n)
{
    struct insert_operation small = insert_runner(), next = insert_of(JOB_QUEUED);
    lose_handle();
    unsigned faults = disk_fault_count();
    disk_fail((struct disk_fault){.calls = DISK_READ | DISK_SIZE, .first = n, .count = 1});
    bool is_back = run(&next.base) == FERRY_OK;
    assert_int_equal(writer_has_all_rows(writer), is_back);
    bool was_faulty = disk_fault_count() > faults;
    disk_heal();
    writing_reopen(); /* it would wait for a while before it tries again */
    assert_true(succeeds(&small));
    return was_faulty;
}

static void where_it_does_not_come_back_they_still_have_no_rows(void **ctx)
{
    (void)ctx;
    for (unsigned n = 1; come_back_with_fault(n); n++)
        ;
}

/* ---- the file of the journal goes as well ---- */

static void journal_path(char path[128])
{
    snprintf(path, 128, "%s-arrivals", folder.database);
}

static void remove_journal(void)
{
    char path[128];
    journal_path(path);
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    assert_int_equal(vfs->xDelete(vfs, path, 1), SQLITE_OK);
}

static void damage_journal(void)
{
    static const char noise[4096] = "noise";
    char path[128];
    journal_path(path);
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    assert_non_null(file);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL;
    assert_int_equal(vfs->xOpen(vfs, path, file, flags, NULL), SQLITE_OK);
    assert_int_equal(file->pMethods->xWrite(file, noise, sizeof noise, 0), SQLITE_OK);
    file->pMethods->xClose(file);
    free(file);
}

/* What is acknowledged from then on is on disk as well. */
static void lose_both(void (*lose_journal)(void))
{
    struct insert_operation small = insert_runner(), ended = insert_runner();
    assert_true(succeeds(&ended));
    lose_handle();
    lose_journal();
    come_back();
    expect_rows(4, true);
    struct insert_operation next = insert_runner();
    assert_true(succeeds(&small));
    expect_rows(4, false);
    disk_cut_power_now();
    writer_close(writer);
    disk_restore_power();
    writer = writer_open(folder.database, NULL, NULL);
    assert_non_null(writer);
    expect_rows(5, true);
    assert_int_equal(count(JOB_SUCCEEDED), 2);
    assert_true(succeeds(&next));
}

static void no_job_is_lost_where_the_journal_is_removed_meanwhile(void **ctx)
{
    (void)ctx;
    lose_both(remove_journal);
}

static void nor_where_it_is_damaged(void **ctx)
{
    (void)ctx;
    lose_both(damage_journal);
}

static void nor_where_the_database_is_that_of_another_process(void **ctx)
{
    (void)ctx;
    insert_runner();
    lose_handle();
    folder_sql(&folder, "UPDATE journal SET boot = zeroblob(16), number = 1");
    come_back();
    expect_rows(3, true);
}

static void a_stop_gives_rows_to_what_only_the_memory_has(void **ctx)
{
    (void)ctx;
    insert_runner();
    lose_handle();
    remove_journal();
    writing_reopen();
    expect_rows(2, true);
}

static void nor_where_the_database_cannot_say_whose_it_is_at_first(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_runner(), next = insert_of(JOB_QUEUED);
    lose_handle();
    remove_journal();
    folder_sql(&folder, "ALTER TABLE journal RENAME TO hidden");
    assert_int_equal(run(&next.base), FERRY_REJECTED);
    folder_sql(&folder, "ALTER TABLE hidden RENAME TO journal");
    writing_reopen();
    expect_rows(2, true);
    assert_true(succeeds(&small));
}

/* The way back has the n-th call fail, which may lose the new handle. Returns whether there was
 * one. */
static bool lose_all_with_fault(unsigned n)
{
    struct insert_operation small = insert_runner(), next = insert_of(JOB_QUEUED);
    lose_handle();
    remove_journal();
    unsigned faults = disk_fault_count();
    disk_fail((struct disk_fault){
        .calls = DISK_READ | DISK_SIZE | DISK_WRITE | DISK_SYNC, .first = n, .count = 1});
    run(&next.base);
    bool was_faulty = disk_fault_count() > faults;
    disk_heal();
    writing_reopen();
    assert_true(writer_has_all_rows(writer));
    assert_true(succeeds(&small));
    return was_faulty;
}

static void nor_where_anything_fails_on_the_way_back(void **ctx)
{
    (void)ctx;
    for (unsigned n = 1; lose_all_with_fault(n); n++)
        ;
}

/* ---- a transaction in doubt that turns up ---- */

static void one_that_was_deleted_with_it_does_not_come_back(void **ctx)
{
    (void)ctx;
    struct insert_operation runner = insert_runner(), small = insert_runner();
    assert_true(succeeds(&small));
    struct retire_operation retire = {
        .base = {.kind = OPERATION_RETIRE}, .route = "/r", .before_ms = 9999, .limit = 10};
    lose_handle_with(&retire.base);
    assert_false(writer_has_all_rows(writer));
    come_back();
    expect_rows(3, true);
    assert_int_equal(count(JOB_SUCCEEDED), 0);
    assert_true(succeeds(&runner));
}

static void one_that_got_its_row_with_it_has_that_only(void **ctx)
{
    (void)ctx;
    struct insert_operation runner = insert_runner(), small = insert_runner();
    struct settle_operation dead = settle_of(small.claim, JOB_DEAD);
    ferry_error_set(&dead.failure, FERRY_INVALID, "why");
    lose_handle_with(&dead.base);
    come_back();
    expect_rows(4, true);
    assert_int_equal(count(JOB_DEAD), 1);
    assert_int_equal(run(&dead.base), FERRY_OK);
    assert_false(dead.changed);
    assert_true(succeeds(&runner));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    disk_install();
    const struct CMUnitTest tests[] = {
        TEST(jobs_without_rows_outlive_the_handle),
        TEST(the_first_transaction_after_it_gives_them_their_rows),
        TEST(where_it_does_not_come_back_they_still_have_no_rows),
        TEST(no_job_is_lost_where_the_journal_is_removed_meanwhile),
        TEST(nor_where_it_is_damaged),
        TEST(nor_where_the_database_is_that_of_another_process),
        TEST(nor_where_the_database_cannot_say_whose_it_is_at_first),
        TEST(nor_where_anything_fails_on_the_way_back),
        TEST(a_stop_gives_rows_to_what_only_the_memory_has),
        TEST(one_that_was_deleted_with_it_does_not_come_back),
        TEST(one_that_got_its_row_with_it_has_that_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
