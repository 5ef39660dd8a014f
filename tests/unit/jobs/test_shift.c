/* Steps of the wall clock: what waits moves along once, and what a person wrote stays. */
#include "packing.h"

#include "clock.h"
#include "shift.h"

static void insert_due(enum job_state state, bool is_wall, int64_t created_ms)
{
    struct insert_operation insert = insert_of(state);
    insert.is_wall = is_wall;
    insert.created_ms = created_ms;
    insert.run_at_ms = 100000;
    insert_added(&insert);
}

static struct shift_operation shift_of(int64_t by_ms)
{
    return (struct shift_operation){.base = {.kind = OPERATION_SHIFT}, .by_ms = by_ms};
}

static int64_t due_of(int job)
{
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT run_at_ms FROM jobs WHERE job = %d", job);
    return query(sql);
}

static void what_waits_moves_along_and_what_a_person_wrote_stays(void **ctx)
{
    (void)ctx;
    insert_due(JOB_SCHEDULED, false, 1000);
    insert_due(JOB_SCHEDULED, true, 1000);
    insert_due(JOB_QUEUED, false, 1000);
    insert_due(JOB_RUNNING, false, 1000);
    struct shift_operation shift = shift_of(-30000);
    assert_int_equal(run(&shift.base), FERRY_OK);
    assert_int_equal(due_of(1), 70000);
    assert_int_equal(due_of(2), 100000);
    assert_int_equal(due_of(3), 70000);
    assert_int_equal(due_of(4), 100000);
    assert_int_equal(query("SELECT version FROM jobs WHERE job = 1"), 2);
}

static void a_step_that_failed_in_doubt_is_made_up_for_once(void **ctx)
{
    (void)ctx;
    insert_due(JOB_SCHEDULED, false, 1000);
    struct shift_operation shift = shift_of(-30000);
    shift.doubt_ms = 5000; /* it was not done then */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(&shift.base), FERRY_OK);
        assert_int_equal(due_of(1), 70000);
        shift.doubt_ms = shift.done_ms;
    }
}

/* They were written by the new time. */
static void what_came_after_a_step_that_failed_does_not_move(void **ctx)
{
    (void)ctx;
    insert_due(JOB_SCHEDULED, false, 1000);
    struct shift_operation shift = shift_of(-30000);
    folder_sql(&folder, "CREATE TRIGGER fails BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'x');"
                        " END");
    assert_int_equal(run(&shift.base), FERRY_REJECTED);
    folder_sql(&folder, "DROP TRIGGER fails");
    assert_int_equal(shift.newest_job, 1);
    insert_due(JOB_SCHEDULED, false, 1000);
    shift.upto_job = shift.newest_job;
    assert_int_equal(run(&shift.base), FERRY_OK);
    assert_int_equal(due_of(1), 70000);
    assert_int_equal(due_of(2), 100000);
}

static void start_at(int64_t now_ms)
{
    assert_int_equal(shift_at_start(writer_statements(writer), now_ms, NULL), 0);
}

static void a_clock_that_went_back_while_nobody_ran_is_made_up_for_once(void **ctx)
{
    (void)ctx;
    insert_due(JOB_SCHEDULED, false, 90000);
    start_at(60000);
    assert_int_equal(due_of(1), 70000);
    start_at(60010);
    assert_int_equal(due_of(1), 70000);
}

static void a_step_while_it_ran_is_not_made_up_for_again_at_the_start(void **ctx)
{
    (void)ctx;
    int64_t now_ms = clock_wall_ms();
    insert_due(JOB_SCHEDULED, false, now_ms + 30000); /* by the clock before it went back */
    struct shift_operation shift = shift_of(-30000);
    assert_int_equal(run(&shift.base), FERRY_OK);
    start_at(clock_wall_ms());
    assert_int_equal(due_of(1), 70000);
}

/* A machine without a clock of its own begins in 1970, again and again, and learns the time later.
 */
static void a_clock_that_starts_anew_each_time_is_made_up_for_each_time(void **ctx)
{
    (void)ctx;
    int64_t now_ms = clock_wall_ms();
    insert_due(JOB_SCHEDULED, false, now_ms);
    start_at(5000);
    assert_int_equal(due_of(1), 100000 - (now_ms - 5000));
    struct shift_operation shift = shift_of(now_ms - 5000);
    assert_int_equal(run(&shift.base), FERRY_OK);
    assert_int_equal(due_of(1), 100000);
    int64_t learnt_ms = query("SELECT wall_ms FROM clock");
    start_at(5000);
    assert_int_equal(due_of(1), 100000 - (learnt_ms - 5000));
}

/* The next process counts on from what is left. */
static void jobs_that_came_after_those_of_a_step_were_deleted_tell_the_time(void **ctx)
{
    (void)ctx;
    insert_due(JOB_SCHEDULED, false, 1000);
    insert_due(JOB_SCHEDULED, false, 1000);
    struct shift_operation shift = shift_of(10);
    assert_int_equal(run(&shift.base), FERRY_OK);
    folder_sql(&folder, "DELETE FROM jobs; DELETE FROM inputs");
    writing_reopen();
    int64_t now_ms = clock_wall_ms();
    insert_due(JOB_SCHEDULED, false, now_ms + 90000);
    start_at(now_ms + 60000);
    assert_int_equal(query("SELECT run_at_ms FROM jobs"), 70000);
}

static void a_clock_that_goes_on_moves_nothing(void **ctx)
{
    (void)ctx;
    start_at(1000); /* an empty database */
    insert_due(JOB_SCHEDULED, false, 90000);
    start_at(90000 - 1000); /* within what is no step */
    start_at(900000);
    assert_int_equal(due_of(1), 100000);
}

/* ---- where the newest jobs are in a pack ---- */

/* Have one that waits, and a pack whose jobs came and ended at such times. Returns the first. */
static int64_t insert_due_and_pack(int64_t created_ms, int64_t finished_ms)
{
    static struct together together;
    struct insert_operation due = insert_of(JOB_SCHEDULED);
    due.run_at_ms = 100000;
    insert_added(&due);
    together = (struct together){0};
    struct comer *jobs = together_add(&together, TOGETHER_LEAST, 1000);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        jobs[i].insert.created_ms = jobs[i].insert.run_at_ms = created_ms;
    together_come(&together);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        jobs[i].settle.now_ms = finished_ms;
    together_end(&together);
    expect_tables(1, TOGETHER_LEAST, 1);
    return due.claim.job;
}

static void a_pack_tells_the_last_time_as_well(void **ctx)
{
    (void)ctx;
    int due = (int)insert_due_and_pack(89000, 90000);
    start_at(60000);
    assert_int_equal(due_of(due), 70000);
    start_at(60010);
    assert_int_equal(due_of(due), 70000);
}

static void a_pack_from_before_a_step_is_not_made_up_for_again(void **ctx)
{
    (void)ctx;
    int64_t now_ms = clock_wall_ms();
    int due = (int)insert_due_and_pack(now_ms + 30000, now_ms + 30000);
    struct shift_operation shift = shift_of(-30000);
    assert_int_equal(run(&shift.base), FERRY_OK);
    start_at(clock_wall_ms());
    assert_int_equal(due_of(due), 70000);
}

#define PACKS_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, writing_set_up_journal, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITING_TEST(what_waits_moves_along_and_what_a_person_wrote_stays),
        WRITING_TEST(a_clock_that_went_back_while_nobody_ran_is_made_up_for_once),
        WRITING_TEST(a_step_while_it_ran_is_not_made_up_for_again_at_the_start),
        WRITING_TEST(a_clock_that_starts_anew_each_time_is_made_up_for_each_time),
        WRITING_TEST(jobs_that_came_after_those_of_a_step_were_deleted_tell_the_time),
        WRITING_TEST(a_step_that_failed_in_doubt_is_made_up_for_once),
        WRITING_TEST(what_came_after_a_step_that_failed_does_not_move),
        WRITING_TEST(a_clock_that_goes_on_moves_nothing),
        PACKS_TEST(a_pack_tells_the_last_time_as_well),
        PACKS_TEST(a_pack_from_before_a_step_is_not_made_up_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
