/* Attempts on disk: versions, what one leaves to the next, and what a withdrawal makes of them. */
#include "writing.h"

static struct claimed_job claim_one(struct claim_operation *claim)
{
    *claim = claim_of("/r");
    assert_int_equal(run(&claim->base), FERRY_OK);
    assert_int_equal(claim->count, 1);
    return claim->jobs[0];
}

static void each_write_raises_the_version(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert_added(&insert);
    assert_int_equal(query("SELECT version FROM jobs"), 1);
    struct release_operation release = {
        .base = {.kind = OPERATION_RELEASE}, .key = insert.claim, .run_at_ms = 2};
    assert_int_equal(run(&release.base), FERRY_OK);
    assert_int_equal(release.version, 2);
    struct claim_operation claim;
    struct claimed_job job = claim_one(&claim);
    assert_int_equal(job.version, 3);
    assert_int_equal(query("SELECT version FROM jobs"), 3);
    struct settle_operation settle = settle_of(job.key, JOB_RETRYING);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_int_equal(settle.version, 4);
    assert_int_equal(query("SELECT version FROM jobs"), 4);
    claim_operation_fini(&claim);
}

/* Settle as retrying, with this memory (NULL: none is left), and claim again. */
static struct claimed_job retry_with(struct claim_operation *claim, struct claim_key key,
                                     bool remembers, char *memory)
{
    struct settle_operation settle = settle_of(key, JOB_RETRYING);
    settle.remembers = remembers;
    settle.memory = memory;
    settle.memory_length = memory ? strlen(memory) : 0;
    assert_int_equal(run(&settle.base), FERRY_OK);
    return claim_one(claim);
}

static void an_attempt_finds_what_the_one_before_left(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert_added(&insert);
    struct claim_operation claim;
    struct claimed_job job = retry_with(&claim, insert.claim, true, (char[]){"left"});
    assert_int_equal(job.memory_length, 4);
    assert_memory_equal(job.memory, "left", 4);
    claim_operation_fini(&claim);

    job = retry_with(&claim, job.key, false, NULL); /* says nothing: it stays */
    assert_memory_equal(job.memory, "left", 4);
    claim_operation_fini(&claim);

    job = retry_with(&claim, job.key, true, NULL); /* leaves nothing */
    assert_null(job.memory);
    claim_operation_fini(&claim);
}

static void the_memory_of_a_job_that_has_ended_is_dropped(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert_added(&insert);
    struct settle_operation settle = settle_of(insert.claim, JOB_DEAD);
    settle.remembers = true;
    settle.memory = (char[]){"left"};
    settle.memory_length = 4;
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_int_equal(query("SELECT memory IS NULL FROM jobs"), 1);
}

static struct insert_operation insert_withdrawn(void)
{
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert_added(&insert);
    struct change_operation cancel = change_of(JOB_ACTION_CANCEL, insert.id);
    assert_int_equal(run(&cancel.base), FERRY_OK);
    change_operation_fini(&cancel);
    return insert;
}

static void a_withdrawn_job_is_not_tried_again(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_withdrawn();
    struct settle_operation settle = settle_of(insert.claim, JOB_RETRYING);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_true(settle.changed);
    assert_int_equal(settle.state, JOB_CANCELLED);
    assert_int_equal(query("SELECT state FROM jobs"), JOB_CANCELLED);
    assert_int_equal(query("SELECT finished_ms FROM jobs"), 2000);
    assert_int_equal(query("SELECT is_cancelling FROM jobs"), 0);
    assert_int_equal(query("SELECT count(*) FROM inputs"), 1); /* it may be retried */
}

static void a_withdrawn_job_that_succeeds_all_the_same_has_succeeded(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_withdrawn();
    struct settle_operation settle = settle_of(insert.claim, JOB_SUCCEEDED);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_int_equal(settle.state, JOB_SUCCEEDED);
    assert_int_equal(query("SELECT is_cancelling FROM jobs"), 0);
}

/* That its version is known changes how its end is written, and nothing else. */
static void a_job_of_a_known_version_ends_as_any_other(void **ctx)
{
    (void)ctx;
    for (int64_t was_version = 0; was_version <= 1; was_version++) {
        struct insert_operation insert = insert_of(JOB_RUNNING);
        insert.is_wall = true;
        insert_added(&insert);
        folder_sql(&folder, "UPDATE jobs SET error_code = -4, error = 'not today', memory = x'00'"
                            " WHERE state = 2");
        struct settle_operation settle = settle_of(insert.claim, JOB_SUCCEEDED);
        settle.was_version = was_version;
        settle.result_status = 200;
        settle.result_type = (char[]){"text/plain"};
        settle.result = (char[]){"done"};
        settle.result_length = 4;
        assert_int_equal(run(&settle.base), FERRY_OK);
        assert_true(settle.changed);
        assert_int_equal(settle.version, 2);
    }
    assert_int_equal(query("SELECT count(*) FROM (SELECT version, state, attempt, created_ms,"
                           " run_at_ms, finished_ms, is_wall, boot, token, error_code, error,"
                           " result_status, result_type, result, memory, is_cancelling FROM jobs"
                           " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)"),
                     1);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 4 AND version = 2 AND"
                           " finished_ms = 2000 AND token IS NULL AND result = x'646f6e65'"),
                     2);
    assert_int_equal(query("SELECT count(*) FROM inputs"), 0);
}

static void a_job_of_another_version_is_looked_at(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_withdrawn();
    struct settle_operation settle = settle_of(insert.claim, JOB_SUCCEEDED);
    settle.was_version = 1;
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_true(settle.changed);
    assert_int_equal(settle.version, 3);
    assert_int_equal(query("SELECT version FROM jobs WHERE state = 4 AND is_cancelling = 0"), 3);
}

static void a_known_version_is_no_token(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert_added(&insert);
    struct settle_operation settle = settle_of(insert.claim, JOB_SUCCEEDED);
    settle.was_version = 1;
    settle.key.token++;
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_false(settle.changed);
    assert_int_equal(query("SELECT state FROM jobs"), JOB_RUNNING);
    assert_int_equal(query("SELECT count(*) FROM inputs"), 1);
}

static void a_withdrawn_job_that_is_given_back_is_cancelled(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_withdrawn();
    struct release_operation release = {
        .base = {.kind = OPERATION_RELEASE}, .key = insert.claim, .now_ms = 2000, .run_at_ms = 2};
    assert_int_equal(run(&release.base), FERRY_OK);
    assert_true(release.changed);
    assert_int_equal(release.state, JOB_CANCELLED);
    assert_int_equal(query("SELECT finished_ms FROM jobs"), 2000);
}

static void a_backoff_is_no_time_that_a_person_wrote(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert.is_wall = true;
    insert_added(&insert);
    assert_int_equal(query("SELECT is_wall FROM jobs"), 1);
    struct settle_operation settle = settle_of(insert.claim, JOB_RETRYING);
    assert_int_equal(run(&settle.base), FERRY_OK);
    assert_int_equal(query("SELECT is_wall FROM jobs"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITING_TEST(each_write_raises_the_version),
        WRITING_TEST(an_attempt_finds_what_the_one_before_left),
        WRITING_TEST(the_memory_of_a_job_that_has_ended_is_dropped),
        WRITING_TEST(a_withdrawn_job_is_not_tried_again),
        WRITING_TEST(a_withdrawn_job_that_succeeds_all_the_same_has_succeeded),
        WRITING_TEST(a_job_of_a_known_version_ends_as_any_other),
        WRITING_TEST(a_job_of_another_version_is_looked_at),
        WRITING_TEST(a_known_version_is_no_token),
        WRITING_TEST(a_withdrawn_job_that_is_given_back_is_cancelled),
        WRITING_TEST(a_backoff_is_no_time_that_a_person_wrote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
