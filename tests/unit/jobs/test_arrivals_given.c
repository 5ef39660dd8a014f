/* Rows that new short jobs are given before they end: for who looks, and when there are many. */
#include "writing.h"

enum {
    MANY_JOBS = 1024,   /* then the oldest get their rows, */
    MANY_ENTRIES = 256, /* or now */
    TURN = 16,
};

static void each_is_given_a_row_for_who_looks(void **ctx)
{
    (void)ctx;
    insert_three();
    struct operation give_rows = {.kind = OPERATION_GIVE_ROWS};
    assert_int_equal(run(&give_rows), FERRY_OK);
    expect_rows(3, true);
    expect_rows_alike();
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE token = 7"), 3);
}

static void who_looks_for_one_of_them_has_it_get_a_row(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_runner(), small = insert_runner();
    insert_runner();
    assert_true(succeeds(&first));
    struct give_row_operation open = give_row_to(small.id);
    assert_int_equal(run(&open.base), FERRY_OK);
    expect_rows(3, true);
    struct insert_operation runner = insert_runner(), last = insert_runner();
    assert_true(succeeds(&last));
    expect_rows(3, false);
    struct give_row_operation ended = give_row_to(last.id);
    assert_int_equal(run(&ended.base), FERRY_OK);
    expect_rows(5, true);
    assert_true(succeeds(&runner));
}

static void who_looks_for_another_one_leaves_them_without(void **ctx)
{
    (void)ctx;
    struct insert_operation waiting = insert_of(JOB_QUEUED), small = insert_runner();
    struct insert_operation dead = insert_runner(), next = short_of(), last = short_of();
    insert_added(&waiting);
    struct settle_operation settle = settle_of(dead.claim, JOB_DEAD);
    ferry_error_set(&settle.failure, FERRY_INVALID, "why");
    assert_int_equal(run(&settle.base), FERRY_OK);
    expect_rows(2, false);
    struct give_row_operation has = give_row_to(waiting.id), got = give_row_to(dead.id);
    struct give_row_operation unknown = give_row_to("00000000000000000000000000000000");
    struct settle_operation success = success_of(&small);
    next.base.next = &has.base;
    has.base.next = &got.base;
    got.base.next = &success.base;
    success.base.next = &unknown.base;
    unknown.base.next = &last.base;
    writer_run(writer, &next.base);
    for (const struct operation *at = &next.base; at; at = at->next)
        assert_int_equal(at->error.code, FERRY_OK);
    expect_rows(2, false);
    assert_true(succeeds(&next));
    assert_true(succeeds(&last));
    expect_rows(5, true);
}

static void nor_does_it_need_a_transaction(void **ctx)
{
    (void)ctx;
    sqlite3 *other;
    struct insert_operation small = insert_runner();
    struct give_row_operation unknown = give_row_to("00000000000000000000000000000000");
    assert_int_equal(sqlite3_open(folder.database, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(run(&unknown.base), FERRY_OK);
    sqlite3_close(other);
    assert_true(succeeds(&small));
}

static void a_look_finds_what_came_before_it_in_its_list(void **ctx)
{
    (void)ctx;
    struct insert_operation runner = insert_runner(), small = short_of();
    struct give_row_operation give = give_row_to(small.id);
    small.base.next = &give.base;
    writer_run(writer, &small.base);
    assert_int_equal(give.base.error.code, FERRY_OK);
    expect_rows(2, true);
    assert_true(succeeds(&runner));
}

static void nothing_deletes_jobs_before_all_have_rows(void **ctx)
{
    (void)ctx;
    insert_three();
    struct retire_operation retire = {
        .base = {.kind = OPERATION_RETIRE}, .route = "/r", .before_ms = 1, .limit = 10};
    assert_int_equal(run(&retire.base), FERRY_OK);
    expect_rows(3, true);
}

static void when_the_last_has_ended_all_have_rows(void **ctx)
{
    (void)ctx;
    struct insert_operation first = short_of(), second = insert_runner();
    insert_added(&first);
    assert_true(succeeds(&first));
    expect_rows(0, false);
    assert_true(succeeds(&second));
    expect_rows(2, true);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 4"), 2);
}

static void so_they_have_when_the_last_is_given_back(void **ctx)
{
    (void)ctx;
    struct insert_operation first = short_of(), second = insert_runner();
    insert_added(&first);
    assert_true(succeeds(&first));
    struct release_operation release = {
        .base = {.kind = OPERATION_RELEASE}, .key = second.claim, .run_at_ms = 5};
    assert_int_equal(run(&release.base), FERRY_OK);
    expect_rows(2, true);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 4"), 1);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 1"), 1);
}

/* A list of new jobs, and the ends of those of the list before. */
struct turn {
    struct insert_operation inserts[TURN];
    struct settle_operation settles[TURN];
};

static void turn_run(struct turn *turn, bool has_before)
{
    struct operation *first = NULL;
    for (int i = TURN - 1; has_before && i >= 0; i--) {
        turn->settles[i] = success_of(&turn->inserts[i]);
        turn->settles[i].base.next = first;
        first = &turn->settles[i].base;
    }
    for (int i = 0; i < TURN; i++) {
        turn->inserts[i] = short_of();
        turn->inserts[i].base.next = first;
        first = &turn->inserts[i].base;
    }
    writer_run(writer, first);
}

static void many_that_have_ended_get_their_rows_while_others_run(void **ctx)
{
    (void)ctx;
    struct turn *turn = calloc(1, sizeof *turn);
    assert_non_null(turn);
    for (int jobs = 0; jobs < MANY_JOBS; jobs += TURN)
        turn_run(turn, jobs > 0);
    expect_rows(0, false);
    turn_run(turn, true);
    expect_rows(MANY_JOBS, false);
    assert_int_equal(
        query("SELECT count(*) FROM jobs WHERE state = 4 AND CAST(result AS TEXT) = 'ok'"),
        MANY_JOBS);
    free(turn);
}

static void those_who_got_their_rows_get_no_others(void **ctx)
{
    (void)ctx;
    struct turn *turn = calloc(1, sizeof *turn);
    struct insert_operation waiting = insert_of(JOB_QUEUED);
    assert_non_null(turn);
    for (int jobs = 0; jobs <= MANY_JOBS; jobs += TURN)
        turn_run(turn, jobs > 0);
    expect_rows(MANY_JOBS, false);
    folder_sql(&folder, "DELETE FROM jobs; DELETE FROM inputs");
    insert_added(&waiting);
    turn_run(turn, true);
    expect_rows(1, false);
    free(turn);
}

static void those_who_run_on_and_on_get_rows_in_the_end(void **ctx)
{
    (void)ctx;
    for (int i = 0; i < MANY_ENTRIES - 1; i++)
        insert_runner();
    expect_rows(0, false);
    struct insert_operation last = insert_runner();
    expect_rows(MANY_ENTRIES / 2, false);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 2 AND token = 7"),
                     MANY_ENTRIES / 2);
    assert_true(succeeds(&last));
    expect_rows(MANY_ENTRIES / 2, false);
}

#define GIVEN_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, writing_set_up_journal, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GIVEN_TEST(each_is_given_a_row_for_who_looks),
        GIVEN_TEST(who_looks_for_one_of_them_has_it_get_a_row),
        GIVEN_TEST(who_looks_for_another_one_leaves_them_without),
        GIVEN_TEST(nor_does_it_need_a_transaction),
        GIVEN_TEST(a_look_finds_what_came_before_it_in_its_list),
        GIVEN_TEST(nothing_deletes_jobs_before_all_have_rows),
        GIVEN_TEST(when_the_last_has_ended_all_have_rows),
        GIVEN_TEST(so_they_have_when_the_last_is_given_back),
        GIVEN_TEST(many_that_have_ended_get_their_rows_while_others_run),
        GIVEN_TEST(those_who_got_their_rows_get_no_others),
        GIVEN_TEST(those_who_run_on_and_on_get_rows_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
