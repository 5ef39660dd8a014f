/* Dispatch where a write fails, or comes late: nothing is forgotten, and nothing is done twice. */
#include "one_fixture.h"

#include "dispatch.h"

static int jobs_wanted;

static bool has_succeeded(struct fixture *at)
{
    return fixture_metric(at, "ferry_jobs{state=\"succeeded\"}") == jobs_wanted &&
           queue_is_idle(at->queue);
}

/* ---- writes that come late ---- */

/* A write of /second has failed, and a claim has found nothing since. */
static bool is_nothing_known(struct fixture *at)
{
    const struct dispatch_route *route = dispatch_route_find(at->queue, "/second");
    return fixture_metric(at, "ferry_store_failed_total") >= 1 && !route->claiming &&
           route->next_run_at_ms == INT64_MAX;
}

static bool has_failed_to_claim(struct fixture *at)
{
    return fixture_metric(at, "ferry_store_failed_total") >= 1 && queue_is_idle(at->queue);
}

static void refuse_state(enum job_state state)
{
    char sql[128];
    snprintf(sql, sizeof sql,
             "CREATE TRIGGER fails BEFORE UPDATE OF state ON jobs WHEN NEW.state = %d BEGIN"
             " SELECT RAISE(ABORT, 'x'); END",
             (int)state);
    folder_sql(&f->folder, sql);
}

static void a_retry_that_is_written_late_is_not_forgotten(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_wait(f, is_idle);
    refuse_state(JOB_RETRYING);
    fixture_add_committed(f, "/second", "x");
    fixture_wait(f, is_nothing_known);
    folder_sql(&f->folder, "DROP TRIGGER fails");
    jobs_wanted = 1;
    fixture_wait(f, has_succeeded);
}

static void a_claim_that_failed_is_made_again(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    fixture_add_committed(f, "/second", "x");
    refuse_state(JOB_RUNNING);
    queue_start(f->queue);
    fixture_wait(f, has_failed_to_claim);
    assert_int_equal(f->queue->pools->held, 0);
    folder_sql(&f->folder, "DROP TRIGGER fails");
    jobs_wanted = 1;
    fixture_wait(f, has_succeeded);
}

static void a_claim_that_is_undone_late_is_not_forgotten(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    fixture_add_committed(f, "/second", "x");
    folder_sql(&f->folder, "UPDATE jobs SET state = 2, token = 77");
    queue_start(f->queue);
    fixture_wait(f, is_idle);
    refuse_state(JOB_QUEUED);
    queue_undo(f->queue, NULL, 77);
    fixture_wait(f, is_nothing_known);
    folder_sql(&f->folder, "DROP TRIGGER fails");
    jobs_wanted = 1;
    fixture_wait(f, has_succeeded);
}

/* ---- commits that fail: what they were of may be on disk all the same ---- */

/* Have a commit fail that makes a job, or has it claimed. */
static void refuse_commit(const char *when)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "CREATE TABLE known (one INTEGER PRIMARY KEY);"
             "CREATE TABLE unknown (one REFERENCES known DEFERRABLE INITIALLY DEFERRED);"
             "CREATE TRIGGER fails %s BEGIN INSERT INTO unknown VALUES (1); END",
             when);
    folder_sql(&f->folder, sql);
}

static void a_claim_in_doubt_is_undone(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_wait(f, is_idle);
    struct dispatch_route *route = dispatch_route_find(f->queue, "/echo");
    gate_pause(&route->gate, true);
    fixture_add_committed(f, "/echo", "claimed");
    fixture_add_committed(f, "/echo", "left over"); /* stands for it, had it got there */
    fixture_wait(f, is_idle);
    refuse_commit("AFTER UPDATE OF state ON jobs WHEN NEW.state = 2 AND NEW.job = 1");
    gate_pause(&route->gate, false);
    f->queue->is_behind_batch = true;
    dispatch_batch_gone(f->queue); /* at once */
    assert_true(route->claiming);
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE jobs SET state = 2, attempt = 1, token = %lld WHERE job = 2",
             (long long)route->claim.token);
    folder_sql(&f->folder, sql);
    fixture_wait(f, has_failed_to_claim);
    folder_sql(&f->folder, "DROP TRIGGER fails");
    jobs_wanted = 2;
    fixture_wait(f, has_succeeded);
}

static void a_job_in_doubt_is_undone(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_wait(f, is_idle);
    gate_pause(&dispatch_route_find(f->queue, "/echo")->gate, true);
    refuse_commit("AFTER INSERT ON jobs");
    double before = fixture_metric(f, "ferry_store_operations_total");
    fixture_add(f, "/echo", "x");
    fixture_wait(f, is_answered);
    assert_int_equal(f->refused, 1);
    fixture_wait(f, is_idle);
    assert_true(fixture_metric(f, "ferry_store_operations_total") > before + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_retry_that_is_written_late_is_not_forgotten),
        TEST(a_claim_that_failed_is_made_again),
        TEST(a_claim_that_is_undone_late_is_not_forgotten),
        TEST(a_claim_in_doubt_is_undone),
        TEST(a_job_in_doubt_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
