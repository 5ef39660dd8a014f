/* Routes that are replaced while jobs of theirs run, wait and come. */
#include "fixture.h"

#include "dispatch.h"

static struct fixture fixture, *f = &fixture;
static struct queue_pool other;

static int set_up(void **ctx)
{
    (void)ctx;
    fixture_make(f);
    other = (struct queue_pool){.executor = f->executor, .slots = 4};
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

static const char *id_wanted;
static enum job_state state_wanted;
static bool is_looking;

static void on_looked_up(void *arg, const struct job_record *record, const ferry_error *error)
{
    (void)error;
    struct fixture *at = arg;
    is_looking = false;
    at->found = record && record->state == state_wanted;
}

static bool is_in_state(struct fixture *at)
{
    if (!at->found && !is_looking) {
        is_looking = true;
        queue_get(at->queue, id_wanted, on_looked_up, at);
    }
    return at->found && !is_looking;
}

static void wait_state(const char *id, enum job_state state)
{
    id_wanted = id;
    state_wanted = state;
    f->found = false;
    fixture_wait(f, is_in_state);
}

/* Make one route all that is known. */
static void set_route(const char *name, const struct worker *worker, struct queue_pool *pool)
{
    struct queue_route route = *fixture_route(f, name);
    route.worker = worker;
    route.pool = pool;
    assert_int_equal(queue_set_routes(f->queue, &route, 1), 0);
}

static const struct worker *worker_of(const char *name)
{
    return fixture_route(f, name)->worker;
}

static void an_attempt_ends_in_the_pool_it_began_with_and_the_next_goes_by_the_new_route(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "old");
    char old[RANDOM_ID_TEXT_SIZE];
    memcpy(old, f->last_id, sizeof old);
    wait_runs(1);

    set_route("/gate", worker_of("/echo"), &other);
    fixture_add_committed(f, "/gate", "new");
    wait_state(f->last_id, JOB_SUCCEEDED);
    assert_string_equal((fixture_get(f, f->last_id), f->result), "new");
    assert_int_equal(fixture_get(f, old)->state, JOB_RUNNING);
    assert_false(queue_forget_pool(f->queue, &f->pool));

    gate_set(true);
    wait_state(old, JOB_SUCCEEDED);
    assert_string_equal((fixture_get(f, old), f->result), "through");
    assert_true(queue_forget_pool(f->queue, &f->pool));
    assert_false(queue_forget_pool(f->queue, &other));
}

/* The last job of two: /gate runs one at a time. */
static void start_with_one_that_waits(void)
{
    fixture_route(f, "/gate")->concurrency = 1;
    fixture_start(f);
    fixture_add_committed(f, "/gate", "running");
    wait_runs(1);
    fixture_add_committed(f, "/gate", "waiting");
}

static void the_jobs_of_a_route_that_is_gone_stay_and_run_when_it_is_back(void **ctx)
{
    (void)ctx;
    start_with_one_that_waits();
    char waiting[RANDOM_ID_TEXT_SIZE];
    memcpy(waiting, f->last_id, sizeof waiting);

    set_route("/echo", worker_of("/echo"), &other);
    assert_int_equal(fixture_try_add(f, "/gate", "refused"), FERRY_NOT_FOUND);
    gate_set(true);
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, waiting)->state, JOB_QUEUED);
    assert_true(queue_forget_pool(f->queue, &f->pool));

    set_route("/gate", worker_of("/echo"), &other);
    wait_state(waiting, JOB_SUCCEEDED);
}

static void a_route_that_is_gone_is_shut_in_the_metrics_while_it_has_jobs_that_wait(void **ctx)
{
    (void)ctx;
    start_with_one_that_waits();
    assert_true(fixture_metric(f, "ferry_route_open{route=\"/gate\"}") == 1);

    set_route("/echo", worker_of("/echo"), &other);
    gate_set(true);
    fixture_wait(f, is_idle);
    assert_true(fixture_metric(f, "ferry_route_open{route=\"/gate\"}") == 0);
    assert_true(fixture_metric(f, "ferry_route_open{route=\"/hint\"}") == 1); /* gone as well */

    set_route("/gate", worker_of("/echo"), &other);
    wait_state(f->last_id, JOB_SUCCEEDED);
    assert_true(fixture_metric(f, "ferry_route_open{route=\"/gate\"}") == 1);
}

/* Have a job's slot taken, and its commit under way. Returns its route. */
static const struct dispatch_route *claim_one(const char *name)
{
    fixture_start(f);
    fixture_wait(f, is_idle); /* the first claims have found out that nothing waits */
    fixture_add(f, name, "claimed");
    const struct dispatch_route *route = dispatch_route_find(f->queue, name);
    assert_int_equal(route->pending, 1);
    return route;
}

static void expect_no_slot_held(const struct dispatch_route *route)
{
    assert_int_equal(route->pending, 0);
    assert_int_equal(route->gate.running, 0);
    assert_int_equal(route->pool->held, 0);
}

static void what_is_claimed_while_its_route_goes_is_given_back(void **ctx)
{
    (void)ctx;
    const struct dispatch_route *route = claim_one("/echo");
    set_route("/gate", worker_of("/gate"), &f->pool);
    fixture_wait(f, is_answered);
    fixture_wait(f, is_idle);
    assert_int_equal(atomic_load(&fakes.runs), 0);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);

    set_route("/echo", worker_of("/echo"), &other);
    wait_state(f->last_id, JOB_SUCCEEDED);
    assert_int_equal(fixture_get(f, f->last_id)->attempt, 1);
    assert_true(queue_forget_pool(f->queue, &f->pool));
    expect_no_slot_held(route);
}

static void what_is_claimed_while_its_route_changes_runs_by_the_new_one(void **ctx)
{
    (void)ctx;
    const struct dispatch_route *route = claim_one("/gate");
    set_route("/gate", worker_of("/echo"), &other);
    fixture_wait(f, is_answered);
    wait_state(f->last_id, JOB_SUCCEEDED);
    assert_true(queue_forget_pool(f->queue, &f->pool));
    fixture_wait(f, is_idle);
    expect_no_slot_held(route);
}

static void on_pause_done(void *arg, const ferry_error *error)
{
    struct fixture *at = arg;
    at->found = true;
    at->last_error = *error;
}

static void a_paused_route_stays_paused(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    f->found = false;
    queue_pause(f->queue, "/echo", true, on_pause_done, f);
    fixture_wait(f, is_found);
    set_route("/gate", worker_of("/gate"), &f->pool); /* it is gone meanwhile */
    set_route("/echo", worker_of("/echo"), &other);
    fixture_add_committed(f, "/echo", "x");
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
    f->found = false;
    queue_pause(f->queue, "/echo", false, on_pause_done, f);
    fixture_wait(f, is_found);
    wait_state(f->last_id, JOB_SUCCEEDED);
}

/* The queue does not hear of it as of one of a route that it knows. */
static void a_job_that_is_retried_while_its_route_is_gone_runs_when_it_is_back(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_add_committed(f, "/permanent", "x");
    wait_state(f->last_id, JOB_DEAD);
    fixture_wait(f, is_idle);
    set_route("/echo", worker_of("/echo"), &f->pool);
    queue_change(f->queue, JOB_ACTION_RETRY, f->last_id, on_one_changed, NULL);
    wait_state(f->last_id, JOB_QUEUED);
    set_route("/permanent", worker_of("/echo"), &f->pool);
    wait_state(f->last_id, JOB_SUCCEEDED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_attempt_ends_in_the_pool_it_began_with_and_the_next_goes_by_the_new_route),
        TEST(the_jobs_of_a_route_that_is_gone_stay_and_run_when_it_is_back),
        TEST(a_route_that_is_gone_is_shut_in_the_metrics_while_it_has_jobs_that_wait),
        TEST(what_is_claimed_while_its_route_goes_is_given_back),
        TEST(what_is_claimed_while_its_route_changes_runs_by_the_new_one),
        TEST(a_paused_route_stays_paused),
        TEST(a_job_that_is_retried_while_its_route_is_gone_runs_when_it_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
