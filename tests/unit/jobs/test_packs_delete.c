/* Packed jobs that are deleted by a filter: without rows, so that a full disk does not keep them.
 */
#include "packing.h"

static struct together together;

static int set_up(void **ctx)
{
    together = (struct together){0};
    return writing_set_up_journal(ctx);
}

/* Delete the newest jobs, so many at most. Returns how many there were. */
static unsigned delete_newest(unsigned limit)
{
    struct change_operation page = change_of(JOB_ACTION_DELETE, "");
    page.filter = (struct job_filter){.states = 1U << JOB_SUCCEEDED, .limit = limit};
    assert_int_equal(run(&page.base), FERRY_OK);
    for (unsigned i = 0; i < page.count; i++) {
        const struct comer *job = &together.jobs[together.count - 1 - (int)i];
        assert_string_equal(page.jobs[i].id, job->insert.id);
        assert_string_equal(page.jobs[i].route, job->insert.route);
        assert_int_equal(page.jobs[i].was, JOB_SUCCEEDED);
        assert_int_equal(page.jobs[i].version, 3);
    }
    unsigned count = page.count;
    change_operation_fini(&page);
    together.count -= (int)count;
    for (unsigned i = 0; i < count; i++)
        expect_not_found(&together.jobs[together.count + (int)i].insert, FERRY_GONE);
    return count;
}

static unsigned rows_written;

static void on_write(void *arg, int what, const char *database, const char *table,
                     sqlite3_int64 row)
{
    (void)arg, (void)database, (void)row;
    rows_written += what == SQLITE_INSERT && strcmp(table, "jobs") == 0;
}

static void they_get_no_rows_to_be_deleted(void **ctx)
{
    (void)ctx;
    come_together(&together, TOGETHER_MOST);
    rows_written = 0;
    sqlite3 *db = sqlite3_db_handle(statement_of(writer_statements(writer), BEGIN));
    sqlite3_update_hook(db, on_write, NULL);
    assert_int_equal(delete_newest(100), 100);
    assert_int_equal(delete_newest(TOGETHER_MOST), TOGETHER_MOST - 100);
    assert_int_equal(rows_written, 0);
    expect_tables(0, 0, 0);
}

static void those_of_a_pack_that_are_older_stay_packed(void **ctx)
{
    (void)ctx;
    come_together(&together, 2 * PACK_JOBS);
    assert_int_equal(delete_newest(PACK_JOBS + 10), PACK_JOBS + 10);
    expect_tables(1, PACK_JOBS - 10, 0);
    expect_all_found(&together);
    assert_int_equal(delete_newest(PACK_JOBS - 11), PACK_JOBS - 11);
    expect_tables(1, 1, 0);
    expect_all_found(&together);
    assert_int_equal(delete_newest(PACK_JOBS), 1);
    expect_tables(0, 0, 0);
}

/* When the last one has ended, and the last id's time. */
static void what_is_left_of_a_pack_is_as_if_no_more_had_come(void **ctx)
{
    (void)ctx;
    together_add(&together, TOGETHER_LEAST, 1000);
    together_add(&together, 1, 1050);
    together_come(&together);
    together.jobs[3].settle.now_ms = 5000;
    together.jobs[TOGETHER_LEAST].settle.now_ms = 6000;
    together_end(&together);
    expect_tables(1, TOGETHER_LEAST + 1, 0);
    assert_int_equal(query("SELECT id_to FROM packs"), 1050);
    assert_int_equal(delete_newest(1), 1);
    expect_tables(1, TOGETHER_LEAST, 0);
    assert_int_equal(query("SELECT id_to FROM packs"), 1000);
    assert_int_equal(query("SELECT finished_ms FROM packs"), 5000);
    expect_all_found(&together);
}

/* One whose retention never catches up must not remember more and more. */
static void as_many_ids_are_forgotten_as_are_retired(void **ctx)
{
    (void)ctx;
    come_together(&together, PACK_JOBS);
    struct retire_operation retire = {
        .base = {.kind = OPERATION_RETIRE},
        .route = "/r",
        .before_ms = 9000,
        .now_ms = 9000,
        .forget_ms = INT64_MAX,
        .limit = 10,
    };
    assert_int_equal(run(&retire.base), FERRY_OK);
    assert_int_equal(retire.count, PACK_JOBS);
    assert_int_equal(retire.forgotten, PACK_JOBS);
}

#define DELETE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DELETE_TEST(they_get_no_rows_to_be_deleted),
        DELETE_TEST(those_of_a_pack_that_are_older_stay_packed),
        DELETE_TEST(as_many_ids_are_forgotten_as_are_retired),
        DELETE_TEST(what_is_left_of_a_pack_is_as_if_no_more_had_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
