/* Looking while there are jobs without rows: what is acknowledged is found, and who looks for
 * another one does not have them get theirs. */
#include "storing.h"

static struct insert_operation waiting, small; /* the small one has no row */

static void on_done(struct operation *operation)
{
    assert_int_equal(operation->error.code, FERRY_OK);
}

static bool is_store_idle(struct fixture *at)
{
    (void)at;
    return store_is_idle(store);
}

static void insert(struct insert_operation *operation, enum job_state state)
{
    static char block[] = "block";
    *operation = (struct insert_operation){
        .base = {.kind = OPERATION_INSERT, .done = on_done},
        .route = "/r",
        .worker = "w",
        .state = state,
        .created_ms = 1000,
        .run_at_ms = 1000,
        .is_short = state == JOB_RUNNING,
        .block = block,
        .length = sizeof block - 1,
        .claim = {.token = 7},
    };
    random_id(operation->id);
    random_id(operation->delivery_id);
    store_write(store, &operation->base);
    fixture_wait(f, is_store_idle);
}

static void expect_rows(int64_t jobs)
{
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), jobs);
}

/* The first transaction has the journal begun. */
static int set_up(void **ctx)
{
    (void)ctx;
    storing_set_up();
    insert(&waiting, JOB_QUEUED);
    insert(&small, JOB_RUNNING);
    expect_rows(1);
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    if (store)
        assert_int_equal(store_close(store, PATIENCE_MS), 0);
    fixture_remove(f);
    return 0;
}

static void find_later(const char *id)
{
    f->found = false;
    store_find(store, id, on_found, f);
}

static ferry_code find(const char *id)
{
    find_later(id);
    fixture_wait(f, is_found);
    return f->found_error.code;
}

static uint64_t operations(void)
{
    struct store_stats stats;
    store_get_stats(store, &stats);
    return stats.operations;
}

/* ---- one ---- */

static void one_that_has_no_row_is_found(void **ctx)
{
    (void)ctx;
    assert_int_equal(find(small.id), FERRY_OK);
    assert_int_equal(f->record.state, JOB_RUNNING);
    assert_string_equal(f->record.id, small.id);
}

static void for_one_that_has_a_row_the_writer_is_not_asked(void **ctx)
{
    (void)ctx;
    uint64_t before = operations();
    assert_int_equal(find(waiting.id), FERRY_OK);
    assert_int_equal(operations(), before);
    expect_rows(1);
}

static void for_one_that_is_not_there_nothing_is_written(void **ctx)
{
    (void)ctx;
    char id[RANDOM_ID_TEXT_SIZE];
    random_id(id);
    assert_int_equal(find(id), FERRY_NOT_FOUND);
    expect_rows(1);
    assert_int_equal(find(small.id), FERRY_OK);
    expect_rows(2);
}

static void where_its_row_cannot_be_written_it_is_not_said_to_be_missing(void **ctx)
{
    (void)ctx;
    folder_sql(&f->folder, "CREATE TRIGGER refuse BEFORE INSERT ON jobs"
                           " BEGIN SELECT raise(ABORT, 'refused'); END");
    assert_int_equal(find(waiting.id), FERRY_OK);
    assert_int_equal(find(small.id), FERRY_REJECTED);
    folder_sql(&f->folder, "DROP TRIGGER refuse");
    assert_int_equal(find(small.id), FERRY_OK);
    assert_int_equal(f->record.state, JOB_RUNNING);
}

/* ---- a list ---- */

static size_t listed;

static void on_listed(void *arg, const struct job_record *records, size_t count, int64_t next,
                      const ferry_error *error)
{
    (void)arg, (void)records, (void)next;
    assert_int_equal(error->code, FERRY_OK);
    listed = count;
}

static bool is_listed(struct fixture *at)
{
    (void)at;
    return listed > 0;
}

static void a_list_has_all(void **ctx)
{
    (void)ctx;
    struct job_filter filter = {.route = "/r", .limit = 10};
    listed = 0;
    store_list(store, &filter, on_listed, NULL);
    fixture_wait(f, is_listed);
    assert_int_equal(listed, 2);
}

/* ---- closing ---- */

static void close_store(void)
{
    assert_int_equal(store_close(store, PATIENCE_MS), 0);
    store = NULL;
    assert_true(f->found);
}

static void who_looks_as_it_closes_is_answered(void **ctx)
{
    (void)ctx;
    find_later(small.id);
    close_store();
    assert_int_equal(f->found_error.code, FERRY_REJECTED);
}

/* Each turn of the loop, as what is written is soon done. */
static void stop_when_it_writes(void *arg)
{
    ferry_loop *loop = arg;
    if (store_is_idle(store))
        ferry_loop_call_later(loop, 0, stop_when_it_writes, loop);
    else
        ferry_loop_stop(loop);
}

static void and_so_is_who_waits_for_the_row(void **ctx)
{
    (void)ctx;
    find_later(small.id);
    stop_when_it_writes(f->loop);
    assert_int_equal(ferry_loop_run(f->loop), 0);
    close_store();
    assert_int_equal(f->found_error.code, FERRY_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_has_no_row_is_found),
        TEST(for_one_that_has_a_row_the_writer_is_not_asked),
        TEST(for_one_that_is_not_there_nothing_is_written),
        TEST(where_its_row_cannot_be_written_it_is_not_said_to_be_missing),
        TEST(a_list_has_all),
        TEST(who_looks_as_it_closes_is_answered),
        TEST(and_so_is_who_waits_for_the_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
