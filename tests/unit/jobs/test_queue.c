/* The queue: what becomes of a job, from queue_add to its last state. */
#include "one_fixture.h"

static void a_job_runs_after_its_commit_and_its_result_is_kept(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_wait(f, is_idle);
    size_t length;
    char *block = make_block("hello", &length);
    struct queue_job added = {.route = "/echo", .block = block, .length = length};
    assert_int_equal(queue_add(f->queue, &added, on_accepted, f, NULL), 0);
    assert_int_equal(f->accepted, 0); /* not before the loop has run */
    fixture_wait(f, is_answered);
    assert_int_equal(f->accepted, 1);
    fixture_wait(f, is_idle);
    const struct job_record *job = fixture_get(f, f->last_id);
    assert_string_equal(job->id, f->last_id);
    assert_int_equal(job->state, JOB_SUCCEEDED);
    assert_int_equal(job->attempt, 1);
    assert_int_equal(job->crashes, 0);
    assert_int_equal(job->result_status, 200);
    assert_int_equal(job->error_code, FERRY_OK);
    assert_string_equal(f->result, "hello");
    assert_true(job->created_ms > 0 && job->started_ms >= job->created_ms);
    assert_true(job->finished_ms >= job->started_ms);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM inputs"), 0);
}

static void an_accepted_job_is_on_disk(void **ctx)
{
    (void)ctx;
    fixture_open(f); /* not started: it stays queued */
    fixture_add_committed(f, "/echo", "x");
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 1"), 1);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM inputs"), 1);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
    queue_start(f->queue);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_SUCCEEDED);
    assert_string_equal(f->result, "x");
}

static void the_delivery_id_is_not_the_id(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/echo", "x");
    fixture_wait(f, is_idle);
    assert_int_equal(strlen(fakes.delivery_ids[0]), 32);
    assert_string_not_equal(fakes.delivery_ids[0], f->last_id);
}

static bool has_one_dead(struct fixture *at)
{
    return fixture_metric(at, "ferry_jobs{state=\"dead\"}") == 1 && queue_is_idle(at->queue);
}

static void a_transient_failure_is_tried_again_until_the_attempts_are_used_up(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/transient", "x");
    fixture_wait(f, has_one_dead);
    const struct job_record *job = fixture_get(f, f->last_id);
    assert_int_equal(job->state, JOB_DEAD);
    assert_int_equal(job->attempt, 3);
    assert_int_equal(job->error_code, FERRY_TRANSIENT);
    assert_string_equal(f->error_text, "not today");
    assert_int_equal(atomic_load(&fakes.runs), 3);
    assert_string_equal(fakes.delivery_ids[0], fakes.delivery_ids[2]);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM inputs"), 1);
    assert_true(fixture_metric(
                    f, "ferry_job_attempts_total{route=\"/transient\",outcome=\"failed\"}") == 2);
    assert_true(
        fixture_metric(f, "ferry_job_attempts_total{route=\"/transient\",outcome=\"dead\"}") == 1);
}

static bool has_one_retrying(struct fixture *at)
{
    return fixture_metric(at, "ferry_jobs{state=\"retrying\"}") == 1;
}

static void a_job_that_waits_out_its_backoff_is_retrying(void **ctx)
{
    (void)ctx;
    struct queue_route *route = fixture_route(f, "/transient");
    route->backoff_min_ms = route->backoff_max_ms = 3600000;
    fixture_start(f);
    fixture_add_committed(f, "/transient", "x");
    fixture_wait(f, has_one_retrying);
    const struct job_record *job = fixture_get(f, f->last_id);
    assert_int_equal(job->state, JOB_RETRYING);
    assert_int_equal(job->attempt, 1);
    assert_int_equal(job->error_code, FERRY_TRANSIENT);
    assert_true(job->run_at_ms >= job->started_ms + 3600000 / 2);
    assert_int_equal(atomic_load(&fakes.runs), 1);
    assert_true(queue_is_idle(f->queue)); /* nothing in memory for it */
}

static bool has_one_succeeded(struct fixture *at)
{
    return fixture_metric(at, "ferry_jobs{state=\"succeeded\"}") == 1 && queue_is_idle(at->queue);
}

static void a_later_attempt_may_succeed(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/second", "x");
    fixture_wait(f, has_one_succeeded);
    const struct job_record *job = fixture_get(f, f->last_id);
    assert_int_equal(job->attempt, 2);
    assert_int_equal(job->error_code, FERRY_OK); /* it is past */
    assert_string_equal(f->result, "at last");
}

static void a_permanent_failure_is_the_end_at_once(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/permanent", "x");
    fixture_wait(f, has_one_dead);
    const struct job_record *job = fixture_get(f, f->last_id);
    assert_int_equal(job->state, JOB_DEAD);
    assert_int_equal(job->attempt, 1);
    assert_int_equal(job->error_code, FERRY_INVALID);
    assert_string_equal(f->error_text, "never");
}

static void a_damaged_input_is_the_end_of_its_job_only(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    fixture_add_committed(f, "/echo", "x");
    folder_sql(&f->folder, "UPDATE inputs SET block = x'00'");
    fixture_add_committed(f, "/echo", "lost");
    folder_sql(&f->folder, "DELETE FROM inputs WHERE job = 2");
    fixture_add_committed(f, "/echo", "sound");
    queue_start(f->queue);
    fixture_wait(f, has_one_succeeded);
    assert_true(fixture_metric(f, "ferry_jobs{state=\"dead\"}") == 2);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_SUCCEEDED);
}

static bool is_running_one(struct fixture *at)
{
    (void)at;
    return atomic_load(&fakes.running) == 1;
}

static void a_running_job_shows_its_progress(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_running_one);
    double fraction = 0;
    char message[64] = "";
    while (!queue_get_progress(f->queue, f->last_id, &fraction, message, sizeof message))
        ;
    assert_true(fraction == 0.5);
    assert_string_equal(message, "at the gate");
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_RUNNING);
    assert_false(queue_get_progress(f->queue, "0123456789abcdef0123456789abcdef", &fraction,
                                    message, sizeof message));
    gate_set(true);
    fixture_wait(f, is_idle);
    assert_false(queue_get_progress(f->queue, f->last_id, &fraction, message, sizeof message));
}

/* ---- the timeout ---- */

static void an_attempt_past_its_timeout_is_cancelled_and_counts_as_failed(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/patient")->timeout_ms = 5;
    fixture_route(f, "/patient")->attempts = 2;
    fixture_start(f);
    fixture_add_committed(f, "/patient", "x");
    fixture_wait(f, has_one_dead);
    const struct job_record *job = fixture_get(f, f->last_id);
    assert_int_equal(job->attempt, 2); /* though its worker says that it would fail for ever */
    assert_int_equal(job->error_code, FERRY_DEADLINE);
}

static bool timeout_has_passed;

static void on_timeout_passed(void *arg)
{
    (void)arg;
    timeout_has_passed = true;
}

static bool is_timeout_passed(struct fixture *at)
{
    (void)at;
    return timeout_has_passed;
}

static void an_overdue_attempt_stays_running_and_may_still_succeed(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/gate")->timeout_ms = 5;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_running_one);
    timeout_has_passed = false;
    ferry_loop_call_later(f->loop, 50, on_timeout_passed, NULL); /* behind the timeout's timer */
    fixture_wait(f, is_timeout_passed);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_RUNNING);
    assert_int_equal(atomic_load(&fakes.runs), 1); /* no second one beside it */
    gate_set(true);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_SUCCEEDED);
    assert_int_equal(f->record.attempt, 1);
}

static bool is_one_dead(struct fixture *at)
{
    return fixture_metric(at, "ferry_jobs{state=\"dead\"}") == 1;
}

/* The one route's attempts stay, the other's end by their timeout, which is short. */
static void start_with_timeouts(int64_t gate_ms)
{
    fixture_route(f, "/gate")->timeout_ms = gate_ms;
    fixture_route(f, "/patient")->timeout_ms = 5;
    fixture_route(f, "/patient")->attempts = 1;
    fixture_start(f);
}

static void a_timeout_that_ends_before_an_earlier_attempts_is_kept(void **ctx)
{
    (void)ctx;
    start_with_timeouts(3600000);
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_running_one);
    fixture_add_committed(f, "/patient", "x");
    fixture_wait(f, is_one_dead);
    assert_int_equal(fixture_get(f, f->last_id)->error_code, FERRY_DEADLINE);
    gate_set(true);
    fixture_wait(f, is_idle);
}

static bool has_one_stuck(struct fixture *at)
{
    return at->pool.stuck == 1;
}

static void a_timeout_that_ends_after_another_is_kept(void **ctx)
{
    (void)ctx;
    start_with_timeouts(100);
    fixture_add(f, "/gate", "x");
    fixture_add(f, "/patient", "x");
    fixture_wait(f, is_one_dead);
    fixture_wait(f, has_one_stuck);
    gate_set(true);
    fixture_wait(f, is_idle);
    assert_int_equal(f->pool.stuck, 0);
}

static bool have_two_stuck(struct fixture *at)
{
    return at->pool.stuck >= 2;
}

static void each_attempt_is_overdue_in_its_turn_and_once(void **ctx)
{
    (void)ctx;
    struct queue_route *last = fixture_route(f, "/second"), *second = fixture_route(f, "/echo");
    last->worker = second->worker = fixture_route(f, "/gate")->worker;
    last->timeout_ms = 3600000;
    second->timeout_ms = 100;
    start_with_timeouts(5);
    fixture_add_committed(f, "/second", "x");
    fixture_wait(f, is_running_one);
    fixture_add(f, "/gate", "x");
    fixture_add(f, "/echo", "x");
    fixture_wait(f, have_two_stuck);
    assert_int_equal(f->pool.stuck, 2);
    gate_set(true);
    fixture_wait(f, is_idle);
    assert_int_equal(f->pool.stuck, 0);
}

/* ---- bounds ---- */

static void pending_jobs_are_bounded_by_number(void **ctx)
{
    (void)ctx;
    f->options.max_pending = 3;
    fixture_open(f);
    for (int i = 0; i < 3; i++)
        fixture_add(f, "/echo", "x");
    assert_int_equal(fixture_try_add(f, "/echo", "x"), FERRY_REJECTED);
    queue_start(f->queue);
    fixture_wait(f, is_idle);
    assert_int_equal(f->accepted, 3);
    assert_int_equal(fixture_try_add(f, "/echo", "x"), 0); /* there is room again */
    fixture_wait(f, is_idle);
}

static void pending_jobs_are_bounded_by_weight(void **ctx)
{
    (void)ctx;
    size_t length;
    free(make_block("x", &length));
    f->options.max_bytes = (int64_t)length * 2;
    fixture_open(f);
    fixture_add(f, "/echo", "x");
    fixture_add(f, "/echo", "x");
    assert_int_equal(fixture_try_add(f, "/echo", "x"), FERRY_REJECTED);
    queue_start(f->queue);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_try_add(f, "/echo", "x"), 0);
    fixture_wait(f, is_idle);
}

static void bounds_count_what_an_earlier_process_has_left(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    fixture_add_committed(f, "/echo", "x");
    fixture_close(f);
    f->options.max_pending = 1;
    fixture_open(f);
    assert_int_equal(fixture_try_add(f, "/echo", "x"), FERRY_REJECTED);
    assert_true(fixture_metric(f, "ferry_jobs{state=\"queued\"}") == 1);
}

static void an_unknown_route_is_not_found(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    assert_int_equal(fixture_try_add(f, "/nowhere", "x"), FERRY_NOT_FOUND);
    fixture_wait(f, is_idle);
    assert_int_equal(f->accepted + f->refused, 0);
}

static void jobs_of_a_route_that_is_gone_stay(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    fixture_add_committed(f, "/echo", "x");
    folder_sql(&f->folder, "UPDATE jobs SET route = '/gone'");
    fixture_close(f);
    fixture_start(f);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
    assert_int_equal(atomic_load(&fakes.runs), 0);
}

/* ---- results and look-ups ---- */

static void a_result_that_is_too_long_is_left_out_as_a_whole(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    char *body = calloc(1, 64 * 1024 + 2);
    memset(body, 'x', 64 * 1024 + 1);
    fixture_add_committed(f, "/echo", body);
    free(body);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->result_status, 200);
    assert_int_equal(f->record.result_length, 0);
    assert_string_equal(f->result, "");
}

static void a_route_may_keep_a_longer_one(void **ctx)
{
    (void)ctx;
    enum { KEPT = 300000 };
    fixture_route(f, "/echo")->max_result_bytes = KEPT;
    fixture_start(f);
    char *body = calloc(1, KEPT + 2);
    for (size_t length = KEPT; length <= KEPT + 1; length++) {
        memset(body, 'x', length);
        fixture_add_committed(f, "/echo", body);
        fixture_wait(f, is_idle);
        assert_int_equal(fixture_get(f, f->last_id)->result_length, length == KEPT ? KEPT : 0);
    }
    free(body);
}

static void an_unknown_id_is_not_found(void **ctx)
{
    (void)ctx;
    static const char *const ids[] = {"0123456789abcdef0123456789abcdef", "", "../../etc/passwd"};
    fixture_start(f);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        f->found = false;
        queue_get(f->queue, ids[i], on_found, f);
        fixture_wait(f, is_found);
        assert_int_equal(f->found_error.code, FERRY_NOT_FOUND);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_runs_after_its_commit_and_its_result_is_kept),
        TEST(an_accepted_job_is_on_disk),
        TEST(the_delivery_id_is_not_the_id),
        TEST(a_transient_failure_is_tried_again_until_the_attempts_are_used_up),
        TEST(a_job_that_waits_out_its_backoff_is_retrying),
        TEST(a_later_attempt_may_succeed),
        TEST(a_permanent_failure_is_the_end_at_once),
        TEST(a_damaged_input_is_the_end_of_its_job_only),
        TEST(a_running_job_shows_its_progress),
        TEST(an_attempt_past_its_timeout_is_cancelled_and_counts_as_failed),
        TEST(an_overdue_attempt_stays_running_and_may_still_succeed),
        TEST(a_timeout_that_ends_before_an_earlier_attempts_is_kept),
        TEST(a_timeout_that_ends_after_another_is_kept),
        TEST(each_attempt_is_overdue_in_its_turn_and_once),
        TEST(pending_jobs_are_bounded_by_number),
        TEST(pending_jobs_are_bounded_by_weight),
        TEST(bounds_count_what_an_earlier_process_has_left),
        TEST(an_unknown_route_is_not_found),
        TEST(jobs_of_a_route_that_is_gone_stay),
        TEST(a_result_that_is_too_long_is_left_out_as_a_whole),
        TEST(a_route_may_keep_a_longer_one),
        TEST(an_unknown_id_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
