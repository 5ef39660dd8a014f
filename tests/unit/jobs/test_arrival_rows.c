/* Jobs whose row the database refuses: it takes none along, and is seen as something that it is. */
#include "writing.h"

enum { MANY_JOBS = 1024, FAR = 1000000 };

/* Somebody writes a row by hand. */
static void add_row(int64_t job, const char *id)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "INSERT INTO jobs (job, id, delivery_id, route, worker, state, input_bytes,"
             " created_ms, run_at_ms) VALUES (%lld, %s%s%s, x'00', '/by-hand', 'w', 6, 0, 1, 1)",
             (long long)job, *id ? "x'" : "randomblob(16)", id, *id ? "'" : "");
    folder_sql(&folder, sql);
}

static int64_t count(const char *where, const struct insert_operation *insert)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM jobs LEFT JOIN inputs ON inputs.job = jobs.job"
             " WHERE id = x'%s' AND %s",
             insert->id, where);
    return query(sql);
}

static void give_rows(void)
{
    struct operation give_rows = {.kind = OPERATION_GIVE_ROWS};
    assert_int_equal(run(&give_rows), FERRY_OK);
    assert_true(writer_has_all_rows(writer));
}

#define DEAD "state = 5 AND error LIKE '%not known%' AND CAST(block AS TEXT) = 'block'"

/* ---- its number is another one's ---- */

static void one_that_runs_is_dead_under_another_number(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_runner(), small = insert_runner();
    struct insert_operation last = insert_runner();
    add_row(small.claim.job, "");
    give_rows();
    expect_rows(4, true);
    assert_int_equal(count(DEAD, &small), 1);
    assert_true(succeeds(&first));
    assert_true(succeeds(&last));
    assert_false(succeeds(&small));
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE route = '/by-hand'"), 1);
}

static void one_that_has_succeeded_has_done_so_under_another_number(void **ctx)
{
    (void)ctx;
    struct insert_operation runner = insert_runner(), small = insert_runner();
    struct insert_operation other = insert_runner();
    assert_true(succeeds(&small));
    assert_true(succeeds(&other));
    add_row(small.claim.job, "");
    give_rows();
    expect_rows(4, true);
    assert_int_equal(count("state = 4 AND CAST(result AS TEXT) = 'ok'", &small), 1);
    assert_int_equal(count("state = 4 AND CAST(result AS TEXT) = 'ok'", &other), 1);
    assert_true(succeeds(&runner));
}

static void there_may_be_many_rows_by_hand(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_runner();
    for (int i = 0; i < 20; i++)
        add_row(small.claim.job + i, "");
    give_rows();
    expect_rows(21, true);
    assert_int_equal(count(DEAD, &small), 1);
}

static void an_end_that_needs_the_row_finds_it_dead(void **ctx)
{
    (void)ctx;
    struct insert_operation runner = insert_runner(), small = insert_runner();
    struct settle_operation retrying = settle_of(small.claim, JOB_RETRYING);
    ferry_error_set(&retrying.failure, FERRY_TRANSIENT, "why");
    add_row(small.claim.job, "");
    assert_int_equal(run(&retrying.base), FERRY_OK);
    assert_false(retrying.changed);
    assert_int_equal(count(DEAD, &small), 1);
    expect_rows(2, false);
    assert_true(succeeds(&runner));
    expect_rows(3, true);
}

static void the_next_process_does_not_take_the_other_row_for_its_own(void **ctx)
{
    (void)ctx;
    struct folder copy;
    struct insert_operation small = insert_runner();
    add_row(small.claim.job, "");
    folder_make(&copy);
    folder_copy(&folder, &copy, "jobs.db");
    folder_copy(&folder, &copy, "jobs.db-wal");
    folder_copy(&folder, &copy, "jobs.db-arrivals");
    writer_close(writer);
    folder_remove(&folder);
    folder = copy;
    writer = writer_open(folder.database, NULL, NULL);
    assert_non_null(writer);
    expect_rows(2, true);
    assert_int_equal(count(DEAD, &small), 1);
}

static void among_many_it_keeps_none_from_their_rows(void **ctx)
{
    (void)ctx;
    struct insert_operation *inserts = calloc(MANY_JOBS, sizeof *inserts);
    struct settle_operation *settles = calloc(MANY_JOBS, sizeof *settles);
    assert_true(inserts && settles);
    struct insert_operation runner = short_of();
    for (int i = 0; i < MANY_JOBS; i++) {
        inserts[i] = short_of();
        inserts[i].base.next = i > 0 ? &inserts[i - 1].base : NULL;
    }
    writer_run(writer, &inserts[MANY_JOBS - 1].base);
    insert_added(&runner);
    add_row(inserts[7].claim.job, "");
    for (int i = 0; i < MANY_JOBS; i++) {
        settles[i] = success_of(&inserts[i]);
        settles[i].base.next = i > 0 ? &settles[i - 1].base : NULL;
    }
    writer_run(writer, &settles[MANY_JOBS - 1].base);
    expect_rows(MANY_JOBS + 1, false);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 4"), MANY_JOBS);
    free(inserts);
    free(settles);
}

/* ---- it has a row already ---- */

static void one_whose_id_has_a_row_keeps_that(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_runner(), small = insert_runner();
    add_row(FAR, small.id);
    give_rows();
    expect_rows(2, true);
    assert_int_equal(count("state = 6 AND route = '/by-hand'", &small), 1);
    assert_true(succeeds(&first));
}

/* ---- it is not acknowledged yet ---- */

static void a_new_one_that_is_refused_fails_alone(void **ctx)
{
    (void)ctx;
    struct insert_operation runner = insert_runner(), before = insert_runner();
    struct insert_operation first = short_of(), twin = short_of();
    struct settle_operation settle = success_of(&before);
    struct operation give_rows = {.kind = OPERATION_GIVE_ROWS};
    add_row(FAR, twin.id);
    first.base.next = &twin.base;
    twin.base.next = &settle.base;
    settle.base.next = &give_rows;
    writer_run(writer, &first.base);
    assert_int_equal(first.base.error.code, FERRY_OK);
    assert_int_equal(twin.base.error.code, FERRY_REJECTED);
    assert_false(twin.base.in_doubt);
    assert_int_equal(settle.base.error.code, FERRY_OK);
    assert_true(settle.changed);
    assert_int_equal(give_rows.error.code, FERRY_OK);
    expect_rows(4, true);
    assert_true(succeeds(&first));
    assert_true(succeeds(&runner));
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 4"), 3);
}

/* ---- no row is taken at all ---- */

static void where_nothing_is_taken_it_stays_in_the_journal(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_runner(), ended = insert_runner();
    struct operation give = {.kind = OPERATION_GIVE_ROWS};
    assert_true(succeeds(&ended));
    folder_sql(&folder, "CREATE TRIGGER refuse BEFORE INSERT ON jobs"
                        " BEGIN SELECT raise(ABORT, 'refused'); END");
    assert_int_equal(run(&give), FERRY_REJECTED);
    folder_sql(&folder, "DROP TRIGGER refuse");
    assert_false(writer_has_all_rows(writer));
    give_rows();
    expect_rows(2, true);
    assert_int_equal(count("state = 4", &ended), 1);
    assert_true(succeeds(&small));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, writing_set_up_journal, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_runs_is_dead_under_another_number),
        TEST(one_that_has_succeeded_has_done_so_under_another_number),
        TEST(there_may_be_many_rows_by_hand),
        TEST(an_end_that_needs_the_row_finds_it_dead),
        TEST(the_next_process_does_not_take_the_other_row_for_its_own),
        TEST(among_many_it_keeps_none_from_their_rows),
        TEST(one_whose_id_has_a_row_keeps_that),
        TEST(a_new_one_that_is_refused_fails_alone),
        TEST(where_nothing_is_taken_it_stays_in_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
