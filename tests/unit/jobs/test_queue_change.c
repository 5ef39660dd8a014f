/* What people do to jobs and routes, and what watches hear of it. */
#include "fixture.h"

static struct fixture fixture, *f = &fixture;

static struct {
    bool is_done;
    struct queue_changed changed;
    ferry_error error;
} change;

static int set_up(void **ctx)
{
    (void)ctx;
    fixture_make(f);
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    fixture_remove(f);
    return 0;
}

/* ---- doing it ---- */

static void on_changed(void *arg, const struct queue_changed *changed, const ferry_error *error)
{
    (void)arg;
    change.is_done = true;
    change.changed = *changed;
    change.error = *error;
}

static bool is_done(struct fixture *at)
{
    (void)at;
    return change.is_done;
}

static ferry_code act(enum job_action action, const char *id)
{
    change.is_done = false;
    queue_change(f->queue, action, id, on_changed, NULL);
    fixture_wait(f, is_done);
    return change.error.code;
}

static uint64_t act_on_all(enum job_action action, struct job_filter filter)
{
    change.is_done = false;
    queue_change_all(f->queue, action, &filter, on_changed, NULL);
    fixture_wait(f, is_done);
    assert_int_equal(change.error.code, FERRY_OK);
    return change.changed.count;
}

static void on_paused(void *arg, const ferry_error *error)
{
    (void)arg;
    change.is_done = true;
    change.error = *error;
}

static ferry_code pause_route(const char *route, bool is_paused)
{
    change.is_done = false;
    queue_pause(f->queue, route, is_paused, on_paused, NULL);
    fixture_wait(f, is_done);
    return change.error.code;
}

static bool is_running(struct fixture *at)
{
    (void)at;
    return atomic_load(&fakes.running) > 0;
}

/* ---- cancel ---- */

static void a_waiting_job_is_cancelled_at_once_and_never_runs(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    pause_route("/echo", true);
    fixture_add_committed(f, "/echo", "x");
    assert_int_equal(act(JOB_ACTION_CANCEL, f->last_id), FERRY_OK);
    assert_int_equal(change.changed.was, JOB_QUEUED);
    assert_int_equal(change.changed.now, JOB_CANCELLED);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_CANCELLED);
    assert_true(f->record.finished_ms > 0);
    assert_int_equal(act(JOB_ACTION_CANCEL, f->last_id), FERRY_CONFLICT);
    assert_int_equal(change.changed.was, JOB_CANCELLED);
    pause_route("/echo", false);
    fixture_wait(f, is_idle);
    assert_int_equal(atomic_load(&fakes.runs), 0);
}

static void a_running_job_is_told_and_ends_as_cancelled(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/patient", "x");
    fixture_wait(f, is_running);
    assert_int_equal(act(JOB_ACTION_CANCEL, f->last_id), FERRY_OK);
    assert_int_equal(change.changed.was, JOB_RUNNING);
    assert_int_equal(change.changed.now, JOB_RUNNING);
    fixture_wait_count(f, JOB_CANCELLED, 1);
    fixture_get(f, f->last_id);
    assert_int_equal(f->record.state, JOB_CANCELLED);
    assert_int_equal(f->record.error_code, FERRY_CANCELLED);
    assert_true(fixture_metric(
                    f, "ferry_job_attempts_total{route=\"/patient\",outcome=\"cancelled\"}") == 1);
}

static void work_that_was_done_all_the_same_has_succeeded(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x"); /* deaf to a cancel */
    fixture_wait(f, is_running);
    assert_int_equal(act(JOB_ACTION_CANCEL, f->last_id), FERRY_OK);
    assert_true(fixture_get(f, f->last_id)->is_cancelling);
    gate_set(true);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
}

static void a_job_that_was_cancelled_while_it_ran_does_not_run_again_after_a_restart(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_running);
    act(JOB_ACTION_CANCEL, f->last_id);
    fixture_close(f); /* interrupts it */
    fixture_start(f);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_CANCELLED);
    gate_set(true);
    assert_int_equal(atomic_load(&fakes.runs), 1);
}

static void an_id_that_nobody_has_is_not_found(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    assert_int_equal(act(JOB_ACTION_CANCEL, "00000000000000000000000000000000"), FERRY_NOT_FOUND);
    assert_int_equal(act(JOB_ACTION_RETRY, "no id"), FERRY_NOT_FOUND);
}

/* ---- retry ---- */

static void a_dead_job_that_is_retried_has_all_its_attempts_again(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/transient", "x");
    fixture_wait_count(f, JOB_DEAD, 1);
    assert_int_equal(atomic_load(&fakes.runs), 3);
    assert_int_equal(act(JOB_ACTION_RETRY, f->last_id), FERRY_OK);
    assert_int_equal(change.changed.was, JOB_DEAD);
    fixture_wait_count(f, JOB_DEAD, 1);
    fixture_wait(f, is_idle);
    assert_int_equal(atomic_load(&fakes.runs), 6);
    assert_int_equal(fixture_get(f, f->last_id)->attempt, 3);
}

static void a_job_that_waits_runs_now_when_it_is_retried(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/second")->backoff_min_ms = 3600000;
    fixture_route(f, "/second")->backoff_max_ms = 3600000;
    fixture_start(f);
    fixture_add_committed(f, "/second", "x");
    fixture_wait_count(f, JOB_RETRYING, 1);
    assert_int_equal(act(JOB_ACTION_RETRY, f->last_id), FERRY_OK);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    assert_int_equal(act(JOB_ACTION_RETRY, f->last_id), FERRY_CONFLICT); /* its input is gone */
}

/* ---- delete ---- */

static void only_a_job_that_has_ended_is_deleted_and_then_it_is_gone(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    pause_route("/echo", true);
    fixture_add_committed(f, "/echo", "x");
    assert_int_equal(act(JOB_ACTION_DELETE, f->last_id), FERRY_CONFLICT);
    act(JOB_ACTION_CANCEL, f->last_id);
    assert_int_equal(act(JOB_ACTION_DELETE, f->last_id), FERRY_OK);
    f->found = false;
    queue_get(f->queue, f->last_id, on_found, f);
    fixture_wait(f, is_found);
    assert_int_equal(f->found_error.code, FERRY_GONE);
    assert_int_equal(act(JOB_ACTION_DELETE, f->last_id), FERRY_GONE);
    assert_true(fixture_metric(f, "ferry_store_failed_total") == 0); /* these are answers */
    assert_true(fixture_metric(f, "ferry_jobs{state=\"cancelled\"}") == 0);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM inputs"), 0);
}

/* ---- many at once ---- */

static void all_jobs_of_a_filter_are_changed_batch_by_batch(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    pause_route("/echo", true);
    pause_route("/second", true);
    for (int i = 0; i < 1203; i++)
        fixture_add(f, i % 400 ? "/echo" : "/second", "x");
    fixture_wait_count(f, JOB_QUEUED, 1203);
    assert_int_equal(act_on_all(JOB_ACTION_CANCEL, (struct job_filter){.route = "/echo"}), 1199);
    fixture_wait_count(f, JOB_QUEUED, 4);
    assert_int_equal(act_on_all(JOB_ACTION_DELETE, (struct job_filter){.states = 1U << JOB_QUEUED}),
                     0);
    assert_int_equal(
        act_on_all(JOB_ACTION_DELETE, (struct job_filter){.states = 1U << JOB_CANCELLED}), 1199);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), 4);
}

/* ---- routes ---- */

static void a_paused_route_starts_nothing_also_after_a_restart_until_it_is_resumed(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    assert_int_equal(pause_route("/echo", true), FERRY_OK);
    fixture_close(f);
    fixture_start(f);
    fixture_add_committed(f, "/echo", "x");
    fixture_add_committed(f, "/second", "x");
    fixture_wait_count(f, JOB_SUCCEEDED, 1); /* the other route's */
    assert_true(fixture_metric(f, "ferry_jobs{state=\"queued\"}") == 1);
    assert_int_equal(pause_route("/echo", false), FERRY_OK);
    fixture_wait_count(f, JOB_SUCCEEDED, 2);
    assert_int_equal(pause_route("/nowhere", true), FERRY_NOT_FOUND);
}

static void what_is_written_behind_a_pause_does_not_start(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_wait(f, is_idle);
    queue_pause(f->queue, "/echo", true, on_paused, NULL);
    fixture_add(f, "/echo", "x"); /* as claimed: the pause is not on disk yet */
    fixture_wait(f, is_idle);
    assert_int_equal(atomic_load(&fakes.runs), 0);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
    assert_int_equal(f->record.attempt, 0);
    assert_int_equal(pause_route("/echo", false), FERRY_OK);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
}

struct seen_routes {
    int count;
    int64_t queued;
    enum queue_gate gate;
};

static void see_route(void *arg, const struct queue_route_status *status)
{
    struct seen_routes *seen = arg;
    seen->count++;
    if (strcmp(status->name, "/echo") != 0)
        return;
    assert_true(status->is_known);
    seen->queued = status->by_state[JOB_QUEUED];
    seen->gate = status->gate;
}

static void each_route_is_shown_with_its_jobs_and_its_gate(void **ctx)
{
    (void)ctx;
    struct seen_routes seen = {0};
    fixture_start(f);
    pause_route("/echo", true);
    for (int i = 0; i < 3; i++)
        fixture_add_committed(f, "/echo", "x");
    queue_each_route(f->queue, see_route, &seen);
    assert_int_equal(seen.count, FAKE_COUNT);
    assert_int_equal(seen.queued, 3);
    assert_int_equal(seen.gate, QUEUE_PAUSED);
    assert_string_equal(queue_gate_name(seen.gate), "paused");
}

/* ---- watches ---- */

static struct {
    int count;
    enum job_state states[16];
    int64_t versions[16];
    bool is_deleted;
} told;

static void on_told(void *arg, const struct job_change *changed)
{
    (void)arg;
    assert_in_range(told.count, 0, 15);
    told.states[told.count] = changed->state;
    told.versions[told.count++] = changed->version;
    told.is_deleted = changed->is_deleted;
}

static void a_watch_hears_of_every_change_in_order(void **ctx)
{
    (void)ctx;
    told.count = 0;
    fixture_start(f);
    pause_route("/second", true);
    fixture_add_committed(f, "/second", "x");
    struct queue_watch *watch = queue_watch(f->queue, f->last_id, on_told, NULL);
    assert_non_null(watch);
    int64_t version = fixture_get(f, f->last_id)->version;
    pause_route("/second", false);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    assert_int_equal(act(JOB_ACTION_DELETE, f->last_id), FERRY_OK);
    static const enum job_state states[] = {JOB_RUNNING, JOB_RETRYING, JOB_RUNNING, JOB_SUCCEEDED,
                                            JOB_SUCCEEDED};
    assert_int_equal(told.count, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(told.states[i], states[i]);
    for (int i = 0; i < 4; i++)
        assert_int_equal(told.versions[i], version + i + 1);
    assert_true(told.is_deleted);
    queue_unwatch(watch);
}

static void the_record_has_the_version_that_a_watch_was_told(void **ctx)
{
    (void)ctx;
    told.count = 0;
    fixture_start(f);
    pause_route("/transient", true);
    fixture_add_committed(f, "/transient", "x");
    struct queue_watch *watch = queue_watch(f->queue, f->last_id, on_told, NULL);
    pause_route("/transient", false);
    fixture_wait_count(f, JOB_DEAD, 1);
    assert_int_equal(fixture_get(f, f->last_id)->version, told.versions[told.count - 1]);
    queue_unwatch(watch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_waiting_job_is_cancelled_at_once_and_never_runs),
        TEST(a_running_job_is_told_and_ends_as_cancelled),
        TEST(work_that_was_done_all_the_same_has_succeeded),
        TEST(a_job_that_was_cancelled_while_it_ran_does_not_run_again_after_a_restart),
        TEST(an_id_that_nobody_has_is_not_found),
        TEST(a_dead_job_that_is_retried_has_all_its_attempts_again),
        TEST(a_job_that_waits_runs_now_when_it_is_retried),
        TEST(only_a_job_that_has_ended_is_deleted_and_then_it_is_gone),
        TEST(all_jobs_of_a_filter_are_changed_batch_by_batch),
        TEST(a_paused_route_starts_nothing_also_after_a_restart_until_it_is_resumed),
        TEST(what_is_written_behind_a_pause_does_not_start),
        TEST(each_route_is_shown_with_its_jobs_and_its_gate),
        TEST(a_watch_hears_of_every_change_in_order),
        TEST(the_record_has_the_version_that_a_watch_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
