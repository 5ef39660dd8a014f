/* Jobs that are claimed ahead and wait in their pool for a thread: it has one slot. */
#include "fixture.h"

#include "ahead.h"
#include "attempt_struct.h"
#include "dispatch.h"

enum { JOBS = 12, POOL_AHEAD = 6 };

static struct fixture fixture, *f = &fixture;

static int set_up(void **ctx)
{
    (void)ctx;
    fixture_make(f);
    ferry_executor_free(f->executor);
    f->executor = ferry_executor_new(
        &(ferry_executor_options){.name = "test", .threads = 8, .background = 1});
    f->pool = (struct queue_pool){.executor = f->executor, .slots = 1, .ahead = POOL_AHEAD};
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    fixture_remove(f);
    return 0;
}

static struct dispatch_route *route_of(const char *name)
{
    return dispatch_route_find(f->queue, name);
}

static int64_t count(const char *where)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jobs WHERE route = '/gate' AND %s", where);
    return folder_query(&f->folder, sql);
}

/* At the start each route asks the disk what waits, and has a slot meanwhile. */
static bool has_asked(const struct queue *queue)
{
    const struct dispatch_route *at = queue->routes;
    while (at && !at->claiming && at->next_run_at_ms == INT64_MAX)
        at = at->next;
    return !at;
}

static bool is_one_at_the_gate(struct fixture *at)
{
    (void)at;
    return atomic_load(&fakes.running) == 1;
}

/* It is filled again when half of it is empty. However slow this machine is, they are not taken
 * back meanwhile. */
static bool is_pool_full(struct fixture *at)
{
    struct ahead *ahead = &route_of("/gate")->ahead;
    ahead->moved_ms = INT64_MAX / 2;
    return at->accepted == JOBS && store_is_idle(at->queue->store) &&
           ahead->in_pool > POOL_AHEAD / 2 && ahead->in_pool + ahead->count == JOBS;
}

/* Run short jobs until the route is known for them. */
static void prove_short(void)
{
    fixture_start(f);
    gate_set(true);
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (!has_asked(f->queue) || ahead_pool_limit(route_of("/gate")) < POOL_AHEAD) {
        assert_true(clock_monotonic_ms() < until_ms);
        fixture_add_committed(f, "/gate", "x");
        fixture_wait(f, is_idle);
    }
    gate_set(false);
    atomic_store(&fakes.runs, 0);
}

/* Have the slot taken by a job that hangs, and others of its route wait behind it. */
static void fill_pool(void)
{
    prove_short();
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_one_at_the_gate);
    f->accepted = 0;
    for (int i = 0; i < JOBS; i++)
        fixture_add(f, "/gate", "x");
    fixture_wait(f, is_pool_full);
}

static bool have_all_run(struct fixture *at)
{
    return atomic_load(&fakes.runs) == 1 + JOBS && queue_is_idle(at->queue);
}

static bool is_none_ahead(struct fixture *at)
{
    const struct ahead *ahead = &route_of("/gate")->ahead;
    return ahead->count + ahead->in_pool == 0 && store_is_idle(at->queue->store) &&
           !at->queue->attempts->next;
}

static void expect_given_back(void)
{
    assert_int_equal(count("state = 1 AND attempt = 0 AND crashes = 0"), JOBS);
    assert_int_equal(atomic_load(&fakes.runs), 1);
}

static void they_run_once_and_one_by_one(void **ctx)
{
    (void)ctx;
    fill_pool();
    assert_int_equal(fixture_metric(f, "ferry_jobs{state=\"running\"}"), 1 + JOBS);
    gate_set(true);
    fixture_wait(f, have_all_run);
    assert_int_equal(count("state = 4 AND attempt = 1"), count("1"));
    assert_int_equal(atomic_load(&fakes.most_running), 1);
    assert_int_equal(route_of("/gate")->ahead.bytes, 0);
}

static void behind_a_hung_one_they_are_taken_back(void **ctx)
{
    (void)ctx;
    fill_pool();
    route_of("/gate")->ahead.moved_ms = ferry_loop_now_ms(f->loop); /* from now on it counts */
    dispatch(f->queue);
    fixture_wait(f, is_none_ahead);
    expect_given_back();
    assert_int_equal(route_of("/gate")->pool->held, 1);
    assert_int_equal(route_of("/gate")->ahead.bytes, 0);
    gate_set(true);
    fixture_wait(f, have_all_run);
}

static void on_pause_answered(void *arg, const ferry_error *error)
{
    (void)arg;
    assert_int_equal(error->code, FERRY_OK);
    assert_int_equal(route_of("/gate")->ahead.count + route_of("/gate")->ahead.in_pool, 0);
}

static void a_pause_takes_them_back_before_it_is_answered(void **ctx)
{
    (void)ctx;
    fill_pool();
    queue_pause(f->queue, "/gate", true, on_pause_answered, NULL);
    fixture_wait(f, is_none_ahead);
    gate_set(true);
    fixture_wait(f, is_idle);
    expect_given_back();
}

static void a_drain_takes_them_back(void **ctx)
{
    (void)ctx;
    fill_pool();
    queue_drain(f->queue);
    gate_set(true);
    fixture_wait(f, is_idle);
    expect_given_back();
}

static void a_close_takes_them_back_while_one_hangs(void **ctx)
{
    (void)ctx;
    fill_pool();
    fixture_close(f);
    assert_int_equal(count("state = 1 AND attempt = 0 AND crashes = 0"), 1 + JOBS);
    gate_set(true);
}

static void one_that_is_cancelled_never_runs(void **ctx)
{
    (void)ctx;
    fill_pool();
    char id[RANDOM_ID_TEXT_SIZE];
    const struct attempt *newest = f->queue->attempts;
    assert_true(newest->is_ahead);
    memcpy(id, newest->id, sizeof id);
    fixture_cancel(f, id);
    gate_set(true);
    fixture_wait(f, is_idle);
    assert_int_equal(atomic_load(&fakes.runs), JOBS);
    assert_int_equal(count("state = 6 AND attempt = 0"), 1);
}

/* Which route a run was of is told by its delivery id. */
static void another_route_goes_before_those_that_are_not_in_the_pool(void **ctx)
{
    (void)ctx;
    fill_pool();
    fixture_add(f, "/second", "x");
    gate_set(true);
    fixture_wait(f, is_idle);
    int place = 0;
    char sql[128];
    do {
        assert_true(place < 16);
        snprintf(sql, sizeof sql, "SELECT route = '/second' FROM jobs WHERE delivery_id = x'%s'",
                 fakes.delivery_ids[place++]);
    } while (folder_query(&f->folder, sql) != 1);
    assert_true(place <= 1 + POOL_AHEAD + 2); /* the two routes take turns */
}

static bool are_all_ready(struct fixture *at)
{
    struct ahead *ahead = &route_of("/gate")->ahead;
    ahead->moved_ms = INT64_MAX / 2;
    return at->accepted == JOBS && store_is_idle(at->queue->store) && !dispatch_is_due(at->queue) &&
           ahead->in_pool + ahead->count == JOBS;
}

/* Have others of /gate ready, behind the one that hangs: none of them waits in the pool. */
static void expect_none_in_the_pool(void)
{
    f->accepted = 0;
    for (int i = 0; i < JOBS; i++)
        fixture_add(f, "/gate", "x");
    fixture_wait(f, are_all_ready);
    assert_int_equal(route_of("/gate")->ahead.in_pool, 0);
}

static void before_a_route_that_waits_for_a_slot_none_waits_there(void **ctx)
{
    (void)ctx;
    prove_short();
    gate_pause(&route_of("/second")->gate, true);
    fixture_add_committed(f, "/second", "x");
    fixture_wait(f, is_idle);
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_one_at_the_gate);
    gate_pause(&route_of("/second")->gate, false);
    expect_none_in_the_pool();
    gate_set(true);
    fixture_wait(f, is_idle);
}

static void beside_a_route_that_has_a_slot_none_waits_there(void **ctx)
{
    (void)ctx;
    prove_short();
    f->pool.slots = 2;
    f->queue->pools->held++; /* the executor of the tests has room for one */
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, is_one_at_the_gate);
    expect_none_in_the_pool();
    f->queue->pools->held--;
    gate_set(true);
    fixture_wait(f, is_idle);
}

static void a_route_with_a_breaker_has_none_there(void **ctx)
{
    (void)ctx;
    fill_pool();
    struct dispatch_route *route = route_of("/gate");
    assert_true(ahead_pool_limit(route) > 0);
    route->route.breaker_failures = 5;
    assert_int_equal(ahead_pool_limit(route), 0);
    gate_set(true);
    fixture_wait(f, have_all_run);
}

static void only_the_one_that_runs_is_noted_as_started(void **ctx)
{
    (void)ctx;
    fill_pool();
    struct started *file = started_read(f->folder.path);
    assert_non_null(file);
    int noted = 0;
    for (const struct attempt *at = f->queue->attempts; at; at = at->next) {
        noted += started_has(file, &at->key);
        assert_int_equal(started_has(file, &at->key), !at->is_ahead);
    }
    assert_int_equal(noted, 1);
    started_free(file);
    gate_set(true);
    fixture_wait(f, have_all_run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(they_run_once_and_one_by_one),
        TEST(behind_a_hung_one_they_are_taken_back),
        TEST(a_pause_takes_them_back_before_it_is_answered),
        TEST(a_drain_takes_them_back),
        TEST(a_close_takes_them_back_while_one_hangs),
        TEST(one_that_is_cancelled_never_runs),
        TEST(another_route_goes_before_those_that_are_not_in_the_pool),
        TEST(beside_a_route_that_has_a_slot_none_waits_there),
        TEST(before_a_route_that_waits_for_a_slot_none_waits_there),
        TEST(a_route_with_a_breaker_has_none_there),
        TEST(only_the_one_that_runs_is_noted_as_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
