/* Retention: jobs that have ended are deleted, and in the end forgotten. */
#include "one_fixture.h"

#include "packing.h"

/* ---- jobs ---- */

static bool has_none_succeeded(struct fixture *at)
{
    return fixture_metric(at, "ferry_jobs{state=\"succeeded\"}") == 0 && queue_is_idle(at->queue);
}

static void final_jobs_are_deleted_in_the_end_and_others_are_not(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    for (int i = 0; i < 1200; i++) /* more than two batches */
        fixture_add(f, "/echo", "x");
    fixture_wait(f, is_idle);
    folder_sql(&f->folder, "UPDATE jobs SET state = 4, finished_ms = 1 WHERE job <= 1100;"
                           "UPDATE jobs SET state = 1, route = '/gone' WHERE job > 1100");
    fixture_close(f);
    fixture_start(f);
    fixture_wait(f, has_none_succeeded);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), 100);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM inputs"), 100);
    assert_true(fixture_metric(f, "ferry_jobs{state=\"queued\"}") == 100);
}

/* Have packs of a hundred and more jobs each time, which have finished long ago, and some rows. */
static int make_packs(int times)
{
    static struct together together;
    int count = 0;
    folder = f->folder;
    writer = writer_open(folder.database, NULL, NULL);
    assert_non_null(writer);
    journal_begin();
    for (; times > 0; times--) {
        together = (struct together){0};
        struct comer *jobs = together_add(&together, 2 * PACK_JOBS + 3, 1000);
        for (int i = 0; i < together.count; i++)
            jobs[i].insert.route = "/echo";
        together_run(&together);
        count += together.count;
    }
    writer_close(writer);
    return count;
}

static int packed_count;

/* A round that has begun goes on as long as any is left. */
static bool has_none_packed(struct fixture *at)
{
    double left = fixture_metric(at, "ferry_jobs{state=\"succeeded\"}");
    assert_false(left > 0 && left < packed_count && queue_is_idle(at->queue));
    return left == 0 && queue_is_idle(at->queue);
}

/* More than two batches. */
static void those_in_packs_are_deleted_as_well(void **ctx)
{
    (void)ctx;
    packed_count = make_packs(9);
    assert_true(packed_count > 1000);
    fixture_open(f);
    assert_true(fixture_metric(f, "ferry_jobs{state=\"succeeded\"}") == packed_count);
    queue_start(f->queue);
    fixture_wait(f, has_none_packed);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM packs"), 0);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), 1);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM retired"), packed_count);
}

/* ---- ids ---- */

static int64_t remembered(void)
{
    return folder_query(&f->folder, "SELECT count(*) FROM retired");
}

/* Ids of jobs that were deleted one after the other, a millisecond each. */
static void remember(int64_t count, int64_t first_ms)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT %lld)"
             " INSERT INTO retired SELECT CAST(printf('%%016d', i) AS BLOB), %lld + i FROM n",
             (long long)count, (long long)first_ms);
    folder_sql(&f->folder, sql);
}

static bool is_all_forgotten(struct fixture *at)
{
    return queue_is_idle(at->queue) && remembered() == 0;
}

static void ids_are_forgotten_in_time_also_without_a_job_to_delete(void **ctx)
{
    (void)ctx;
    fixture_open(f);
    remember(1200, 1); /* more than two batches */
    fixture_close(f);
    fixture_start(f);
    fixture_wait(f, is_all_forgotten);
}

static int64_t expected;

static bool are_as_expected(struct fixture *at)
{
    return queue_is_idle(at->queue) && remembered() == expected;
}

static void on_deleted(void *arg, const struct queue_changed *changed, const ferry_error *error)
{
    (void)arg, (void)changed;
    assert_int_equal(error->code, FERRY_OK);
}

/* A batch at a time, those of today, too. */
static void ids_are_bounded_by_number_and_the_oldest_go_first(void **ctx)
{
    (void)ctx;
    int64_t first_ms = clock_wall_ms() - 3600000;
    f->options.max_remembered = 2000;
    f->options.keep_ms = 1;                       /* rounds come soon, */
    fixture_route(f, "/echo")->keep_ms = 3600000; /* and this one's jobs stay */
    fixture_open(f);
    remember(2000 + 500, first_ms);
    fixture_close(f);
    fixture_start(f);
    expected = 2000;
    fixture_wait(f, are_as_expected);
    assert_true(folder_query(&f->folder, "SELECT min(retired_ms) FROM retired") == first_ms + 500);

    fixture_add_committed(f, "/echo", "x");
    fixture_wait(f, is_idle);
    queue_change(f->queue, JOB_ACTION_DELETE, f->last_id, on_deleted, NULL); /* one too many */
    expected = 2000 - 499;
    fixture_wait(f, are_as_expected);
    assert_true(folder_query(&f->folder, "SELECT min(retired_ms) FROM retired") == first_ms + 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(final_jobs_are_deleted_in_the_end_and_others_are_not),
        TEST(those_in_packs_are_deleted_as_well),
        TEST(ids_are_forgotten_in_time_also_without_a_job_to_delete),
        TEST(ids_are_bounded_by_number_and_the_oldest_go_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
