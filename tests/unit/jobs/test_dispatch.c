/* Dispatch: slots are respected, routes take turns, and nothing that is due is forgotten. */
#include "one_fixture.h"

#include "dispatch.h"

static int jobs_wanted;

static bool has_succeeded(struct fixture *at)
{
    return fixture_metric(at, "ferry_jobs{state=\"succeeded\"}") == jobs_wanted &&
           queue_is_idle(at->queue);
}

static bool are_slots_taken(struct fixture *at)
{
    return (unsigned)atomic_load(&fakes.running) == at->pool.slots;
}

static void no_more_run_at_once_than_there_are_slots(void **ctx)
{
    (void)ctx;
    f->pool.slots = 3; /* of 8 threads */
    fixture_start(f);
    for (int i = 0; i < 40; i++)
        fixture_add(f, i % 2 ? "/gate" : "/echo", "x");
    for (int i = 0; i < 40; i++)
        fixture_add(f, "/gate", "x");
    fixture_wait(f, are_slots_taken);
    gate_set(true);
    jobs_wanted = 80;
    fixture_wait(f, has_succeeded);
    assert_int_equal(atomic_load(&fakes.runs), 80);
    assert_int_equal(atomic_load(&fakes.most_running), 3);
}

static void waiting_jobs_start_as_slots_become_free(void **ctx)
{
    (void)ctx;
    f->pool.slots = 1;
    fixture_open(f);
    for (int i = 0; i < 25; i++)
        fixture_add(f, "/echo", "x");
    fixture_wait(f, is_idle);
    queue_start(f->queue);
    jobs_wanted = 25;
    fixture_wait(f, has_succeeded);
    assert_int_equal(atomic_load(&fakes.most_running), 1);
}

static void a_job_that_finds_a_free_slot_is_written_claimed(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_wait(f, is_idle); /* the first claims have found out that nothing waits */
    fixture_add_committed(f, "/gate", "x");
    assert_int_equal(folder_query(&f->folder, "SELECT state FROM jobs"), JOB_RUNNING);
    assert_int_equal(folder_query(&f->folder, "SELECT token IS NOT NULL FROM jobs"), 1);
    gate_set(true);
    fixture_wait(f, is_idle);
}

static void an_older_job_that_waits_goes_first(void **ctx)
{
    (void)ctx;
    f->pool.slots = 1;
    fixture_start(f);
    fixture_wait(f, is_idle);
    struct dispatch_route *route = dispatch_route_find(f->queue, "/gate");
    gate_pause(&route->gate, true);
    fixture_add(f, "/gate", "first");
    fixture_add(f, "/gate", "second");
    fixture_wait(f, is_idle);
    gate_pause(&route->gate, false); /* the slot is free, and nobody has looked yet */
    fixture_add_committed(f, "/gate", "third");
    assert_int_equal(folder_query(&f->folder, "SELECT state FROM jobs WHERE job = 3"), JOB_QUEUED);
    fixture_wait(f, are_slots_taken);
    assert_int_equal(folder_query(&f->folder, "SELECT state FROM jobs WHERE job = 1"), JOB_RUNNING);
    gate_set(true);
    jobs_wanted = 3;
    fixture_wait(f, has_succeeded);
}

static void dispatch_at_once(void)
{
    f->queue->is_behind_batch = true;
    dispatch_batch_gone(f->queue);
}

/* The claim has one slot; what it leaves was there before what comes, also on its way to the disk.
 */
static void what_comes_while_a_claim_leaves_some_waits_behind_them(void **ctx)
{
    (void)ctx;
    f->pool.slots = 1;
    fixture_start(f);
    fixture_wait(f, is_idle);
    struct dispatch_route *route = dispatch_route_find(f->queue, "/gate");
    gate_pause(&route->gate, true);
    fixture_add_committed(f, "/gate", "first");
    fixture_wait(f, is_idle);
    fixture_add(f, "/gate", "second");
    gate_pause(&route->gate, false);
    dispatch_at_once();
    assert_true(route->claiming);
    f->pool.slots = 2; /* as if one had ended */
    fixture_add(f, "/gate", "third");
    assert_int_equal(route->coming_to_wait, 2);
    gate_set(true);
    jobs_wanted = 3;
    fixture_wait(f, has_succeeded);
}

static void what_comes_in_a_drain_is_not_claimed(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_wait(f, is_idle);
    queue_drain(f->queue);
    fixture_add_committed(f, "/echo", "x");
    fixture_wait(f, is_idle);
    assert_int_equal(folder_query(&f->folder, "SELECT state FROM jobs"), JOB_QUEUED);
    assert_int_equal(folder_query(&f->folder, "SELECT version FROM jobs"), 1);
}

/* How many of the first 16 runs were of a route: times on disk do not tell short ones apart. */
static int count_among_first(const char *route)
{
    int count = 0;
    for (int i = 0; i < 16; i++) {
        char sql[160];
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM jobs WHERE route = '%s' AND delivery_id = x'%s'", route,
                 fakes.delivery_ids[i]);
        count += (int)folder_query(&f->folder, sql);
    }
    return count;
}

static bool have_some_finished(struct fixture *at)
{
    (void)at;
    return atomic_load(&fakes.runs) >= 20;
}

static void routes_take_turns(void **ctx)
{
    (void)ctx;
    f->pool.slots = 1;
    fixture_open(f);
    for (int i = 0; i < 100; i++) /* all of them older than the other route's */
        fixture_add(f, "/echo", "x");
    for (int i = 0; i < 10; i++)
        fixture_add(f, "/permanent", "x");
    fixture_wait(f, is_idle);
    queue_start(f->queue);
    fixture_wait(f, have_some_finished);
    queue_drain(f->queue);
    fixture_wait(f, is_idle);
    assert_in_range(count_among_first("/permanent"), 6, 8);
}

/* One route has much to do and keeps its slots, the other has one short job. */
static void run_one_beside_many(const char *many_name, const char *one_name)
{
    struct queue_route *many = fixture_route(f, many_name), *one = fixture_route(f, one_name);
    const struct worker *gate = fixture_route(f, "/gate")->worker;
    const struct worker *echo = fixture_route(f, "/echo")->worker;
    many->worker = gate;
    one->worker = echo;
    f->pool.slots = 4;
    fixture_open(f);
    for (int i = 0; i < 20; i++)
        fixture_add(f, many_name, "x");
    fixture_wait(f, is_idle);
    fixture_add_committed(f, one_name, "x");
    queue_start(f->queue);
    fixture_wait(f, are_slots_taken); /* the gate is shut: had the many taken all at once, ... */
    queue_drain(f->queue);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_SUCCEEDED); /* ... it would wait */
    gate_set(true);
    fixture_wait(f, is_idle);
}

static void a_route_with_many_jobs_leaves_slots_to_the_next(void **ctx)
{
    (void)ctx;
    run_one_beside_many("/gate", "/echo");
}

static void a_route_with_many_jobs_leaves_slots_to_the_one_before(void **ctx)
{
    (void)ctx;
    run_one_beside_many("/echo", "/gate");
}

static void a_job_that_is_due_later_is_run_then(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    fixture_add_committed(f, "/echo", "x");
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE jobs SET state = 0, run_at_ms = %lld",
             (long long)clock_wall_ms() + 300);
    folder_sql(&f->folder, sql);
    fixture_close(f);
    fixture_start(f);
    fixture_wait(f, is_idle);
    jobs_wanted = 1;
    fixture_wait(f, has_succeeded);
    fixture_get(f, f->last_id);
    assert_true(f->record.started_ms >= f->record.run_at_ms);
}

/* A pool whose threads and queue are full of live calls. */
static atomic_bool live_may_end;

static void live_run(void *arg)
{
    (void)arg;
    while (!atomic_load(&live_may_end))
        usleep(1000);
}

static void live_done(void *arg, const ferry_task_report *report)
{
    (void)arg, (void)report;
}

static ferry_executor *make_full_executor(void)
{
    ferry_executor *full =
        ferry_executor_new(&(ferry_executor_options){.name = "full", .threads = 1, .queue = 1});
    ferry_task_work live = {.run = live_run, .done = live_done};
    atomic_store(&live_may_end, false);
    while (ferry_executor_submit(full, f->loop, &live, NULL))
        ;
    return full;
}

static void a_pool_that_refuses_one_job_is_not_offered_the_next_at_once(void **ctx)
{
    (void)ctx;
    ferry_executor *full = make_full_executor();
    f->pool.executor = full;
    f->pool.slots = 1;
    fixture_open(f);
    for (int i = 0; i < 20; i++)
        fixture_add(f, "/echo", "x");
    fixture_wait(f, is_idle);
    queue_start(f->queue);
    fixture_wait(f, is_idle);
    assert_int_equal(
        folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE run_at_ms > created_ms"), 1);
    atomic_store(&live_may_end, true);
    fixture_close(f);
    assert_int_equal(ferry_executor_shutdown(full, PATIENCE_MS), 0);
    ferry_executor_free(full);
}

static void a_job_that_its_pool_refuses_waits_and_counts_no_attempt(void **ctx)
{
    (void)ctx;
    ferry_executor *full = make_full_executor();
    f->pool.executor = full;
    fixture_start(f);
    fixture_add_committed(f, "/echo", "x");
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
    assert_int_equal(f->record.attempt, 0);
    assert_int_equal(atomic_load(&fakes.runs), 0);
    atomic_store(&live_may_end, true);
    jobs_wanted = 1;
    fixture_wait(f, has_succeeded);
    assert_int_equal(fixture_get(f, f->last_id)->attempt, 1);
    fixture_close(f);
    assert_int_equal(ferry_executor_shutdown(full, PATIENCE_MS), 0);
    ferry_executor_free(full);
}

/* Those are due all the time, and nothing else wakes the queue. */
static void what_waits_behind_one_that_its_pool_refuses_runs_when_there_is_room(void **ctx)
{
    (void)ctx;
    ferry_executor *full = make_full_executor();
    f->pool.executor = full;
    f->pool.slots = 1;
    fixture_open(f);
    for (int i = 0; i < 2; i++)
        fixture_add_committed(f, "/echo", "x");
    queue_start(f->queue);
    fixture_wait(f, is_idle);
    atomic_store(&live_may_end, true);
    jobs_wanted = 2;
    fixture_wait(f, has_succeeded);
    fixture_close(f);
    assert_int_equal(ferry_executor_shutdown(full, PATIENCE_MS), 0);
    ferry_executor_free(full);
}

/* It was written as claimed, and nothing else is due that would wake the queue. */
static void a_job_with_a_slot_that_its_pool_refuses_is_tried_again(void **ctx)
{
    (void)ctx;
    ferry_executor *full = make_full_executor();
    f->pool.executor = full;
    fixture_start(f);
    fixture_wait(f, is_idle); /* the first claims have found out that nothing waits */
    fixture_add_committed(f, "/echo", "x");
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_QUEUED);
    atomic_store(&live_may_end, true);
    jobs_wanted = 1;
    fixture_wait(f, has_succeeded);
    fixture_close(f);
    assert_int_equal(ferry_executor_shutdown(full, PATIENCE_MS), 0);
    ferry_executor_free(full);
}

/* Add one whenever the slot has become free, before the turn ends in which that was. */
static void add_where_the_slot_is_free(void *arg)
{
    struct fixture *at = arg;
    if (have_some_finished(at))
        return;
    if (at->queue->pools->held == 0)
        fixture_add(at, "/permanent", "x");
    ferry_loop_call_later(at->loop, 0, add_where_the_slot_is_free, at);
}

static void what_comes_takes_no_slot_for_which_others_wait(void **ctx)
{
    (void)ctx;
    f->pool.slots = 1;
    fixture_route(f, "/echo")->priority = 1;
    /* Each job has a slot as it is claimed. */
    fixture_route(f, "/echo")->concurrency = fixture_route(f, "/permanent")->concurrency = 1;
    fixture_start(f);
    fixture_wait(f, is_idle);
    fixture_add_committed(f, "/gate", "x");
    fixture_wait(f, are_slots_taken);
    for (int i = 0; i < 10; i++)
        fixture_add_committed(f, "/echo", "x");
    gate_set(true);
    add_where_the_slot_is_free(f);
    fixture_wait(f, have_some_finished);
    fixture_wait(f, is_idle);
    assert_int_equal(count_among_first("/echo"), 10);
    assert_int_equal(atomic_load(&fakes.most_running), 1);
}

static void a_claim_of_a_higher_priority_holds_no_more_than_its_slots(void **ctx)
{
    (void)ctx;
    static const char *const names[] = {"/echo", "/second"};
    f->pool.slots = 2;
    fixture_route(f, "/echo")->priority = 1;
    fixture_start(f);
    fixture_wait(f, is_idle);
    for (int i = 0; i < 2; i++) {
        gate_pause(&dispatch_route_find(f->queue, names[i])->gate, true);
        fixture_add_committed(f, names[i], "x");
        fixture_wait(f, is_idle);
    }
    for (int i = 0; i < 2; i++)
        gate_pause(&dispatch_route_find(f->queue, names[i])->gate, false);
    f->pool.slots = 1;
    dispatch_at_once();
    f->pool.slots = 2;
    dispatch_at_once();
    for (int i = 0; i < 2; i++)
        assert_true(dispatch_route_find(f->queue, names[i])->claiming);
    jobs_wanted = 2;
    fixture_wait(f, has_succeeded);
}

/* ---- once a turn, and behind the batch ---- */

static int looks;

/* Behind the dispatch of a turn; more comes in, so that the store gathers on in the next one. */
static void look(void *arg)
{
    struct fixture *at = arg;
    assert_true(at->queue->is_behind_batch && dispatch_is_due(at->queue));
    assert_false(dispatch_route_find(at->queue, "/echo")->claiming);
    if (++looks == 2)
        return;
    fixture_add(at, "/second", "x");
    ferry_loop_call_later(at->loop, 0, look, at);
}

static void what_is_gathered_goes_to_the_disk_before_others_are_claimed(void **ctx)
{
    (void)ctx;
    struct dispatch_route *route = fixture_start_paused(f, "/echo");
    gate_pause(&route->gate, false);
    fixture_add(f, "/second", "x"); /* the store gathers */
    dispatch(f->queue);
    looks = 0;
    ferry_loop_call_later(f->loop, 0, look, f);
    jobs_wanted = 3;
    fixture_wait(f, has_succeeded);
    assert_int_equal(looks, 2);
}

static void one_that_is_about_to_dispatch_is_not_idle(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    assert_true(queue_is_idle(f->queue));
    queue_start(f->queue);
    assert_false(queue_is_idle(f->queue));
    fixture_wait(f, is_idle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_more_run_at_once_than_there_are_slots),
        TEST(waiting_jobs_start_as_slots_become_free),
        TEST(a_job_that_finds_a_free_slot_is_written_claimed),
        TEST(an_older_job_that_waits_goes_first),
        TEST(what_comes_while_a_claim_leaves_some_waits_behind_them),
        TEST(what_comes_in_a_drain_is_not_claimed),
        TEST(routes_take_turns),
        TEST(a_route_with_many_jobs_leaves_slots_to_the_next),
        TEST(a_route_with_many_jobs_leaves_slots_to_the_one_before),
        TEST(a_job_that_is_due_later_is_run_then),
        TEST(a_pool_that_refuses_one_job_is_not_offered_the_next_at_once),
        TEST(a_job_that_its_pool_refuses_waits_and_counts_no_attempt),
        TEST(a_job_with_a_slot_that_its_pool_refuses_is_tried_again),
        TEST(what_comes_takes_no_slot_for_which_others_wait),
        TEST(what_is_gathered_goes_to_the_disk_before_others_are_claimed),
        TEST(one_that_is_about_to_dispatch_is_not_idle),
        TEST(a_claim_of_a_higher_priority_holds_no_more_than_its_slots),
        TEST(what_waits_behind_one_that_its_pool_refuses_runs_when_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
