/* New short jobs, which have no row at first: whatever becomes of one, it gets the row that it
 * would have had. */
#include "writing.h"

/* The first one has the journal begun, and gets a row for it. */
static int set_up(void **ctx)
{
    writing_set_up(ctx);
    struct insert_operation small = short_of();
    insert_added(&small);
    assert_int_equal(query("SELECT count(*) FROM jobs"), 1);
    assert_true(succeeds(&small));
    folder_sql(&folder, "DELETE FROM jobs");
    return 0;
}

static void insert_two(struct insert_operation *plain, struct insert_operation *small)
{
    *plain = insert_of(JOB_RUNNING);
    *small = short_of();
    insert_added(plain);
    insert_added(small);
    expect_rows(1, false);
}

static void one_that_succeeds_gets_the_row_of_any_other(void **ctx)
{
    (void)ctx;
    struct insert_operation plain, small;
    insert_two(&plain, &small);
    struct settle_operation first = success_of(&plain), second = success_of(&small);
    assert_int_equal(run(&first.base), FERRY_OK);
    assert_int_equal(run(&second.base), FERRY_OK);
    assert_true(second.changed);
    assert_int_equal(second.version, first.version);
    expect_rows(2, true);
    expect_rows_alike();
}

static void end_as(enum job_state state, ferry_code code)
{
    struct insert_operation plain, small;
    insert_two(&plain, &small);
    const struct insert_operation *both[] = {&plain, &small};
    for (int i = 0; i < 2; i++) {
        struct settle_operation settle = settle_of(both[i]->claim, state);
        ferry_error_set(&settle.failure, code, "why");
        assert_int_equal(run(&settle.base), FERRY_OK);
        assert_true(settle.changed);
    }
    expect_rows(2, true);
    expect_rows_alike();
}

static void so_does_one_that_is_tried_again(void **ctx)
{
    (void)ctx;
    end_as(JOB_RETRYING, FERRY_TRANSIENT);
}

static void so_does_one_that_is_dead(void **ctx)
{
    (void)ctx;
    end_as(JOB_DEAD, FERRY_INVALID);
}

static void so_does_one_that_is_given_back(void **ctx)
{
    (void)ctx;
    struct insert_operation plain, small;
    insert_two(&plain, &small);
    const struct insert_operation *both[] = {&plain, &small};
    for (int i = 0; i < 2; i++) {
        struct release_operation release = {
            .base = {.kind = OPERATION_RELEASE}, .key = both[i]->claim, .run_at_ms = 5};
        assert_int_equal(run(&release.base), FERRY_OK);
        assert_true(release.changed);
    }
    expect_rows(2, true);
    expect_rows_alike();
}

static void who_has_not_its_token_changes_nothing(void **ctx)
{
    (void)ctx;
    struct insert_operation small = short_of();
    insert_added(&small);
    struct settle_operation settle = success_of(&small);
    settle.key.token++;
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_false(settle.changed);
    expect_rows(0, false);
}

static void one_that_has_ended_does_not_end_again(void **ctx)
{
    (void)ctx;
    struct insert_operation small = short_of();
    insert_added(&small);
    insert_runner();
    struct settle_operation first = success_of(&small), second = success_of(&small);
    assert_int_equal(run(&first.base), FERRY_OK);
    assert_int_equal(run(&second.base), FERRY_OK);
    assert_true(first.changed);
    assert_false(second.changed);
    expect_rows(0, false);
}

static void one_that_leaves_much_behind_gets_its_row_first(void **ctx)
{
    (void)ctx;
    static char big[5000];
    struct insert_operation small = short_of();
    insert_added(&small);
    insert_runner();
    struct settle_operation settle = success_of(&small);
    settle.result = big;
    settle.result_length = sizeof big;
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_true(settle.changed);
    expect_rows(1, false);
    assert_int_equal(query("SELECT length(result) FROM jobs WHERE state = 4"), sizeof big);
}

static void what_is_done_to_others_leaves_them_without_rows(void **ctx)
{
    (void)ctx;
    struct insert_operation small = short_of(), waiting = insert_of(JOB_QUEUED);
    insert_added(&small);
    insert_added(&waiting);
    struct claim_operation claim = claim_of("/r");
    assert_int_equal(run(&claim.base), FERRY_OK);
    assert_int_equal(claim.count, 1);
    claim_operation_fini(&claim);
    expect_rows(1, false);
}

static void only_what_needs_no_more_than_a_row_goes_without(void **ctx)
{
    (void)ctx;
    char big[5000] = "";
    struct insert_operation keyed = short_of(), told = short_of(), slot = short_of();
    struct insert_operation large = short_of(), waiting = short_of();
    keyed.key = "key";
    told.callback = "http://127.0.0.1/";
    slot.schedule = "nightly";
    slot.slot_ms = 1;
    large.block = big;
    large.length = sizeof big;
    waiting.state = JOB_QUEUED;
    struct insert_operation *all[] = {&keyed, &told, &slot, &large, &waiting};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        insert_added(all[i]);
    expect_rows(sizeof all / sizeof all[0], true);
}

/* ---- in one transaction ---- */

enum { MANY = 43 }; /* of two full statements, and some more */

static void many_of_a_transaction_each_get_their_own_row(void **ctx)
{
    (void)ctx;
    struct insert_operation *inserts = calloc(MANY, sizeof *inserts);
    struct settle_operation *settles = calloc(MANY, sizeof *settles);
    assert_true(inserts && settles);
    char results[MANY][4];
    for (int i = 0; i < MANY; i++) {
        inserts[i] = short_of();
        inserts[i].base.next = i > 0 ? &inserts[i - 1].base : NULL;
    }
    writer_run(writer, &inserts[MANY - 1].base);
    expect_rows(0, false);
    for (int i = 0; i < MANY; i++) {
        settles[i] = success_of(&inserts[i]);
        settles[i].result = results[i];
        settles[i].result_length = (size_t)snprintf(results[i], sizeof results[i], "%lld",
                                                    (long long)inserts[i].claim.job);
        settles[i].base.next = i > 0 ? &settles[i - 1].base : NULL;
    }
    writer_run(writer, &settles[MANY - 1].base);
    expect_rows(MANY, true);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE CAST(result AS INTEGER) = job"), MANY);
    char sql[128];
    for (int i = 0; i < MANY; i++) {
        snprintf(sql, sizeof sql, "SELECT job FROM jobs WHERE id = x'%s'", inserts[i].id);
        assert_int_equal(query(sql), inserts[i].claim.job);
    }
    free(inserts);
    free(settles);
}

static void no_more_is_taken_than_the_journal_has_place_for(void **ctx)
{
    (void)ctx;
    enum { BYTES = 4096, JOBS = (4 << 20) / BYTES + 100 };
    static char big[BYTES];
    struct insert_operation *inserts = calloc(JOBS, sizeof *inserts);
    assert_non_null(inserts);
    for (int i = JOBS - 1; i >= 0; i--) {
        inserts[i] = short_of();
        inserts[i].block = big;
        inserts[i].length = sizeof big;
        inserts[i].base.next = i < JOBS - 1 ? &inserts[i + 1].base : NULL;
    }
    writer_run(writer, &inserts[0].base);
    expect_rows(JOBS, true);
    assert_int_equal(inserts[0].base.way, WAY_TAKEN);
    for (int i = JOBS - 100; i < JOBS; i++) {
        assert_int_equal(inserts[i].base.error.code, FERRY_OK);
        assert_int_equal(inserts[i].base.way, WAY_TABLES);
    }
    free(inserts);
    insert_runner();
    expect_rows(JOBS, false);
}

static void a_change_finds_what_came_before_it_in_its_transaction(void **ctx)
{
    (void)ctx;
    struct insert_operation small = short_of();
    struct change_operation cancel = change_of(JOB_ACTION_CANCEL, small.id);
    small.base.next = &cancel.base;
    writer_run(writer, &small.base);
    assert_int_equal(small.base.error.code, FERRY_OK);
    assert_int_equal(cancel.base.error.code, FERRY_OK);
    assert_int_equal(query("SELECT is_cancelling FROM jobs"), 1);
    expect_rows(1, true);
    change_operation_fini(&cancel);
}

static void one_that_has_just_succeeded_has_its_row_as_well(void **ctx)
{
    (void)ctx;
    struct insert_operation small = short_of();
    insert_added(&small);
    struct settle_operation settle = success_of(&small);
    struct operation give_rows = {.kind = OPERATION_GIVE_ROWS};
    settle.base.next = &give_rows;
    writer_run(writer, &settle.base);
    expect_rows(1, true);
    assert_int_equal(query("SELECT state FROM jobs"), 4);
}

static void one_that_fails_beside_them_takes_none_along(void **ctx)
{
    (void)ctx;
    struct insert_operation first = short_of(), twin = insert_of(JOB_QUEUED);
    struct insert_operation original = insert_of(JOB_QUEUED);
    insert_added(&original);
    memcpy(twin.id, original.id, sizeof twin.id);
    first.base.next = &twin.base;
    writer_run(writer, &first.base);
    assert_int_equal(first.base.error.code, FERRY_OK);
    assert_int_equal(twin.base.error.code, FERRY_REJECTED);
    expect_rows(1, false);
    struct settle_operation settle = success_of(&first);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_true(settle.changed);
}

#define ARRIVALS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARRIVALS_TEST(one_that_succeeds_gets_the_row_of_any_other),
        ARRIVALS_TEST(so_does_one_that_is_tried_again),
        ARRIVALS_TEST(so_does_one_that_is_dead),
        ARRIVALS_TEST(so_does_one_that_is_given_back),
        ARRIVALS_TEST(who_has_not_its_token_changes_nothing),
        ARRIVALS_TEST(one_that_has_ended_does_not_end_again),
        ARRIVALS_TEST(one_that_leaves_much_behind_gets_its_row_first),
        ARRIVALS_TEST(what_is_done_to_others_leaves_them_without_rows),
        ARRIVALS_TEST(only_what_needs_no_more_than_a_row_goes_without),
        ARRIVALS_TEST(many_of_a_transaction_each_get_their_own_row),
        ARRIVALS_TEST(no_more_is_taken_than_the_journal_has_place_for),
        ARRIVALS_TEST(a_change_finds_what_came_before_it_in_its_transaction),
        ARRIVALS_TEST(one_that_has_just_succeeded_has_its_row_as_well),
        ARRIVALS_TEST(one_that_fails_beside_them_takes_none_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
