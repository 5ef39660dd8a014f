/* The reports at the start: what an earlier process left behind, ended and counted. */
#include "packing.h"

#include "reports.h"

static const unsigned char next_boot[RANDOM_ID_BYTES] = "the next one";
static struct interrupted_job last;
static int visits;

static void on_interrupted(void *arg, const struct interrupted_job *job)
{
    (void)arg;
    last = *job;
    last.route = NULL; /* the visit's own */
    visits++;
}

static void interrupt(unsigned max_crashes)
{
    visits = 0;
    assert_int_equal(report_interrupt(writer_statements(writer), next_boot, max_crashes, 6000,
                                      on_interrupted, NULL, NULL),
                     0);
}

static struct insert_operation insert_running(const char *callback)
{
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert.callback = callback;
    insert_added(&insert);
    return insert;
}

static void an_interrupted_job_is_queued_again_and_counts_a_crash(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_running("http://x/");
    interrupt(2);
    assert_int_equal(visits, 1);
    assert_string_equal(last.delivery_id, insert.delivery_id);
    assert_int_equal(last.state, JOB_QUEUED);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 1 AND crashes = 1 AND"
                           " attempt = 0 AND version = 2 AND finished_ms IS NULL"),
                     1);
    interrupt(2); /* nothing runs any more */
    assert_int_equal(visits, 0);
}

static void one_past_its_crashes_is_dead_and_its_callback_is_made(void **ctx)
{
    (void)ctx;
    insert_running("http://x/");
    insert_running(NULL);
    interrupt(1);
    assert_int_equal(visits, 2);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 5 AND finished_ms = 6000"), 2);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE route = 'callback' AND state = 1"), 1);
}

static void one_that_was_withdrawn_is_cancelled(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_running("http://x/");
    struct change_operation cancel = change_of(JOB_ACTION_CANCEL, insert.id);
    assert_int_equal(run(&cancel.base), FERRY_OK);
    change_operation_fini(&cancel);
    interrupt(1);
    assert_int_equal(last.state, JOB_CANCELLED);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 6 AND finished_ms = 6000 AND"
                           " is_cancelling = 0"),
                     1);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE route = 'callback'"), 1);
}

/* Give back what a process of the writer's boot has claimed, all but what it had started. */
static void give_back_unstarted(const struct claim_key *started_key)
{
    struct started *started = started_new(folder.path, writer_boot(writer));
    assert_non_null(started);
    started_note(started, started_reserve(started), started_key);
    started_free(started);
    struct started *before = started_read(folder.path);
    assert_non_null(before);
    assert_int_equal(report_unstarted(writer_statements(writer), before, 6000, NULL), 0);
    started_free(before);
}

static void a_crash_counts_only_against_the_jobs_that_had_started(void **ctx)
{
    (void)ctx;
    struct insert_operation innocent = insert_running("http://x/");
    struct insert_operation started = insert_running(NULL);
    folder_sql(&folder, "UPDATE jobs SET token = job");
    give_back_unstarted(&(struct claim_key){started.claim.job, started.claim.job});
    assert_int_equal(query("SELECT job FROM jobs WHERE state = 1"), innocent.claim.job);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 1 AND attempt = 0 AND"
                           " crashes = 0 AND run_at_ms = 1000 AND token IS NULL"),
                     1);
    interrupt(1);
    assert_int_equal(visits, 1);
    assert_string_equal(last.delivery_id, started.delivery_id);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 5 AND crashes = 1"), 1);
}

static void one_that_was_withdrawn_before_it_started_is_cancelled(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_running("http://x/");
    struct change_operation cancel = change_of(JOB_ACTION_CANCEL, insert.id);
    assert_int_equal(run(&cancel.base), FERRY_OK);
    change_operation_fini(&cancel);
    give_back_unstarted(&(struct claim_key){1, 2});
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 6 AND finished_ms = 6000"), 1);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE route = 'callback'"), 1);
}

/* ---- counts, pauses, slots ---- */

static char reported[256];

static void on_count(void *arg, const char *route, enum job_state state, int64_t count,
                     int64_t bytes)
{
    (void)arg;
    size_t length = strlen(reported);
    snprintf(reported + length, sizeof reported - length, "%s %s %lld %lld;", route,
             job_state_name(state), (long long)count, (long long)bytes);
}

static void jobs_are_counted_by_route_and_state(void **ctx)
{
    (void)ctx;
    insert_in(JOB_QUEUED);
    insert_in(JOB_QUEUED);
    insert_in(JOB_DEAD);
    *reported = '\0';
    assert_int_equal(report_count(writer_statements(writer), on_count, NULL, NULL), 0);
    assert_string_equal(reported, "/r queued 2 10;/r dead 1 5;");
}

static void those_in_packs_are_counted_with_those_in_rows(void **ctx)
{
    (void)ctx;
    struct together together = {0};
    for (int i = 0; i < 3; i++) {
        struct comer *jobs = together_add(&together, TOGETHER_LEAST + i, 1000);
        for (int k = 0; i < 2 && k < TOGETHER_LEAST + i; k++)
            jobs[k].insert.route = "/other";
        together_add(&together, 1, 1000)->insert.route = "/row";
    }
    together_run(&together);
    expect_tables(3, 3 * TOGETHER_LEAST + 3, 3);
    insert_in(JOB_SUCCEEDED);
    insert_in(JOB_QUEUED);
    writing_reopen();
    *reported = '\0';
    assert_int_equal(report_count(writer_statements(writer), on_count, NULL, NULL), 0);
    assert_string_equal(reported, "/other succeeded 17 0;/r queued 1 5;/r succeeded 11 5;"
                                  "/row succeeded 3 15;");
}

static void on_named_time(void *arg, const char *name, int64_t ms)
{
    (void)arg;
    size_t length = strlen(reported);
    snprintf(reported + length, sizeof reported - length, "%s %lld;", name, (long long)ms);
}

static void pause_route(const char *route, bool is_paused, int64_t now_ms)
{
    struct pause_operation operation = {.base = {.kind = OPERATION_PAUSE},
                                        .route = route,
                                        .is_paused = is_paused,
                                        .now_ms = now_ms};
    assert_int_equal(run(&operation.base), FERRY_OK);
}

static void a_paused_route_is_reported_until_it_is_resumed(void **ctx)
{
    (void)ctx;
    pause_route("/a", true, 10);
    pause_route("/a", true, 11); /* since when it has been so */
    pause_route("/b", true, 12);
    pause_route("/b", false, 13);
    pause_route("/never", false, 14);
    *reported = '\0';
    assert_int_equal(report_paused(writer_statements(writer), on_named_time, NULL, NULL), 0);
    assert_string_equal(reported, "/a 10;");
}

static void the_last_slot_of_each_schedule_is_reported(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = insert_of(JOB_QUEUED);
    insert.schedule = "nightly";
    insert.slot_ms = 77;
    insert_added(&insert);
    *reported = '\0';
    assert_int_equal(report_slots(writer_statements(writer), on_named_time, NULL, NULL), 0);
    assert_string_equal(reported, "nightly 77;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITING_TEST(an_interrupted_job_is_queued_again_and_counts_a_crash),
        WRITING_TEST(one_past_its_crashes_is_dead_and_its_callback_is_made),
        WRITING_TEST(one_that_was_withdrawn_is_cancelled),
        WRITING_TEST(a_crash_counts_only_against_the_jobs_that_had_started),
        WRITING_TEST(one_that_was_withdrawn_before_it_started_is_cancelled),
        WRITING_TEST(jobs_are_counted_by_route_and_state),
        cmocka_unit_test_setup_teardown(those_in_packs_are_counted_with_those_in_rows,
                                        writing_set_up_journal, writing_tear_down),
        WRITING_TEST(a_paused_route_is_reported_until_it_is_resumed),
        WRITING_TEST(the_last_slot_of_each_schedule_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
