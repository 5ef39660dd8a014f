/* New short jobs, which have no row at first: whatever becomes of one, it gets the row that it
 * would have had. */
#include "writing.h"

enum { GROUPS = 16 }; /* of them may be on disk */

static struct insert_operation insert_short(void)
{
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert.is_short = true;
    return insert;
}

static void expect_rows(int64_t jobs, int64_t groups)
{
    assert_int_equal(query("SELECT count(*) FROM jobs"), jobs);
    assert_int_equal(query("SELECT count(*) FROM arrivals"), groups);
    assert_int_equal(writer_has_all_rows(writer), groups == 0);
}

/* Tell that the jobs on disk, and what belongs to them, differ in nothing but their names. */
static void expect_alike(void)
{
    assert_int_equal(query("SELECT count(DISTINCT version || route || worker || state || attempt"
                           " || crashes || input_bytes || created_ms || run_at_ms ||"
                           " quote(started_ms) || quote(finished_ms) || quote(hex(boot)) ||"
                           " quote(error_code) || quote(error) || quote(result_status) ||"
                           " quote(result_type) || quote(result) || is_wall || is_cancelling ||"
                           " quote(callback) || quote(memory) || quote(block))"
                           " FROM jobs LEFT JOIN inputs ON inputs.job = jobs.job"),
                     1);
}

static void insert_two(struct insert_operation *plain, struct insert_operation *small)
{
    *plain = insert_of(JOB_RUNNING);
    *small = insert_short();
    insert_added(plain);
    insert_added(small);
    expect_rows(1, 1);
}

static struct settle_operation success_of(const struct insert_operation *insert)
{
    static char type[] = "text/plain", result[] = "ok";
    struct settle_operation settle = settle_of(insert->claim, JOB_SUCCEEDED);
    settle.was_version = 1;
    settle.result_status = 200;
    settle.result_type = type;
    settle.result = result;
    settle.result_length = sizeof result - 1;
    return settle;
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
    expect_rows(2, 0);
    expect_alike();
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
    expect_rows(2, 0);
    expect_alike();
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
    expect_rows(2, 0);
    expect_alike();
}

static void who_has_not_its_token_changes_nothing(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_short();
    insert_added(&small);
    struct settle_operation settle = success_of(&small);
    settle.key.token++;
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_false(settle.changed);
    expect_rows(0, 1);
}

static void one_that_has_ended_does_not_end_again(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_short(), other = insert_short();
    small.base.next = &other.base; /* so that their group stays */
    insert_added(&small);
    struct settle_operation first = success_of(&small), second = success_of(&small);
    assert_int_equal(run(&first.base), FERRY_OK);
    assert_int_equal(run(&second.base), FERRY_OK);
    assert_true(first.changed);
    assert_false(second.changed);
    expect_rows(1, 1);
}

static void only_what_needs_no_more_than_a_row_goes_without(void **ctx)
{
    (void)ctx;
    char big[5000] = "";
    struct insert_operation keyed = insert_short(), told = insert_short(), slot = insert_short();
    struct insert_operation large = insert_short(), waiting = insert_short();
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
    expect_rows(sizeof all / sizeof all[0], 0);
}

/* ---- in one transaction ---- */

enum { MANY = 11 };

static void many_of_a_transaction_each_get_their_own_row(void **ctx)
{
    (void)ctx;
    struct insert_operation *inserts = calloc(MANY, sizeof *inserts);
    struct settle_operation *settles = calloc(MANY, sizeof *settles);
    assert_true(inserts && settles);
    char results[MANY][4];
    for (int i = 0; i < MANY; i++) {
        inserts[i] = insert_short();
        inserts[i].base.next = i > 0 ? &inserts[i - 1].base : NULL;
    }
    writer_run(writer, &inserts[MANY - 1].base);
    expect_rows(0, 1);
    for (int i = 0; i < MANY; i++) {
        settles[i] = success_of(&inserts[i]);
        settles[i].result = results[i];
        settles[i].result_length = (size_t)snprintf(results[i], sizeof results[i], "%lld",
                                                    (long long)inserts[i].claim.job);
        settles[i].base.next = i > 0 ? &settles[i - 1].base : NULL;
    }
    writer_run(writer, &settles[MANY - 1].base);
    expect_rows(MANY, 0);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE CAST(result AS INTEGER) = job"), MANY);
    char sql[128];
    for (int i = 0; i < MANY; i++) {
        snprintf(sql, sizeof sql, "SELECT job FROM jobs WHERE id = x'%s'", inserts[i].id);
        assert_int_equal(query(sql), inserts[i].claim.job);
    }
    free(inserts);
    free(settles);
}

static void a_change_finds_what_came_before_it_in_its_transaction(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_short();
    struct change_operation cancel = change_of(JOB_ACTION_CANCEL, small.id);
    small.base.next = &cancel.base;
    writer_run(writer, &small.base);
    assert_int_equal(small.base.error.code, FERRY_OK);
    assert_int_equal(cancel.base.error.code, FERRY_OK);
    assert_int_equal(query("SELECT is_cancelling FROM jobs"), 1);
    expect_rows(1, 0);
    change_operation_fini(&cancel);
}

static void one_that_has_just_succeeded_has_its_row_as_well(void **ctx)
{
    (void)ctx;
    struct insert_operation small = insert_short();
    insert_added(&small);
    struct settle_operation settle = success_of(&small);
    struct operation give_rows = {.kind = OPERATION_GIVE_ROWS};
    settle.base.next = &give_rows;
    writer_run(writer, &settle.base);
    expect_rows(1, 0);
    assert_int_equal(query("SELECT state FROM jobs"), 4);
}

static void one_that_fails_beside_them_takes_none_along(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_short(), twin = insert_of(JOB_QUEUED);
    struct insert_operation original = insert_of(JOB_QUEUED);
    insert_added(&original);
    memcpy(twin.id, original.id, sizeof twin.id);
    first.base.next = &twin.base;
    writer_run(writer, &first.base);
    assert_int_equal(first.base.error.code, FERRY_OK);
    assert_int_equal(twin.base.error.code, FERRY_REJECTED);
    expect_rows(2, 0);
    struct settle_operation settle = success_of(&first);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_true(settle.changed);
}

/* ---- rows for all ---- */

static void insert_three(void)
{
    for (int i = 0; i < 3; i++) {
        struct insert_operation small = insert_short();
        insert_added(&small);
    }
    expect_rows(0, 3);
}

static void each_is_given_a_row_for_who_looks(void **ctx)
{
    (void)ctx;
    insert_three();
    struct operation give_rows = {.kind = OPERATION_GIVE_ROWS};
    assert_int_equal(run(&give_rows), FERRY_OK);
    expect_rows(3, 0);
    expect_alike();
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE token = 7"), 3);
}

static void nothing_deletes_jobs_before_all_have_rows(void **ctx)
{
    (void)ctx;
    insert_three();
    struct retire_operation retire = {
        .base = {.kind = OPERATION_RETIRE}, .route = "/r", .before_ms = 1, .limit = 10};
    assert_int_equal(run(&retire.base), FERRY_OK);
    expect_rows(3, 0);
}

static void beyond_a_number_of_groups_the_oldest_gets_its_rows(void **ctx)
{
    (void)ctx;
    for (int i = 0; i < GROUPS + 3; i++) {
        struct insert_operation small = insert_short();
        insert_added(&small);
    }
    expect_rows(3, GROUPS);
    assert_int_equal(query("SELECT max(job) FROM jobs"), 3);
}

/* ---- the next process ---- */

static void the_next_process_finds_their_rows_and_numbers_on(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_short(), ended = insert_short(), next;
    first.base.next = &ended.base;
    insert_added(&first);
    struct settle_operation settle = success_of(&ended);
    assert_int_equal(run(&settle.base), FERRY_OK);
    expect_rows(1, 1);
    writing_reopen();
    expect_rows(2, 0);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 2 AND token = 7"), 1);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 4"), 1);
    next = insert_short();
    insert_added(&next);
    assert_true(next.claim.job > first.claim.job && next.claim.job > ended.claim.job);
}

static void a_damaged_group_stays_and_stops_nobody(void **ctx)
{
    (void)ctx;
    insert_three();
    folder_sql(&folder, "UPDATE arrivals SET jobs = substr(jobs, 1, 50) WHERE job = 3");
    writing_reopen();
    assert_int_equal(query("SELECT count(*) FROM jobs"), 2);
    assert_int_equal(query("SELECT job FROM arrivals"), 3);
    struct insert_operation next = insert_short();
    insert_added(&next);
    assert_true(next.claim.job > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITING_TEST(one_that_succeeds_gets_the_row_of_any_other),
        WRITING_TEST(so_does_one_that_is_tried_again),
        WRITING_TEST(so_does_one_that_is_dead),
        WRITING_TEST(so_does_one_that_is_given_back),
        WRITING_TEST(who_has_not_its_token_changes_nothing),
        WRITING_TEST(one_that_has_ended_does_not_end_again),
        WRITING_TEST(only_what_needs_no_more_than_a_row_goes_without),
        WRITING_TEST(many_of_a_transaction_each_get_their_own_row),
        WRITING_TEST(a_change_finds_what_came_before_it_in_its_transaction),
        WRITING_TEST(one_that_has_just_succeeded_has_its_row_as_well),
        WRITING_TEST(one_that_fails_beside_them_takes_none_along),
        WRITING_TEST(each_is_given_a_row_for_who_looks),
        WRITING_TEST(nothing_deletes_jobs_before_all_have_rows),
        WRITING_TEST(beyond_a_number_of_groups_the_oldest_gets_its_rows),
        WRITING_TEST(the_next_process_finds_their_rows_and_numbers_on),
        WRITING_TEST(a_damaged_group_stays_and_stops_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
