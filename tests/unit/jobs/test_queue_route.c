/* A route's limits, its worker's wishes, and steps of the wall clock, as the queue heeds them. */
#include "fixture.h"

#include "queue_struct.h"

static struct fixture fixture, *f = &fixture;

enum { HOUR_MS = 3600000 };

static _Atomic int64_t wall_offset_ms;

static int64_t read_wall_ms(void)
{
    return clock_wall_ms() + atomic_load(&wall_offset_ms);
}

static int set_up(void **ctx)
{
    (void)ctx;
    fixture_make(f);
    f->options.wall_ms = read_wall_ms;
    atomic_store(&wall_offset_ms, 0);
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    fixture_remove(f);
    return 0;
}

static int runs_wanted;

static bool have_run(struct fixture *at)
{
    (void)at;
    return atomic_load(&fakes.runs) >= runs_wanted;
}

static void wait_runs(int runs)
{
    runs_wanted = runs;
    fixture_wait(f, have_run);
}

/* What is waiting has been looked at, and nothing is under way. */
static void settle(void)
{
    fixture_wait(f, is_idle);
}

/* ---- limits ---- */

static void no_more_of_a_route_run_at_once_than_its_concurrency(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/gate")->concurrency = 2; /* of 4 slots */
    fixture_start(f);
    for (int i = 0; i < 10; i++)
        fixture_add(f, "/gate", "x");
    wait_runs(2);
    fixture_add(f, "/echo", "x"); /* the other slots are there for others */
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    gate_set(true);
    fixture_wait_count(f, JOB_SUCCEEDED, 11);
    assert_in_range(atomic_load(&fakes.most_running), 2, 3);
}

static void a_route_starts_no_more_than_its_rate(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/echo")->rate_count = 20;
    fixture_route(f, "/echo")->rate_per_ms = 1000;
    fixture_start(f);
    int64_t from_ms = clock_monotonic_ms();
    for (int i = 0; i < 12; i++)
        fixture_add(f, "/echo", "x");
    fixture_wait_count(f, JOB_SUCCEEDED, 12);
    /* Twelve at an even 20 a second, of which two may be ahead. */
    assert_true(clock_monotonic_ms() - from_ms >= 450);
}

static void the_route_of_the_higher_priority_goes_first(void **ctx)
{
    (void)ctx;
    f->pool.slots = 1;
    fixture_route(f, "/second")->priority = -5;
    fixture_route(f, "/echo")->priority = 5;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "x"); /* holds the only slot */
    for (int i = 0; i < 3; i++)
        fixture_add_committed(f, "/second", "x");
    for (int i = 0; i < 3; i++)
        fixture_add_committed(f, "/echo", "x");
    gate_set(true);
    fixture_wait_count(f, JOB_SUCCEEDED, 7);
    assert_int_equal(
        folder_query(&f->folder,
                     "SELECT (SELECT min(started_ms) FROM jobs WHERE route = '/second') >="
                     "       (SELECT max(started_ms) FROM jobs WHERE route = '/echo')"),
        1);
}

/* Six jobs of which each fails; after three in a row their route pauses. */
static void start_failing(int64_t pause_ms)
{
    struct queue_route *route = fixture_route(f, "/transient");
    route->breaker_failures = 3;
    route->breaker_pause_ms = pause_ms;
    route->attempts = 1;
    fixture_start(f);
    f->pool.slots = 1;
    for (int i = 0; i < 6; i++)
        fixture_add(f, "/transient", "x");
}

static void failures_in_a_row_pause_a_route(void **ctx)
{
    (void)ctx;
    start_failing(HOUR_MS);
    fixture_wait_count(f, JOB_DEAD, 3);
    settle();
    assert_int_equal(atomic_load(&fakes.runs), 3);
}

static void after_its_pause_one_attempt_of_a_route_tries(void **ctx)
{
    (void)ctx;
    int64_t from_ms = clock_monotonic_ms();
    start_failing(200);
    fixture_wait_count(f, JOB_DEAD, 5); /* three; after a pause one, and after another one more */
    assert_true(clock_monotonic_ms() - from_ms >= 400);
}

/* ---- the worker's wishes ---- */

static void what_an_attempt_leaves_is_there_for_the_next_and_gone_in_the_end(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/memory", "x");
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    fixture_get(f, f->last_id);
    assert_string_equal(f->result, "ab");
    assert_int_equal(folder_query(&f->folder, "SELECT memory IS NULL FROM jobs"), 1);
}

static void what_an_attempt_left_survives_a_restart(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/memory")->backoff_min_ms = 50;
    fixture_route(f, "/memory")->backoff_max_ms = 50;
    fixture_start(f);
    fixture_add_committed(f, "/memory", "x");
    fixture_wait_count(f, JOB_RETRYING, 1);
    fixture_close(f);
    fixture_start(f);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    fixture_get(f, f->last_id);
    assert_string_equal(f->result, "ab");
}

static void a_job_is_not_tried_again_before_its_worker_said(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/hint", "retry 3600000");
    fixture_wait_count(f, JOB_RETRYING, 1);
    const struct job_record *job = fixture_get(f, f->last_id);
    assert_true(job->run_at_ms >= job->started_ms + HOUR_MS);
    fixture_add_committed(f, "/hint", "retry 50");
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    job = fixture_get(f, f->last_id);
    assert_true(job->started_ms >= job->created_ms + 50);
}

static void a_worker_pauses_its_route_and_no_other(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/hint", "pause 3600000");
    fixture_wait_count(f, JOB_RETRYING, 1);
    fixture_add_committed(f, "/hint", "x");
    fixture_add_committed(f, "/echo", "x");
    fixture_wait_count(f, JOB_SUCCEEDED, 1); /* the other route's */
    assert_true(fixture_metric(f, "ferry_jobs{state=\"queued\"}") == 1);
}

static void the_pause_that_a_worker_wanted_ends(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    int64_t from_ms = clock_monotonic_ms();
    fixture_add_committed(f, "/hint", "pause 300");
    fixture_wait_count(f, JOB_RETRYING, 1);
    fixture_add_committed(f, "/hint", "x");
    fixture_wait_count(f, JOB_SUCCEEDED, 2);
    assert_true(clock_monotonic_ms() - from_ms >= 300);
}

/* ---- steps of the wall clock ---- */

static void a_clock_that_is_set_back_holds_no_waiting_job_up(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/second")->backoff_min_ms = 300;
    fixture_route(f, "/second")->backoff_max_ms = 300;
    fixture_start(f);
    fixture_add_committed(f, "/second", "x");
    fixture_wait_count(f, JOB_RETRYING, 1);
    atomic_store(&wall_offset_ms, -HOUR_MS);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    fixture_add_committed(f, "/echo", "x");
    fixture_wait_count(f, JOB_SUCCEEDED, 2);
}

static void a_clock_that_is_set_forward_makes_nothing_due_but_what_a_person_wrote(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/second")->backoff_min_ms = HOUR_MS;
    fixture_route(f, "/second")->backoff_max_ms = HOUR_MS;
    fixture_start(f);
    fixture_add_committed(f, "/second", "x");
    fixture_wait_count(f, JOB_RETRYING, 1);
    char id[RANDOM_ID_TEXT_SIZE];
    memcpy(id, f->last_id, sizeof id);
    int64_t due_ms = fixture_get(f, id)->run_at_ms;
    struct queue_job job = {.route = "/echo", .run_at_ms = read_wall_ms() + HOUR_MS};
    job.block = make_block("x", &job.length);
    assert_int_equal(queue_add(f->queue, &job, on_accepted, f, NULL), 0);
    fixture_wait_count(f, JOB_SCHEDULED, 1);
    atomic_store(&wall_offset_ms, INT64_C(2) * HOUR_MS);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    settle();
    const struct job_record *waiting = fixture_get(f, id);
    assert_int_equal(waiting->state, JOB_RETRYING);
    assert_in_range(waiting->run_at_ms - due_ms, 2 * HOUR_MS - 1000, 2 * HOUR_MS + 1000);
}

static int failures_wanted;

static bool have_failed(struct fixture *at)
{
    return fixture_metric(at, "ferry_store_failed_total") >= failures_wanted;
}

static void wait_failures(int failures)
{
    failures_wanted = failures;
    fixture_wait(f, have_failed);
}

static void add_due_in_an_hour(void)
{
    struct queue_job job = {.route = "/echo", .delay_ms = HOUR_MS};
    job.block = make_block("x", &job.length);
    assert_int_equal(queue_add(f->queue, &job, on_accepted, f, NULL), 0);
}

/* Have one that waits, and refuse to move it, or to have another one wait for its next try. */
static void start_refusing(void)
{
    fixture_start(f);
    add_due_in_an_hour();
    fixture_wait_count(f, JOB_SCHEDULED, 1);
    folder_sql(&f->folder, "CREATE TRIGGER fails BEFORE UPDATE OF run_at_ms ON jobs BEGIN"
                           " SELECT RAISE(ABORT, 'x'); END");
}

/* Set the clock back two hours; what waits is moved along a second later. */
static void step_back(int failures)
{
    atomic_store(&wall_offset_ms, INT64_C(-2) * HOUR_MS);
    add_due_in_an_hour();
    wait_failures(failures);
    folder_sql(&f->folder, "DROP TRIGGER fails");
    settle();
}

static void what_comes_after_a_step_that_failed_stays_as_it_is(void **ctx)
{
    (void)ctx;
    start_refusing();
    step_back(1);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), 2);
    assert_int_equal(folder_query(&f->folder, "SELECT max(run_at_ms) - min(run_at_ms) < 600000"
                                              " FROM jobs"),
                     1);
}

/* What failed first is written again first. */
static void what_came_before_a_step_that_failed_moves_along(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/second")->backoff_min_ms = HOUR_MS;
    fixture_route(f, "/second")->backoff_max_ms = HOUR_MS;
    start_refusing();
    fixture_add_committed(f, "/second", "x");
    wait_failures(1);
    step_back(2);
    int64_t due_ms = folder_query(&f->folder, "SELECT run_at_ms FROM jobs WHERE state = 3");
    assert_in_range(due_ms - read_wall_ms(), HOUR_MS / 3, HOUR_MS);
}

static void what_a_step_that_failed_is_about_is_not_due_meanwhile(void **ctx)
{
    (void)ctx;
    start_refusing();
    atomic_store(&wall_offset_ms, INT64_C(2) * HOUR_MS);
    add_due_in_an_hour();
    wait_failures(2);
    folder_sql(&f->folder, "DROP TRIGGER fails");
    settle();
    assert_int_equal(atomic_load(&fakes.runs), 0);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 0"), 2);
}

/* The disk may be full until some of them have run. */
static void a_step_that_fails_for_long_holds_nothing_up(void **ctx)
{
    (void)ctx;
    start_refusing();
    atomic_store(&wall_offset_ms, INT64_C(2) * HOUR_MS);
    add_due_in_an_hour();
    wait_failures(2);
    assert_int_equal(atomic_load(&fakes.runs), 0);
    f->queue->shift_until_ms = 0;
    wait_runs(1);
    folder_sql(&f->folder, "DROP TRIGGER fails");
    settle();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_more_of_a_route_run_at_once_than_its_concurrency),
        TEST(a_route_starts_no_more_than_its_rate),
        TEST(the_route_of_the_higher_priority_goes_first),
        TEST(failures_in_a_row_pause_a_route),
        TEST(after_its_pause_one_attempt_of_a_route_tries),
        TEST(what_an_attempt_leaves_is_there_for_the_next_and_gone_in_the_end),
        TEST(what_an_attempt_left_survives_a_restart),
        TEST(a_job_is_not_tried_again_before_its_worker_said),
        TEST(a_worker_pauses_its_route_and_no_other),
        TEST(the_pause_that_a_worker_wanted_ends),
        TEST(a_clock_that_is_set_back_holds_no_waiting_job_up),
        TEST(what_comes_after_a_step_that_failed_stays_as_it_is),
        TEST(what_came_before_a_step_that_failed_moves_along),
        TEST(what_a_step_that_failed_is_about_is_not_due_meanwhile),
        TEST(a_step_that_fails_for_long_holds_nothing_up),
        TEST(a_clock_that_is_set_forward_makes_nothing_due_but_what_a_person_wrote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
