/* Jobs without rows, and the process that comes next. */
#include "writing.h"

/* Use a copy of the folder from now on. */
static void move_to(const struct folder *copy)
{
    writer_close(writer);
    folder_remove(&folder);
    folder = *copy;
    writer = writer_open(folder.database, NULL, NULL);
    assert_non_null(writer);
}

/* The process ends as by a SIGKILL: nothing is written any more. */
static void crash(void)
{
    struct folder copy;
    folder_make(&copy);
    folder_copy(&folder, &copy, "jobs.db");
    folder_copy(&folder, &copy, "jobs.db-wal");
    folder_copy(&folder, &copy, "jobs.db-arrivals");
    move_to(&copy);
}

static void the_next_process_finds_their_rows_and_numbers_on(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_runner(), ended = short_of();
    insert_added(&ended);
    assert_true(succeeds(&ended));
    expect_rows(0, false);
    crash();
    expect_rows(2, true);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 2 AND token = 7"), 1);
    assert_int_equal(
        query("SELECT count(*) FROM jobs WHERE state = 4 AND CAST(result AS TEXT) = 'ok'"), 1);
    struct insert_operation next = insert_runner();
    assert_true(next.claim.job > first.claim.job && next.claim.job > ended.claim.job);
}

static void one_that_got_its_row_alone_has_but_one_after_a_crash(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_runner(), small = insert_runner();
    struct settle_operation settle = settle_of(small.claim, JOB_DEAD);
    ferry_error_set(&settle.failure, FERRY_INVALID, "why");
    assert_int_equal(run(&settle.base), FERRY_OK);
    expect_rows(1, false);
    crash();
    expect_rows(2, true);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 5"), 1);
    assert_int_equal(query("SELECT job FROM jobs WHERE state = 2"), first.claim.job);
}

/* Its entry is still in the file. */
static void one_that_was_deleted_does_not_come_back(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_runner();
    assert_true(succeeds(&small));
    struct retire_operation retire = {
        .base = {.kind = OPERATION_RETIRE}, .route = "/r", .before_ms = 9999, .limit = 10};
    assert_int_equal(run(&retire.base), FERRY_OK);
    expect_rows(0, true);
    crash();
    expect_rows(0, true);
    insert_runner();
    insert_runner();
    crash();
    expect_rows(2, true);
}

static void a_stop_leaves_all_in_the_tables(void **ctx)
{
    (void)ctx;
    insert_three();
    writer_close(writer);
    assert_int_equal(query("SELECT count(*) FROM jobs"), 3);
    writer = writer_open(folder.database, NULL, NULL);
    expect_rows(3, true);
}

static void the_journal_of_another_database_counts_for_nothing(void **ctx)
{
    (void)ctx;
    struct folder other;
    insert_three();
    folder_make(&other);
    writer_close(writer_open(other.database, NULL, NULL));
    folder_copy(&folder, &other, "jobs.db-arrivals");
    move_to(&other);
    expect_rows(0, true);
}

#define LOAD_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, writing_set_up_journal, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOAD_TEST(the_next_process_finds_their_rows_and_numbers_on),
        LOAD_TEST(one_that_got_its_row_alone_has_but_one_after_a_crash),
        LOAD_TEST(one_that_was_deleted_does_not_come_back),
        LOAD_TEST(a_stop_leaves_all_in_the_tables),
        LOAD_TEST(the_journal_of_another_database_counts_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
