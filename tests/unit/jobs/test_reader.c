/* The reader: what a look-up and a page hold, what is gone, and that no read lasts for ever. */
#include "fixture.h"

#include "packing.h"
#include "reader.h"

static struct fixture fixture, *f = &fixture;
static struct reader *reader;

static int set_up(void **ctx)
{
    writing_set_up(ctx);
    fixture_make(f);
    reader = reader_open(f->loop, folder.database, NULL);
    assert_non_null(reader);
    return 0;
}

static int tear_down(void **ctx)
{
    if (reader)
        assert_int_equal(reader_close(reader, PATIENCE_MS), 0);
    fixture_remove(f);
    return writing_tear_down(ctx);
}

static void look_up(const char *id)
{
    f->found = false;
    reader_find(reader, id, on_found, f);
    fixture_wait(f, is_found);
}

static void a_record_has_all_that_is_known(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert_added(&insert);
    folder_sql(&folder,
               "UPDATE jobs SET version = 9, crashes = 2, is_cancelling = 1, error = 'why',"
               " error_code = -4, result_status = 200, result = 'body',"
               " run_at_ms = 1100, started_ms = 1200, finished_ms = 1300");
    look_up(insert.id);
    assert_int_equal(f->found_error.code, FERRY_OK);
    assert_int_equal(f->record.job, insert.claim.job);
    assert_string_equal(f->record.id, insert.id);
    assert_string_equal(f->record.delivery_id, insert.delivery_id);
    assert_int_equal(f->record.version, 9);
    assert_int_equal(f->record.state, JOB_RUNNING);
    assert_int_equal(f->record.attempt, 1);
    assert_int_equal(f->record.crashes, 2);
    assert_true(f->record.is_cancelling);
    assert_int_equal(f->record.created_ms, 1000);
    assert_int_equal(f->record.run_at_ms, 1100);
    assert_int_equal(f->record.started_ms, 1200);
    assert_int_equal(f->record.finished_ms, 1300);
    assert_int_equal(f->record.error_code, FERRY_NOT_FOUND);
    assert_string_equal(f->error_text, "why");
    assert_int_equal(f->record.result_status, 200);
    assert_string_equal(f->result, "body");
}

static void what_was_deleted_is_gone_and_what_never_was_is_not_found(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_in(JOB_DEAD);
    struct change_operation delete = change_of(JOB_ACTION_DELETE, insert.id);
    assert_int_equal(run(&delete.base), FERRY_OK);
    change_operation_fini(&delete);
    look_up(insert.id);
    assert_int_equal(f->found_error.code, FERRY_GONE);
    char unknown[RANDOM_ID_TEXT_SIZE];
    look_up(random_id(unknown));
    assert_int_equal(f->found_error.code, FERRY_NOT_FOUND);
}

/* ---- pages ---- */

static size_t listed_count;
static int64_t listed_next;

static void on_listed(void *arg, const struct job_record *records, size_t count, int64_t next,
                      const ferry_error *error)
{
    struct fixture *at = arg;
    at->found = true;
    at->found_error = *error;
    listed_count = count;
    listed_next = next;
    for (size_t i = 0; i < count; i++)
        assert_non_null(records[i].route);
}

static void a_page_is_listed_and_the_filters_route_need_not_last(void **ctx)
{
    (void)ctx;
    for (int i = 0; i < 3; i++)
        insert_in(JOB_QUEUED);
    folder_sql(&folder, "UPDATE jobs SET route = '/other' WHERE job = 1");
    char route[] = "/r";
    struct job_filter filter = {.route = route, .limit = 1};
    f->found = false;
    reader_list(reader, &filter, on_listed, f);
    memset(route, 'x', sizeof route - 1);
    fixture_wait(f, is_found);
    assert_int_equal(f->found_error.code, FERRY_OK);
    assert_int_equal(listed_count, 1);
    assert_int_equal(listed_next, 3);
}

static atomic_uint told;

static void count_told(void *arg, ferry_log_level level, const char *line, size_t length)
{
    static const char message[] = "a pack of jobs is damaged";
    (void)arg;
    if (level == FERRY_LOG_ERROR && memmem(line, length, message, sizeof message - 1))
        atomic_fetch_add(&told, 1);
}

static void list_all(void)
{
    struct job_filter filter = {.limit = 10};
    do {
        f->found = false;
        reader_list(reader, &filter, on_listed, f);
        fixture_wait(f, is_found);
        assert_int_equal(f->found_error.code, FERRY_OK);
        filter.before = listed_next;
    } while (filter.before > 0);
}

static void each_damaged_pack_is_told_once_however_often_it_is_listed(void **ctx)
{
    (void)ctx;
    static struct together jobs;
    journal_begin();
    for (int i = 0; i < 3; i++)
        come_together(&jobs, TOGETHER_LEAST);
    folder_sql(&folder,
               "UPDATE packs SET jobs = x'' WHERE first <> (SELECT max(first) FROM packs)");
    atomic_store(&told, 0);
    ferry_log_set_sink(count_told, NULL);
    for (int i = 0; i < 3; i++)
        list_all();
    assert_int_equal(atomic_load(&told), 2);
}

/* ---- the end ---- */

/* In place of the table, one that never ends. */
static void make_endless(void)
{
    folder_sql(
        &folder,
        "DROP TABLE keys; DROP TABLE schedules; DROP TABLE inputs; DROP TABLE jobs;"
        "CREATE VIEW jobs AS WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i AS job, zeroblob(i % 3) AS id, 0 AS delivery_id, 0 AS version, '' AS route,"
        " '' AS worker, 0 AS state, 0 AS attempt, 0 AS crashes, 0 AS is_cancelling,"
        " 0 AS created_ms, 0 AS run_at_ms, 0 AS started_ms, 0 AS finished_ms,"
        " 0 AS error_code, '' AS error, 0 AS result_status, '' AS result_type,"
        " '' AS result FROM n");
}

static void a_read_that_would_last_for_ever_is_given_up(void **ctx)
{
    (void)ctx;
    char id[RANDOM_ID_TEXT_SIZE];
    look_up(random_id(id));
    make_endless();
    look_up(id);
    assert_int_equal(f->found_error.code, FERRY_REJECTED);
}

static void a_look_up_is_answered_by_the_close_at_the_latest(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_in(JOB_QUEUED);
    f->found = false;
    reader_find(reader, insert.id, on_found, f);
    assert_int_equal(reader_close(reader, PATIENCE_MS), 0);
    reader = NULL;
    assert_true(f->found);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_has_all_that_is_known),
        TEST(what_was_deleted_is_gone_and_what_never_was_is_not_found),
        TEST(a_page_is_listed_and_the_filters_route_need_not_last),
        TEST(each_damaged_pack_is_told_once_however_often_it_is_listed),
        TEST(a_read_that_would_last_for_ever_is_given_up),
        TEST(a_look_up_is_answered_by_the_close_at_the_latest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
