/* Jobs that are claimed ahead of a free slot: they start as waiting ones do, or are given back. */
#include "fixture.h"

#include "ahead.h"
#include "dispatch.h"

enum { JOBS = 12 };

static struct fixture fixture, *f = &fixture;
static size_t listed;

static int set_up(void **ctx)
{
    (void)ctx;
    fixture_make(f);
    f->pool.slots = 1;
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    fixture_remove(f);
    return 0;
}

static const struct dispatch_route *route_of(const char *name)
{
    return dispatch_route_find(f->queue, name);
}

static bool is_running_one(struct fixture *at)
{
    (void)at;
    return atomic_load(&fakes.running) == 1;
}

static bool is_answered_of_all(struct fixture *at)
{
    return at->accepted == JOBS && store_is_idle(at->queue->store);
}

/* However slow this machine is, they are not given back behind the gate. */
static bool is_answered_of_all_for_long(struct fixture *at)
{
    dispatch_route_get(at->queue, "/echo")->ahead.moved_ms = INT64_MAX / 2;
    return is_answered_of_all(at);
}

/* Run short jobs until the route is known for them. */
static void prove_short(const char *name)
{
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (ahead_limit(route_of(name)) < JOBS) {
        assert_true(clock_monotonic_ms() < until_ms);
        fixture_add_committed(f, name, "x");
        fixture_wait(f, is_idle);
    }
}

static void claim_ahead_until(bool (*is_so)(struct fixture *at))
{
    fixture_start(f);
    prove_short("/echo");
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_running_one);
    atomic_store(&fakes.runs, 0);
    f->accepted = 0;
    for (int i = 0; i < JOBS; i++)
        fixture_add(f, "/echo", "x");
    fixture_wait(f, is_so);
}

/* Have the one slot taken, and short jobs claimed ahead of it. */
static void claim_ahead(void)
{
    claim_ahead_until(is_answered_of_all_for_long);
}

static int64_t count(const char *where)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jobs WHERE route = '/echo' AND %s", where);
    return folder_query(&f->folder, sql);
}

static bool is_nothing_ready(struct fixture *at)
{
    return route_of("/echo")->ahead.count == 0 && store_is_idle(at->queue->store);
}

static void expect_given_back(void)
{
    assert_int_equal(count("state = 1 AND attempt = 0 AND crashes = 0"), JOBS);
    assert_int_equal(atomic_load(&fakes.runs), 0);
}

static void a_route_of_long_jobs_or_of_unknown_ones_claims_none_ahead(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    assert_int_equal(ahead_limit(route_of("/echo")), 0);
    prove_short("/echo");
    struct dispatch_route *route = dispatch_route_get(f->queue, "/echo");
    ahead_measure(route, 1000000);
    assert_int_equal(ahead_limit(route), 0);
    for (int i = 0; i < 500; i++)
        ahead_measure(route, 1);
    assert_true(ahead_limit(route) > JOBS);
}

static void a_route_with_a_rate_a_concurrency_or_big_results_claims_none_ahead(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    prove_short("/echo");
    struct dispatch_route *route = dispatch_route_get(f->queue, "/echo");
    route->route.concurrency = 1000;
    assert_int_equal(ahead_limit(route), 0);
    route->route.concurrency = 0;
    route->route.rate_count = 1000;
    assert_int_equal(ahead_limit(route), 0);
    route->route.rate_count = 0;
    route->route.max_result_bytes = JOB_RESULT_BYTES + 1;
    assert_int_equal(ahead_limit(route), 0);
    route->route.max_result_bytes = JOB_RESULT_BYTES;
    assert_true(ahead_limit(route) > 0);
}

static bool has_all_succeeded(struct fixture *at)
{
    return atomic_load(&fakes.runs) == JOBS && queue_is_idle(at->queue);
}

static void jobs_that_were_claimed_ahead_run_once_when_there_is_a_slot(void **ctx)
{
    (void)ctx;
    claim_ahead();
    assert_int_equal(fixture_metric(f, "ferry_jobs{state=\"running\"}"), 1 + JOBS);
    gate_set(true);
    fixture_wait(f, has_all_succeeded);
    assert_int_equal(count("state = 4 AND attempt = 1"), count("1"));
    assert_int_equal(atomic_load(&fakes.most_running), 1);
    assert_int_equal(route_of("/echo")->ahead.coming, 0);
}

static void behind_a_hung_one_they_are_given_back(void **ctx)
{
    (void)ctx;
    claim_ahead_until(is_answered_of_all);
    fixture_wait(f, is_nothing_ready);
    expect_given_back();
    assert_int_equal(ahead_limit(route_of("/echo")), 0);
    gate_set(true);
    fixture_wait(f, has_all_succeeded);
}

static void a_pause_gives_them_back(void **ctx)
{
    (void)ctx;
    claim_ahead();
    fixture_pause(f, "/echo", is_nothing_ready);
    gate_set(true);
    fixture_wait(f, is_idle);
    expect_given_back();
}

static void a_drain_gives_them_back(void **ctx)
{
    (void)ctx;
    claim_ahead();
    queue_drain(f->queue);
    gate_set(true);
    fixture_wait(f, is_idle);
    expect_given_back();
}

static void one_that_is_cancelled_never_runs(void **ctx)
{
    (void)ctx;
    claim_ahead();
    fixture_cancel(f, f->last_id);
    gate_set(true);
    fixture_wait(f, is_idle);
    assert_int_equal(atomic_load(&fakes.runs), JOBS - 1);
    assert_int_equal(count("state = 6 AND attempt = 0"), 1);
}

static bool is_let_through(struct fixture *at)
{
    (void)at;
    return atomic_load(&fakes.runs) > 0;
}

/* Which route a run was of is told by its delivery id. */
static void expect_first_run_of(const char *name)
{
    fixture_wait(f, is_let_through);
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT route = '%s' FROM jobs WHERE delivery_id = x'%s'", name,
             fakes.delivery_ids[0]);
    assert_int_equal(folder_query(&f->folder, sql), 1);
    fixture_wait(f, is_idle);
}

static void a_route_of_a_higher_priority_goes_before_them(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/second")->priority = 1;
    claim_ahead();
    fixture_add(f, "/second", "x");
    gate_set(true);
    expect_first_run_of("/second");
}

/* Have a job of each of two routes wait, the second one's to be claimed ahead. */
static void have_both_wait(const char *first, const char *second)
{
    const char *const names[] = {first, second};
    fixture_start(f);
    prove_short(second);
    for (int i = 0; i < 2; i++) {
        struct dispatch_route *route = dispatch_route_get(f->queue, names[i]);
        gate_pause(&route->gate, true);
        fixture_add_committed(f, names[i], "x");
        fixture_wait(f, is_idle);
    }
    for (int i = 0; i < 2; i++)
        gate_pause(&dispatch_route_get(f->queue, names[i])->gate, false);
    atomic_store(&fakes.runs, 0);
}

static void dispatch_at_once(void)
{
    f->queue->is_behind_batch = true;
    dispatch_batch_gone(f->queue);
}

static void those_that_are_being_claimed_go_before_a_route_of_a_lower_priority(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/echo")->priority = 1;
    have_both_wait("/second", "/echo");
    dispatch_at_once();
    expect_first_run_of("/echo");
}

static void what_comes_takes_no_slot_for_which_those_are_being_claimed(void **ctx)
{
    (void)ctx;
    fixture_route(f, "/echo")->priority = 1;
    have_both_wait("/second", "/echo");
    gate_pause(&dispatch_route_get(f->queue, "/second")->gate, true);
    dispatch_at_once();
    assert_true(route_of("/echo")->claiming);
    fixture_add(f, "/permanent", "x");
    assert_int_equal(f->queue->pools->held, 0);
    gate_pause(&dispatch_route_get(f->queue, "/second")->gate, false);
    expect_first_run_of("/echo");
}

static bool has_failed(struct fixture *at)
{
    return fixture_metric(at, "ferry_store_failed_total") >= 1 && !route_of("/echo")->claiming;
}

static void those_that_could_not_be_claimed_are_on_their_way_no_more(void **ctx)
{
    (void)ctx;
    have_both_wait("/second", "/echo");
    folder_sql(&f->folder, "CREATE TRIGGER fails BEFORE UPDATE OF state ON jobs WHEN NEW.state = 2"
                           " BEGIN SELECT RAISE(ABORT, 'x'); END");
    dispatch_at_once();
    assert_int_equal(route_of("/echo")->ahead.coming, 1);
    fixture_wait(f, has_failed);
    assert_int_equal(route_of("/echo")->ahead.coming, 0);
    folder_sql(&f->folder, "DROP TRIGGER fails");
    fixture_wait(f, is_let_through);
    fixture_wait(f, is_idle);
}

static void those_that_are_being_claimed_hold_no_slot_of_an_equal_route(void **ctx)
{
    (void)ctx;
    have_both_wait("/second", "/echo");
    dispatch_at_once();
    assert_true(route_of("/echo")->claiming && route_of("/second")->claiming);
    assert_int_equal(f->queue->pools->held, 1);
    fixture_wait(f, is_idle);
}

static void they_are_found_though_they_have_no_rows(void **ctx)
{
    (void)ctx;
    claim_ahead();
    assert_int_equal(count("state = 2"), 0);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_RUNNING);
    assert_int_equal(count("state = 2"), JOBS);
    gate_set(true);
    fixture_wait(f, has_all_succeeded);
}

static void on_listed(void *arg, const struct job_record *records, size_t found, int64_t next,
                      const ferry_error *error)
{
    (void)records, (void)next;
    assert_int_equal(error->code, FERRY_OK);
    *(size_t *)arg = found;
}

static bool is_listed(struct fixture *at)
{
    (void)at;
    return listed == JOBS;
}

static void they_are_listed_as_well(void **ctx)
{
    (void)ctx;
    char route[] = "/echo"; /* is copied: it is gone by then */
    claim_ahead();
    struct job_filter filter = {.route = route, .states = 1u << JOB_RUNNING, .limit = 100};
    listed = 0;
    queue_list(f->queue, &filter, on_listed, &listed);
    memset(route, 'x', sizeof route - 1);
    fixture_wait(f, is_listed);
    gate_set(true);
    fixture_wait(f, has_all_succeeded);
}

/* Else there would be some that wait at the end of each claim, and another one to make. */
static void what_comes_while_all_that_wait_are_claimed_is_claimed_too(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    prove_short("/echo");
    struct dispatch_route *route = dispatch_route_get(f->queue, "/echo");
    gate_pause(&route->gate, true);
    fixture_add_committed(f, "/echo", "x");
    gate_pause(&route->gate, false);
    dispatch_at_once();
    assert_true(route->claiming);
    atomic_store(&fakes.runs, 0);
    for (int i = 1; i < JOBS; i++)
        fixture_add(f, "/echo", "x");
    assert_int_equal(route->coming_to_wait, 0);
    fixture_wait(f, has_all_succeeded);
}

/* Have one come while there is a slot, but no room beside those that are claimed ahead. */
static void add_without_room(void)
{
    struct dispatch_route *route = dispatch_route_get(f->queue, "/echo");
    int64_t bytes = route->ahead.bytes;
    route->ahead.bytes = INT64_MAX;
    fixture_add(f, "/echo", "x");
    route->ahead.bytes = bytes;
    assert_int_equal(route->coming_to_wait, 1);
}

static void what_comes_takes_no_slot_for_which_they_are_ready(void **ctx)
{
    (void)ctx;
    claim_ahead();
    f->pool.slots = 2;
    add_without_room();
    gate_set(true);
    fixture_wait(f, is_idle);
}

static void what_comes_takes_no_slot_for_which_they_are_on_their_way(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    prove_short("/echo");
    fixture_add(f, "/echo", "x");
    assert_int_equal(route_of("/echo")->ahead.coming, 1);
    add_without_room();
    fixture_wait(f, is_idle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_route_of_long_jobs_or_of_unknown_ones_claims_none_ahead),
        TEST(a_route_with_a_rate_a_concurrency_or_big_results_claims_none_ahead),
        TEST(jobs_that_were_claimed_ahead_run_once_when_there_is_a_slot),
        TEST(behind_a_hung_one_they_are_given_back),
        TEST(a_pause_gives_them_back),
        TEST(a_drain_gives_them_back),
        TEST(one_that_is_cancelled_never_runs),
        TEST(a_route_of_a_higher_priority_goes_before_them),
        TEST(those_that_are_being_claimed_go_before_a_route_of_a_lower_priority),
        TEST(what_comes_takes_no_slot_for_which_those_are_being_claimed),
        TEST(those_that_could_not_be_claimed_are_on_their_way_no_more),
        TEST(those_that_are_being_claimed_hold_no_slot_of_an_equal_route),
        TEST(they_are_found_though_they_have_no_rows),
        TEST(they_are_listed_as_well),
        TEST(what_comes_takes_no_slot_for_which_they_are_ready),
        TEST(what_comes_takes_no_slot_for_which_they_are_on_their_way),
        TEST(what_comes_while_all_that_wait_are_claimed_is_claimed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
