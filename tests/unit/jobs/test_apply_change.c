/* What somebody does to jobs: what is allowed in which state, and what becomes of them. */
#include "writing.h"

/* Run a change by id and return its code; its one job, if any, goes into *job without its route. */
static int change_one(enum job_action action, const char *id, struct changed_job *job)
{
    struct change_operation change = change_of(action, id);
    run(&change.base);
    *job = (struct changed_job){0};
    if (change.count == 1) {
        assert_string_equal(change.jobs[0].route, "/r");
        *job = change.jobs[0];
        job->route = NULL;
    }
    change_operation_fini(&change);
    return change.base.error.code;
}

static const struct expected {
    enum job_action action;
    enum job_state was;
    int now; /* -1: refused */
} expectations[] = {
    {JOB_ACTION_CANCEL, JOB_SCHEDULED, JOB_CANCELLED},
    {JOB_ACTION_CANCEL, JOB_QUEUED, JOB_CANCELLED},
    {JOB_ACTION_CANCEL, JOB_RUNNING, JOB_RUNNING},
    {JOB_ACTION_CANCEL, JOB_RETRYING, JOB_CANCELLED},
    {JOB_ACTION_CANCEL, JOB_SUCCEEDED, -1},
    {JOB_ACTION_CANCEL, JOB_DEAD, -1},
    {JOB_ACTION_CANCEL, JOB_CANCELLED, -1},
    {JOB_ACTION_RETRY, JOB_SCHEDULED, JOB_QUEUED},
    {JOB_ACTION_RETRY, JOB_QUEUED, JOB_QUEUED},
    {JOB_ACTION_RETRY, JOB_RUNNING, -1},
    {JOB_ACTION_RETRY, JOB_RETRYING, JOB_QUEUED},
    {JOB_ACTION_RETRY, JOB_SUCCEEDED, -1},
    {JOB_ACTION_RETRY, JOB_DEAD, JOB_QUEUED},
    {JOB_ACTION_RETRY, JOB_CANCELLED, JOB_QUEUED},
    {JOB_ACTION_DELETE, JOB_SCHEDULED, -1},
    {JOB_ACTION_DELETE, JOB_QUEUED, -1},
    {JOB_ACTION_DELETE, JOB_RUNNING, -1},
    {JOB_ACTION_DELETE, JOB_RETRYING, -1},
    {JOB_ACTION_DELETE, JOB_SUCCEEDED, JOB_SUCCEEDED},
    {JOB_ACTION_DELETE, JOB_DEAD, JOB_DEAD},
    {JOB_ACTION_DELETE, JOB_CANCELLED, JOB_CANCELLED},
};

static void expect_one(const struct expected *expected)
{
    struct insert_operation insert = insert_in(expected->was);
    struct changed_job job;
    int code = change_one(expected->action, insert.id, &job);
    assert_int_equal(code, expected->now < 0 ? FERRY_CONFLICT : FERRY_OK);
    assert_string_equal(job.id, insert.id);
    assert_int_equal(job.was, expected->was);
    assert_int_equal(job.now, expected->now < 0 ? (int)expected->was : expected->now);
    assert_int_equal(job.version, expected->now < 0 ? 1 : 2);
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT state FROM jobs WHERE job = %lld",
             (long long)insert.claim.job);
    bool is_deleted = expected->action == JOB_ACTION_DELETE && expected->now >= 0;
    assert_int_equal(query(sql), is_deleted ? -1 : (int)job.now);
}

static void each_action_in_each_state(void **ctx)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
        expect_one(&expectations[i]);
        folder_sql(&folder, "PRAGMA foreign_keys = ON; DELETE FROM jobs");
    }
}

static void a_refusal_names_the_state_and_fails_nothing_else(void **ctx)
{
    (void)ctx;
    struct insert_operation ended = insert_in(JOB_SUCCEEDED), other = insert_of(JOB_QUEUED);
    struct change_operation change = change_of(JOB_ACTION_CANCEL, ended.id);
    change.base.next = &other.base;
    writer_run(writer, &change.base);
    assert_int_equal(change.base.error.code, FERRY_CONFLICT);
    assert_non_null(strstr(change.base.error.message, "succeeded"));
    assert_int_equal(other.base.error.code, FERRY_OK);
    change_operation_fini(&change);
}

static void a_running_job_is_marked_and_runs_on(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert_added(&insert);
    struct changed_job job;
    assert_int_equal(change_one(JOB_ACTION_CANCEL, insert.id, &job), FERRY_OK);
    assert_int_equal(query("SELECT is_cancelling FROM jobs"), 1);
    assert_int_equal(query("SELECT token FROM jobs"), 7);
    assert_int_equal(query("SELECT finished_ms IS NULL FROM jobs"), 1);
}

static void a_retry_of_what_has_ended_begins_anew(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_in(JOB_DEAD);
    folder_sql(&folder, "UPDATE jobs SET attempt = 3, crashes = 2, error_code = -4, error = 'why',"
                        " result_status = 500, result_type = 't', result = 'r', is_wall = 1");
    struct changed_job job;
    assert_int_equal(change_one(JOB_ACTION_RETRY, insert.id, &job), FERRY_OK);
    assert_int_equal(job.attempt, 0);
    assert_int_equal(job.weight, 5);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 1 AND run_at_ms = 4000 AND"
                           " attempt = 0 AND crashes = 0 AND finished_ms IS NULL AND error IS NULL"
                           " AND error_code IS NULL AND result_status IS NULL AND result IS NULL"
                           " AND result_type IS NULL AND is_wall = 0"),
                     1);
}

static void a_retry_of_what_waits_makes_it_due(void **ctx)
{
    (void)ctx;
    struct insert_operation later = insert_in(JOB_RETRYING), due = insert_in(JOB_QUEUED);
    folder_sql(&folder, "UPDATE jobs SET attempt = 2, run_at_ms = 9000 WHERE state = 3");
    struct changed_job job;
    assert_int_equal(change_one(JOB_ACTION_RETRY, later.id, &job), FERRY_OK);
    assert_int_equal(job.attempt, 2);
    assert_int_equal(query("SELECT run_at_ms FROM jobs WHERE job = 1"), 4000);
    assert_int_equal(change_one(JOB_ACTION_RETRY, due.id, &job), FERRY_OK);
    assert_int_equal(query("SELECT run_at_ms FROM jobs WHERE job = 2"), 1000); /* its place */
}

static void a_dead_job_whose_input_is_lost_cannot_be_retried(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_in(JOB_DEAD);
    folder_sql(&folder, "DELETE FROM inputs");
    struct changed_job job;
    assert_int_equal(change_one(JOB_ACTION_RETRY, insert.id, &job), FERRY_CONFLICT);
    assert_int_equal(job.now, JOB_DEAD);
    assert_int_equal(query("SELECT state FROM jobs"), JOB_DEAD);
    struct change_operation all = change_of(JOB_ACTION_RETRY, "");
    all.filter.limit = 10;
    assert_int_equal(run(&all.base), FERRY_OK);
    assert_int_equal(all.count, 0);
    change_operation_fini(&all);
}

static void a_deleted_job_is_gone_and_one_that_never_was_is_not_found(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_in(JOB_DEAD);
    struct changed_job job;
    assert_int_equal(change_one(JOB_ACTION_DELETE, insert.id, &job), FERRY_OK);
    assert_int_equal(query("SELECT count(*) FROM inputs"), 0);
    assert_int_equal(change_one(JOB_ACTION_DELETE, insert.id, &job), FERRY_GONE);
    char unknown[RANDOM_ID_TEXT_SIZE];
    assert_int_equal(change_one(JOB_ACTION_DELETE, random_id(unknown), &job), FERRY_NOT_FOUND);
}

/* ---- by a filter ---- */

static void a_filter_changes_what_allows_it_page_by_page(void **ctx)
{
    (void)ctx;
    for (int i = 0; i < 7; i++) {
        insert_in(JOB_QUEUED);
        insert_in(JOB_SUCCEEDED);
    }
    folder_sql(&folder, "UPDATE jobs SET route = '/other' WHERE job = 1");
    struct change_operation change = change_of(JOB_ACTION_CANCEL, "");
    change.filter = (struct job_filter){.route = "/r", .limit = 4};
    assert_int_equal(run(&change.base), FERRY_OK);
    assert_int_equal(change.count, 4);
    assert_true(change.next > 0);
    assert_int_equal(change.jobs[0].was, JOB_QUEUED);
    assert_int_equal(change.jobs[0].now, JOB_CANCELLED);
    change.filter.before = change.next;
    assert_int_equal(run(&change.base), FERRY_OK);
    assert_int_equal(change.count, 2);
    assert_int_equal(change.next, 0);
    change_operation_fini(&change);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 6"), 6);
    assert_int_equal(query("SELECT state FROM jobs WHERE job = 1"), JOB_QUEUED);
}

static void a_filter_of_states_that_do_not_allow_it_changes_nothing(void **ctx)
{
    (void)ctx;
    insert_in(JOB_QUEUED);
    struct change_operation change = change_of(JOB_ACTION_DELETE, "");
    change.filter = (struct job_filter){.states = 1U << JOB_QUEUED, .limit = 4};
    assert_int_equal(run(&change.base), FERRY_OK);
    assert_int_equal(change.count, 0);
    assert_int_equal(change.next, 0);
    change_operation_fini(&change);
}

/* ---- retention ---- */

static struct retire_operation retire_of(const char *route)
{
    return (struct retire_operation){
        .base = {.kind = OPERATION_RETIRE},
        .route = route,
        .before_ms = 2000,
        .now_ms = 5000,
        .limit = 2,
    };
}

static void retention_is_a_routes_own_and_goes_in_batches(void **ctx)
{
    (void)ctx;
    for (int i = 0; i < 3; i++)
        insert_in(JOB_DEAD);
    insert_in(JOB_SUCCEEDED);
    folder_sql(&folder, "UPDATE jobs SET finished_ms = 2000 WHERE job = 1;" /* not yet */
                        "UPDATE jobs SET route = '/other' WHERE job = 2");
    struct retire_operation retire = retire_of("/r");
    retire.limit = 1;
    assert_int_equal(run(&retire.base), FERRY_OK);
    assert_int_equal(retire.count, 1);
    retire.limit = 10;
    assert_int_equal(run(&retire.base), FERRY_OK);
    assert_int_equal(retire.count, 1);
    assert_int_equal(retire.deleted[JOB_SUCCEEDED], 1);
    assert_int_equal(retire.deleted[JOB_DEAD], 0);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE job IN (1, 2)"), 2);
    assert_int_equal(query("SELECT count(*) FROM jobs"), 2);
    assert_int_equal(query("SELECT count(*) FROM inputs"), 2);
}

static void what_was_retired_is_known_as_gone_until_it_is_forgotten(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_of(JOB_QUEUED);
    insert.key = "k";
    insert_added(&insert);
    folder_sql(&folder, "UPDATE jobs SET state = 4, finished_ms = 1500");
    struct retire_operation retire = retire_of("/r");
    assert_int_equal(run(&retire.base), FERRY_OK);
    assert_int_equal(query("SELECT count(*) FROM keys"), 0);
    struct changed_job job;
    assert_int_equal(change_one(JOB_ACTION_DELETE, insert.id, &job), FERRY_GONE);
    retire.counts_ids = true;
    assert_int_equal(run(&retire.base), FERRY_OK);
    assert_int_equal(retire.forgotten, 0);
    assert_int_equal(retire.remembered, 1);
    retire.forget_ms = 5001;
    retire.route = NULL;
    assert_int_equal(run(&retire.base), FERRY_OK);
    assert_int_equal(retire.forgotten, 1);
    assert_int_equal(retire.remembered, 0);
    assert_int_equal(change_one(JOB_ACTION_DELETE, insert.id, &job), FERRY_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITING_TEST(each_action_in_each_state),
        WRITING_TEST(a_refusal_names_the_state_and_fails_nothing_else),
        WRITING_TEST(a_running_job_is_marked_and_runs_on),
        WRITING_TEST(a_retry_of_what_has_ended_begins_anew),
        WRITING_TEST(a_retry_of_what_waits_makes_it_due),
        WRITING_TEST(a_dead_job_whose_input_is_lost_cannot_be_retried),
        WRITING_TEST(a_deleted_job_is_gone_and_one_that_never_was_is_not_found),
        WRITING_TEST(a_filter_changes_what_allows_it_page_by_page),
        WRITING_TEST(a_filter_of_states_that_do_not_allow_it_changes_nothing),
        WRITING_TEST(retention_is_a_routes_own_and_goes_in_batches),
        WRITING_TEST(what_was_retired_is_known_as_gone_until_it_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
