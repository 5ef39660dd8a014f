/* The end of a queue: drain, interrupt, close. */
#include <glob.h>

#include "one_fixture.h"

#include "dispatch.h"

static bool is_running_one(struct fixture *at)
{
    (void)at;
    return atomic_load(&fakes.running) == 1;
}

static void while_it_drains_what_runs_goes_on_and_what_comes_stays(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x");
    char running_id[RANDOM_ID_TEXT_SIZE];
    memcpy(running_id, f->last_id, sizeof running_id);
    fixture_wait(f, is_running_one);
    queue_drain(f->queue);
    assert_false(queue_is_idle(f->queue));
    fixture_add_committed(f, "/echo", "x");
    gate_set(true);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, running_id)->state, JOB_SUCCEEDED);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
    assert_int_equal(atomic_load(&fakes.runs), 1);
}

static void a_claim_in_flight_when_the_drain_begins_is_given_back(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    fixture_add_committed(f, "/echo", "x");
    queue_start(f->queue);
    f->queue->is_behind_batch = true;
    dispatch_batch_gone(f->queue); /* at once */
    assert_true(dispatch_route_find(f->queue, "/echo")->claiming);
    queue_drain(f->queue);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
    assert_int_equal(f->record.attempt, 0);
    assert_int_equal(atomic_load(&fakes.runs), 0);
}

static void one_that_is_yet_to_be_made_then_is_not(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add(f, "/second", "x"); /* waits for the first claim, and is gathered */
    dispatch(f->queue);
    assert_true(dispatch_is_due(f->queue));
    queue_drain(f->queue);
    assert_false(dispatch_is_due(f->queue));
    dispatch(f->queue);
    assert_false(dispatch_is_due(f->queue));
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
    assert_int_equal(f->record.version, 1);
}

static void drain_behind_batch(void *arg)
{
    struct queue *queue = arg;
    assert_true(queue->is_behind_batch);
    queue_drain(queue);
    assert_false(dispatch_is_due(queue));
}

static void nor_is_one_that_waits_for_a_batch_to_go(void **ctx)
{
    (void)ctx;
    struct dispatch_route *route = fixture_start_paused(f, "/echo");
    char waiting[RANDOM_ID_TEXT_SIZE];
    memcpy(waiting, f->last_id, sizeof waiting);
    gate_pause(&route->gate, false);
    fixture_add(f, "/second", "x"); /* the store gathers */
    dispatch(f->queue);
    ferry_loop_call_later(f->loop, 0, drain_behind_batch, f->queue);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, waiting)->state, JOB_QUEUED);
    assert_int_equal(f->record.version, 1);
}

static void an_interrupted_attempt_counts_neither_as_attempt_nor_as_crash(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_running_one);
    queue_drain(f->queue);
    queue_interrupt(f->queue);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
    assert_int_equal(f->record.attempt, 0);
    assert_int_equal(f->record.crashes, 0);
    assert_true(fixture_metric(
                    f, "ferry_job_attempts_total{route=\"/gate\",outcome=\"interrupted\"}") == 1);
}

static bool is_running_none(struct fixture *at)
{
    ferry_executor_stats stats;
    ferry_executor_get_stats(at->executor, &stats);
    return stats.finished == stats.submitted;
}

static void a_result_after_the_interrupt_is_ignored(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_running_one);
    queue_interrupt(f->queue);
    gate_set(true);
    fixture_wait(f, is_running_none);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
}

static void a_result_after_the_close_is_ignored_and_the_job_runs_at_the_next_start(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_running_one);
    fixture_close(f);
    gate_set(true);
    fixture_wait(f, is_running_none);
    fixture_start(f);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_SUCCEEDED);
    assert_int_equal(f->record.attempt, 1);
    assert_int_equal(f->record.crashes, 0);
    assert_int_equal(atomic_load(&fakes.runs), 2);
}

static void a_timeout_after_the_close_is_nobodys(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/gate")->timeout_ms = 50;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_running_one);
    fixture_close(f);
    ferry_loop_call_later(f->loop, 50, fixture_stop, f->loop); /* behind the timeout's timer */
    ferry_loop_run(f->loop);
    assert_int_equal(f->pool.stuck, 0);
}

static void what_was_added_before_the_close_is_committed_and_answered(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    for (int i = 0; i < 100; i++)
        fixture_add(f, "/echo", "x");
    fixture_close(f); /* the loop has not run: all of it is still on its way */
    assert_int_equal(f->accepted, 100);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 1"), 100);
    assert_int_equal(folder_query(&f->folder, "SELECT sum(attempt + crashes) FROM jobs"), 0);
    fixture_start(f);
    fixture_wait(f, is_idle);
    assert_int_equal(atomic_load(&fakes.runs), 100);
}

static void a_look_up_that_waits_is_answered_by_the_close(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x");
    f->found = false;
    queue_get(f->queue, f->last_id, on_found, f);
    fixture_close(f);
    assert_true(f->found);
    gate_set(true);
}

static void after_the_close_the_metrics_can_still_be_read(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/echo", "x");
    assert_true(fixture_metric(f, "ferry_route_open{route=\"/echo\"}") == 1);
    fixture_close(f);
    assert_true(fixture_metric(f, "ferry_jobs{state=\"queued\"}") == 0);
    assert_true(fixture_metric(f, "ferry_route_open{route=\"/echo\"}") == 0);
}

static void the_folder_is_free_after_the_close_and_not_before(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    ferry_error error = {0};
    assert_null(queue_open(f->loop, &f->options, &error));
    assert_int_equal(error.code, FERRY_CONFLICT);
    assert_int_equal(fixture_try_add(f, "/echo", "x"), 0); /* the first one works on */
    fixture_wait(f, is_answered);
    assert_int_equal(f->accepted, 1);
    fixture_close(f);
    fixture_start(f);
}

static void the_wal_is_gone_after_the_close(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/echo", "x");
    fixture_get(f, f->last_id); /* the reader has it open, too */
    fixture_close(f);
    char *wal = text_printf("%s-wal", f->folder.database);
    assert_int_not_equal(access(wal, F_OK), 0);
    free(wal);
}

static void remove_set_aside(void)
{
    glob_t found;
    char *pattern = text_printf("%s.damaged-*", f->folder.database);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        assert_int_equal(unlink(found.gl_pathv[i]), 0);
    globfree(&found);
    free(pattern);
}

static void a_damaged_database_is_set_aside_and_no_new_one_made_before_it_is_moved(void **ctx)
{
    (void)ctx;
    FILE *file = fopen(f->folder.database, "w");
    for (int i = 0; i < 100; i++)
        fputs("no database at all\n", file);
    fclose(file);
    ferry_error error = {0};
    assert_null(queue_open(f->loop, &f->options, &error));
    assert_int_equal(error.code, FERRY_INVALID);
    assert_non_null(strstr(error.message, "set aside"));
    assert_null(queue_open(f->loop, &f->options, &error));
    assert_int_equal(error.code, FERRY_INVALID);
    remove_set_aside();
    fixture_start(f);
    fixture_add_committed(f, "/echo", "x");
}

static void a_newer_database_is_refused_and_stays(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    fixture_close(f);
    folder_sql(&f->folder, "PRAGMA user_version = 77");
    for (int i = 0; i < 2; i++) {
        ferry_error error = {0};
        assert_null(queue_open(f->loop, &f->options, &error));
        assert_int_equal(error.code, FERRY_INVALID);
        assert_non_null(strstr(error.message, "77"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(while_it_drains_what_runs_goes_on_and_what_comes_stays),
        TEST(a_claim_in_flight_when_the_drain_begins_is_given_back),
        TEST(one_that_is_yet_to_be_made_then_is_not),
        TEST(nor_is_one_that_waits_for_a_batch_to_go),
        TEST(an_interrupted_attempt_counts_neither_as_attempt_nor_as_crash),
        TEST(a_result_after_the_interrupt_is_ignored),
        TEST(a_result_after_the_close_is_ignored_and_the_job_runs_at_the_next_start),
        TEST(a_timeout_after_the_close_is_nobodys),
        TEST(what_was_added_before_the_close_is_committed_and_answered),
        TEST(a_look_up_that_waits_is_answered_by_the_close),
        TEST(after_the_close_the_metrics_can_still_be_read),
        TEST(the_folder_is_free_after_the_close_and_not_before),
        TEST(the_wal_is_gone_after_the_close),
        TEST(a_damaged_database_is_set_aside_and_no_new_one_made_before_it_is_moved),
        TEST(a_newer_database_is_refused_and_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
