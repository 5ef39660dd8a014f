/* Schedules on a real queue, by a clock that the test sets: steps of it, stops, and refusals. */
#include "jobs/fixture.h"

#include "schedules.h"

/* A slot of the schedule below: 1 June 2026, 12:00:00 in UTC. */
static const int64_t NOON_MS = INT64_C(1780315200000);

enum { EVERY_MS = 60000 };

static struct fixture fixture, *f = &fixture;
static char echo_path[] = "/echo", gate_path[] = "/gate", schedule_name[] = "tick";
static struct config_route routes[] = {{.path = echo_path}, {.path = gate_path}};
static struct config_schedule config;
static struct schedules *schedules;
static _Atomic int64_t wall_now_ms;

static int64_t read_wall_ms(void)
{
    return atomic_load(&wall_now_ms);
}

static void set_clock(int64_t ms)
{
    atomic_store(&wall_now_ms, ms);
}

static void make_schedules(void)
{
    schedules = schedules_new(&(struct schedules_options){
        .loop = f->loop,
        .queue = f->queue,
        .metrics = f->metrics,
        .schedules = &config,
        .count = 1,
        .wall_ms = read_wall_ms,
    });
    assert_non_null(schedules);
}

/* A little before a slot, so that the timer is a short one. */
static int set_up(void **state)
{
    (void)state;
    fixture_make(f);
    f->options.wall_ms = read_wall_ms;
    set_clock(NOON_MS - 5);
    config = (struct config_schedule){
        .name = schedule_name, .route = &routes[0], .every_ms = EVERY_MS, .may_overlap = true};
    call_input_add(&config.block, CALL_METHOD, "", "POST", 4);
    call_input_end(&config.block, "", 0);
    fixture_start(f);
    make_schedules();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gate_set(true);
    fixture_remove(f);
    schedules_free(schedules);
    bytes_fini(&config.block);
    return 0;
}

/* ---- what has become of the slots ---- */

static double count_of(const char *outcome)
{
    char series[96];
    snprintf(series, sizeof series, "ferry_schedule_runs_total{schedule=\"tick\",outcome=\"%s\"}",
             outcome);
    return fixture_metric(f, series);
}

static const char *outcome_wanted;
static int count_wanted;

static bool is_count(struct fixture *at)
{
    (void)at;
    return count_of(outcome_wanted) >= count_wanted;
}

static void wait_count(const char *outcome, int count)
{
    outcome_wanted = outcome;
    count_wanted = count;
    fixture_wait(f, is_count);
    assert_int_equal(count_of(outcome), count);
}

/* Let timers run that are due within so many milliseconds: what must not happen had its time. */
static int64_t quiet_until_ms;

static bool is_past(struct fixture *at)
{
    (void)at;
    return clock_monotonic_ms() >= quiet_until_ms;
}

static void wait_for(int64_t ms)
{
    quiet_until_ms = clock_monotonic_ms() + ms;
    fixture_wait(f, is_past);
}

static void wait_for_timers(void)
{
    wait_for(50);
}

static int64_t last_slot(void)
{
    return folder_query(&f->folder, "SELECT slot_ms FROM schedules WHERE name = 'tick'");
}

static int64_t jobs(void)
{
    return folder_query(&f->folder, "SELECT count(*) FROM jobs");
}

/* ---- in order ---- */

static void test_a_slot_runs_when_it_comes_due_and_once(void **state)
{
    (void)state;
    schedules_start(schedules);
    wait_for_timers();
    assert_int_equal(count_of("added"), 0);
    set_clock(NOON_MS);
    wait_count("added", 1);
    wait_for_timers();
    assert_int_equal(jobs(), 1);
    assert_int_equal(last_slot(), NOON_MS);
}

static void test_nothing_is_added_after_a_stop(void **state)
{
    (void)state;
    schedules_start(schedules);
    schedules_stop(schedules);
    set_clock(NOON_MS);
    wait_for_timers();
    assert_int_equal(jobs(), 0);
}

static void test_jitter_delays_the_job_not_the_slot(void **state)
{
    (void)state;
    config.jitter_ms = EVERY_MS - 1;
    schedules_start(schedules);
    set_clock(NOON_MS);
    wait_count("added", 1);
    int64_t delay_ms = folder_query(&f->folder, "SELECT run_at_ms FROM jobs") - NOON_MS;
    assert_true(delay_ms >= 0 && delay_ms < EVERY_MS);
    assert_int_equal(last_slot(), NOON_MS);
}

/* ---- steps of the clock ---- */

static void test_slots_that_the_clock_jumps_over_are_missed(void **state)
{
    (void)state;
    schedules_start(schedules);
    set_clock(NOON_MS + 60 * EVERY_MS + 40000); /* the last one is 40 s ago */
    wait_count("missed", 61);
    assert_int_equal(count_of("added"), 0);
}

static void test_one_run_makes_up_for_slots_that_the_clock_jumps_over(void **state)
{
    (void)state;
    config.missed = MISSED_ONCE;
    schedules_start(schedules);
    set_clock(NOON_MS + 60 * EVERY_MS + 40000);
    wait_count("added", 1);
    assert_int_equal(count_of("missed"), 60);
    assert_int_equal(last_slot(), NOON_MS + 60 * EVERY_MS);
}

static void test_a_slot_does_not_run_again_when_the_clock_is_set_back(void **state)
{
    (void)state;
    config.every_ms = 1000; /* so that the timer after it is a short one, too */
    schedules_start(schedules);
    set_clock(NOON_MS);
    wait_count("added", 1);
    set_clock(NOON_MS - 1);
    wait_for(1200);
    assert_int_equal(count_of("added") + count_of("taken"), 1);
    set_clock(NOON_MS + 1000);
    wait_count("added", 2);
    assert_int_equal(last_slot(), NOON_MS + 1000);
}

/* ---- a restart ---- */

static void restart(void)
{
    schedules_stop(schedules);
    fixture_close(f);
    schedules_free(schedules);
    fixture_start(f);
    make_schedules();
    schedules_start(schedules);
}

static void test_a_slot_does_not_run_again_after_a_restart(void **state)
{
    (void)state;
    config.missed = MISSED_ONCE;
    schedules_start(schedules);
    set_clock(NOON_MS);
    wait_count("added", 1);
    restart();
    wait_for_timers();
    assert_int_equal(jobs(), 1);
    set_clock(NOON_MS + EVERY_MS - 5);
    restart();
    set_clock(NOON_MS + EVERY_MS);
    wait_count("added", 2);
    assert_int_equal(last_slot(), NOON_MS + EVERY_MS);
}

/* ---- what the queue says ---- */

static void test_an_overlap_takes_its_slot(void **state)
{
    (void)state;
    config.route = &routes[1];
    config.may_overlap = false;
    schedules_start(schedules);
    set_clock(NOON_MS);
    wait_count("added", 1);
    set_clock(NOON_MS + EVERY_MS - 5);
    restart(); /* for a short timer */
    set_clock(NOON_MS + EVERY_MS);
    wait_count("overlap", 1);
    assert_int_equal(jobs(), 1);
    assert_int_equal(last_slot(), NOON_MS + EVERY_MS);
    gate_set(true);
    fixture_wait(f, is_idle);
}

/* Begin with a queue that is full, as its one job waits for the gate. */
static void start_refused(void)
{
    fixture_close(f);
    schedules_free(schedules);
    f->options.max_pending = 1;
    fixture_start(f);
    make_schedules();
    fixture_add_committed(f, "/gate", "");
    schedules_start(schedules);
    set_clock(NOON_MS);
    wait_for_timers();
}

static void test_a_refused_run_is_tried_again_for_the_same_slot(void **state)
{
    (void)state;
    start_refused();
    assert_int_equal(jobs(), 1);
    gate_set(true);
    set_clock(NOON_MS + 5000);
    wait_count("added", 1);
    assert_int_equal(last_slot(), NOON_MS);
    assert_int_equal(count_of("refused"), 0);
}

/* ---- a reload ---- */

static void reload(void)
{
    struct schedules *before = schedules;
    make_schedules();
    schedules_stop(before);
    schedules_inherit(schedules, before);
    schedules_free(before);
    schedules_take_over(schedules);
}

static bool is_with_the_queue(struct fixture *at)
{
    (void)at;
    return !schedules_are_idle(schedules) || count_of("added") > 0; /* or it has been */
}

static void test_what_was_missed_is_counted_once_over_reloads(void **state)
{
    (void)state;
    schedules_start(schedules);
    set_clock(NOON_MS);
    wait_count("added", 1);
    set_clock(NOON_MS + 3 * EVERY_MS + EVERY_MS / 2 + 5000);
    restart();
    assert_int_equal(count_of("missed"), 3);
    reload();
    reload();
    assert_int_equal(count_of("missed"), 3);
    set_clock(NOON_MS + 4 * EVERY_MS - 5);
    reload(); /* for a short timer */
    set_clock(NOON_MS + 4 * EVERY_MS);
    wait_count("added", 2);
    assert_int_equal(last_slot(), NOON_MS + 4 * EVERY_MS);
}

static void test_what_was_not_due_before_a_reload_is_not_missed(void **state)
{
    (void)state;
    config.missed = MISSED_ONCE;
    config.every_ms = 60 * EVERY_MS;
    schedules_start(schedules);
    reload(); /* for a short timer */
    set_clock(NOON_MS);
    wait_count("added", 1);
    set_clock(NOON_MS + 10 * EVERY_MS + 5000);
    reload(); /* has it look */
    config.every_ms = EVERY_MS;
    reload();
    wait_for_timers();
    assert_int_equal(count_of("missed"), 0);
    assert_int_equal(jobs(), 1);
    set_clock(NOON_MS + 11 * EVERY_MS - 5);
    reload();
    set_clock(NOON_MS + 11 * EVERY_MS);
    wait_count("added", 2);
    assert_int_equal(count_of("missed"), 0);
}

static void test_a_refused_run_is_tried_again_after_a_reload(void **state)
{
    (void)state;
    start_refused();
    set_clock(NOON_MS + 50000); /* too late for a slot that nobody tried */
    reload();
    wait_for_timers();
    assert_int_equal(jobs(), 1);
    gate_set(true);
    wait_count("added", 1);
    assert_int_equal(last_slot(), NOON_MS);
    assert_int_equal(count_of("missed"), 0);
}

static void test_a_slot_that_the_queue_had_at_a_reload_runs_once(void **state)
{
    (void)state;
    schedules_start(schedules);
    set_clock(NOON_MS);
    struct schedules *before = schedules;
    fixture_wait(f, is_with_the_queue);
    make_schedules();
    schedules_stop(before);
    schedules_inherit(schedules, before);
    wait_count("added", 1);
    schedules_free(before);
    schedules_take_over(schedules);
    wait_for_timers();
    assert_int_equal(jobs(), 1);
    assert_int_equal(count_of("added"), 1);
    assert_int_equal(count_of("taken"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_slot_runs_when_it_comes_due_and_once),
        TEST(test_nothing_is_added_after_a_stop),
        TEST(test_jitter_delays_the_job_not_the_slot),
        TEST(test_slots_that_the_clock_jumps_over_are_missed),
        TEST(test_one_run_makes_up_for_slots_that_the_clock_jumps_over),
        TEST(test_a_slot_does_not_run_again_when_the_clock_is_set_back),
        TEST(test_a_slot_does_not_run_again_after_a_restart),
        TEST(test_an_overlap_takes_its_slot),
        TEST(test_a_refused_run_is_tried_again_for_the_same_slot),
        TEST(test_what_was_missed_is_counted_once_over_reloads),
        TEST(test_what_was_not_due_before_a_reload_is_not_missed),
        TEST(test_a_refused_run_is_tried_again_after_a_reload),
        TEST(test_a_slot_that_the_queue_had_at_a_reload_runs_once),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
