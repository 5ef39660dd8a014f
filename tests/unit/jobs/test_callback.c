/* Callbacks: every end of a job that has one makes exactly one job that tells of it. */
#include "writing.h"

static struct insert_operation insert_with_callback(enum job_state state)
{
    struct insert_operation insert = insert_of(state);
    insert.callback = "https://example.org/done";
    insert_added(&insert);
    return insert;
}

/* Read the input of the one callback there is. */
static struct call_input callback_input(void)
{
    struct claim_operation claim = claim_of(JOB_CALLBACK_ROUTE);
    claim.now_ms = INT64_MAX;
    assert_int_equal(run(&claim.base), FERRY_OK);
    assert_int_equal(claim.count, 1);
    struct call_input input;
    assert_int_equal(call_input_parse(&input, claim.jobs[0].block, claim.jobs[0].length, NULL), 0);
    claim.jobs[0].block = NULL;
    claim_operation_fini(&claim);
    return input;
}

static void the_callback_is_a_request_that_tells_all_but_the_id(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_with_callback(JOB_RUNNING);
    struct settle_operation settle = settle_of(insert.claim, JOB_SUCCEEDED);
    settle.was_version = 1;
    settle.result_status = 200;
    settle.result_type = (char[]){"text/plain"};
    settle.result = (char[]){"done"};
    settle.result_length = 4;
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_int_equal(settle.callbacks.count, 1);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE route = 'callback' AND state = 1 AND"
                           " worker = 'webhook' AND run_at_ms = 2000 AND callback IS NULL"),
                     1);
    assert_int_equal(query("SELECT input_bytes FROM jobs WHERE route = 'callback'"),
                     settle.callbacks.bytes);

    struct call_input input = callback_input();
    assert_string_equal(input.method, "POST");
    assert_string_equal(call_input_find(&input, CALL_PARAM, "url"), "https://example.org/done");
    assert_string_equal(call_input_find(&input, CALL_HEADER, "content-type"), "application/json");
    assert_non_null(strstr(input.body, "\"type\":\"job.succeeded\""));
    assert_non_null(strstr(input.body, insert.delivery_id));
    assert_non_null(strstr(input.body, "\"body\":\"done\""));
    assert_non_null(strstr(input.body, "\"finished_at\":\"1970-01-01T00:00:02.000Z\""));
    assert_null(strstr(input.body, insert.id));
    call_input_fini(&input);
}

static int64_t callback_count(void)
{
    return query("SELECT count(*) FROM jobs WHERE route = 'callback'");
}

static void an_attempt_that_is_tried_again_makes_none(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_with_callback(JOB_RUNNING);
    struct settle_operation settle = settle_of(insert.claim, JOB_RETRYING);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_int_equal(settle.callbacks.count, 0);
    assert_int_equal(callback_count(), 0);
}

static void a_write_that_comes_too_late_makes_none(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_with_callback(JOB_RUNNING);
    struct settle_operation settle = settle_of(insert.claim, JOB_DEAD);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_false(settle.changed);
    assert_int_equal(settle.callbacks.count, 0);
    assert_int_equal(callback_count(), 1);
}

static void a_job_without_one_makes_none(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert_added(&insert);
    struct settle_operation settle = settle_of(insert.claim, JOB_DEAD);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_int_equal(callback_count(), 0);
}

static void a_cancel_is_told_too(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_with_callback(JOB_QUEUED);
    struct change_operation cancel = change_of(JOB_ACTION_CANCEL, insert.id);
    assert_int_equal(run(&cancel.base), FERRY_OK);
    assert_int_equal(cancel.callbacks.count, 1);
    assert_true(cancel.callbacks.bytes > 0);
    change_operation_fini(&cancel);
    struct call_input input = callback_input();
    assert_non_null(strstr(input.body, "\"type\":\"job.cancelled\""));
    call_input_fini(&input);
}

static void a_withdrawn_job_that_is_given_back_is_told(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_with_callback(JOB_RUNNING);
    struct change_operation cancel = change_of(JOB_ACTION_CANCEL, insert.id);
    assert_int_equal(run(&cancel.base), FERRY_OK);
    assert_int_equal(cancel.callbacks.count, 0); /* not before its end */
    change_operation_fini(&cancel);
    struct release_operation release = {
        .base = {.kind = OPERATION_RELEASE}, .key = insert.claim, .now_ms = 2000, .run_at_ms = 2};
    assert_int_equal(run(&release.base), FERRY_OK);
    assert_int_equal(release.callbacks.count, 1);
    assert_int_equal(callback_count(), 1);
}

static void an_end_whose_callback_is_not_written_is_not_written(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_with_callback(JOB_RUNNING);
    folder_sql(&folder, "CREATE TRIGGER refuse BEFORE INSERT ON jobs"
                        " BEGIN SELECT raise(ABORT, 'refused'); END");
    struct settle_operation settle = settle_of(insert.claim, JOB_DEAD);
    assert_int_equal(run(&settle.base), FERRY_REJECTED);
    assert_int_equal(query("SELECT state FROM jobs"), JOB_RUNNING);
    folder_sql(&folder, "DROP TRIGGER refuse");
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_true(settle.changed);
    assert_int_equal(settle.callbacks.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITING_TEST(the_callback_is_a_request_that_tells_all_but_the_id),
        WRITING_TEST(an_attempt_that_is_tried_again_makes_none),
        WRITING_TEST(a_write_that_comes_too_late_makes_none),
        WRITING_TEST(a_job_without_one_makes_none),
        WRITING_TEST(a_cancel_is_told_too),
        WRITING_TEST(a_withdrawn_job_that_is_given_back_is_told),
        WRITING_TEST(an_end_whose_callback_is_not_written_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
