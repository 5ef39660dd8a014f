/* Packs that are damaged: what is asked for one of their jobs fails, they hide none of another one,
 * and go as a whole. */
#include "packing.h"
#include "support.h"

#include "listing.h"
#include "reports.h"

/* Of one time, one behind the other; `together` is the one that is damaged. */
static struct together older, together, newer;

static void damage(const char *how)
{
    char sql[256];
    folder_sql(&folder, "DELETE FROM packs; DELETE FROM jobs; DELETE FROM retired");
    come_together(&older, TOGETHER_LEAST);
    come_together(&together, TOGETHER_LEAST);
    come_together(&newer, TOGETHER_LEAST);
    snprintf(sql, sizeof sql, "UPDATE packs SET %s WHERE first = %lld", how,
             (long long)together.jobs[0].insert.claim.job);
    folder_sql(&folder, sql);
    expect_tables(3, 3 * TOGETHER_LEAST, 0);
}

static int change(enum job_action action, const char *id)
{
    struct change_operation operation = change_of(action, id);
    int rc = run(&operation.base);
    change_operation_fini(&operation);
    return rc;
}

/* Have these jobs come next in a list, the newest first, of those that can be read. */
static void expect_next(const struct listing *page, size_t *at, const struct together *jobs,
                        int readable)
{
    for (int i = readable; i > 0; i--, ++*at) {
        assert_true(*at < page->count);
        assert_string_equal(page->records[*at].id, jobs->jobs[i - 1].insert.id);
    }
}

static struct listing list(const struct job_filter *filter)
{
    struct listing page;
    assert_int_equal(listing_read(writer_statements(writer), filter, &page, NULL), 0);
    return page;
}

static void expect_listed(int readable)
{
    struct job_filter filter = {.limit = JOB_PAGE_MAX};
    size_t at = 0;
    struct listing page = list(&filter);
    expect_next(&page, &at, &newer, TOGETHER_LEAST);
    expect_next(&page, &at, &together, readable);
    assert_int_equal(page.count, at);
    assert_int_equal(page.damaged, together.jobs[0].insert.claim.job);
    filter.before = page.next;
    listing_fini(&page);
    at = 0;
    page = list(&filter);
    expect_next(&page, &at, &older, TOGETHER_LEAST);
    assert_int_equal(page.count, at);
    assert_int_equal(page.damaged, 0);
    assert_int_equal(page.next, 0);
    listing_fini(&page);
}

/* Where so many of its jobs can be read, and the last one cannot. */
static void expect_damaged(const char *how, int readable)
{
    damage(how);
    const struct insert_operation *last = &together.jobs[TOGETHER_LEAST - 1].insert;
    expect_not_found(last, FERRY_INTERNAL);
    expect_all_found(&older);
    expect_all_found(&newer);
    expect_listed(readable);
    assert_int_equal(change(JOB_ACTION_DELETE, last->id), FERRY_REJECTED);
    assert_int_equal(change(JOB_ACTION_DELETE, newer.jobs[0].insert.id), FERRY_OK);
    expect_tables(2, 2 * TOGETHER_LEAST, TOGETHER_LEAST - 1);
}

static void one_that_is_cut_is_told_and_hides_no_other(void **ctx)
{
    (void)ctx;
    enum { LAST = TOGETHER_LEAST - 1 };
    expect_damaged("jobs = substr(jobs, 1, length(jobs) - 1)", LAST);
    expect_damaged("jobs = substr(jobs, 1, length(jobs) - 20)", LAST);
    expect_damaged("jobs = substr(jobs, 1, 10)", 0);
    expect_damaged("jobs = x''", 0);
    expect_damaged("jobs = 5", 0);
    expect_damaged("ids = CAST(ids || ids AS BLOB), jobs = substr(jobs, 1, length(jobs) - 1)",
                   LAST);
}

/* What all have ends with "text/plain", its NUL, and "ok". */
static void so_is_one_with_a_size_that_is_none_or_a_text_without_its_end(void **ctx)
{
    (void)ctx;
    enum { LAST = TOGETHER_LEAST - 1 };
    expect_damaged("jobs = CAST(substr(jobs, 1, length(jobs) - 3) || 'xok' AS BLOB)", LAST);
    expect_damaged("jobs = CAST(substr(jobs, 1, length(jobs) - 21) || x'ffffffff' ||"
                   "            substr(jobs, -17) AS BLOB)",
                   LAST);
    expect_damaged("jobs = CAST(substr(jobs, 1, length(jobs) - 17) || x'ffffffff' ||"
                   "            substr(jobs, -13) AS BLOB)",
                   LAST);
}

/* Whom it had it does not say; what it still says stays true. */
static void one_without_ids_is_told_by_a_list(void **ctx)
{
    (void)ctx;
    static const char *const how[] = {"ids = x''", "ids = 5", "ids = substr(ids, 1, 40)",
                                      "ids = 'text'"};
    static const int readable[] = {0, 0, 2, 0};
    for (size_t i = 0; i < COUNT_OF(how); i++) {
        struct job_record record;
        damage(how[i]);
        int rc = find(together.jobs[TOGETHER_LEAST - 1].insert.id, &record);
        assert_int_equal(rc, FERRY_NOT_FOUND);
        expect_all_found(&newer);
        expect_listed(readable[i]);
        assert_int_equal(change(JOB_ACTION_DELETE, newer.jobs[0].insert.id), FERRY_OK);
    }
}

/* ---- it goes as a whole ---- */

static void check_jobs(const struct change_operation *page)
{
    for (unsigned i = 0; i < page->count; i++) {
        assert_string_equal(page->jobs[i].route, "/r");
        assert_int_equal(page->jobs[i].was, JOB_SUCCEEDED);
        assert_int_equal(page->jobs[i].version, 3);
    }
}

static void a_filter_that_it_fits_deletes_all_of_it(void **ctx)
{
    (void)ctx;
    static const char *const how[] = {"jobs = x''", "jobs = substr(jobs, 1, length(jobs) - 1)"};
    static const unsigned limits[] = {1, TOGETHER_LEAST - 1, TOGETHER_LEAST, TOGETHER_LEAST + 3,
                                      3 * TOGETHER_LEAST};
    for (size_t i = 0; i < COUNT_OF(how) * COUNT_OF(limits); i++) {
        damage(how[i % COUNT_OF(how)]);
        struct job_filter filter = {.limit = limits[i / COUNT_OF(how)]};
        assert_int_equal(change_all(JOB_ACTION_DELETE, filter, check_jobs), 3 * TOGETHER_LEAST);
        expect_tables(0, 0, 0);
        assert_int_equal(query("SELECT count(*) FROM retired WHERE retired_ms = 4000"),
                         3 * TOGETHER_LEAST);
        for (int k = 0; k < TOGETHER_LEAST; k++)
            expect_not_found(&together.jobs[k].insert, FERRY_GONE);
    }
}

static void one_without_ids_goes_as_well(void **ctx)
{
    (void)ctx;
    damage("ids = x''");
    struct job_filter filter = {.route = "/r", .limit = 5};
    assert_int_equal(change_all(JOB_ACTION_DELETE, filter, check_jobs), 2 * TOGETHER_LEAST);
    expect_tables(0, 0, 0);
}

static void add_count(void *arg, const char *route, enum job_state state, int64_t count,
                      int64_t bytes)
{
    (void)route, (void)bytes;
    assert_int_equal(state, JOB_SUCCEEDED);
    *(unsigned *)arg += (unsigned)count;
}

/* What is counted at the start and goes with each delete ends at none. */
static void as_many_are_counted_as_can_be_deleted(void **ctx)
{
    (void)ctx;
    static const char *const how[] = {"ids = x''", "ids = substr(ids, 1, 40)", "ids = 5",
                                      "ids = CAST(ids || ids AS BLOB)", "jobs = x''"};
    for (size_t i = 0; i < COUNT_OF(how); i++) {
        unsigned count = 0;
        damage(how[i]);
        struct job_filter filter = {.limit = 5};
        assert_int_equal(report_count(writer_statements(writer), add_count, &count, NULL), 0);
        assert_int_equal(change_all(JOB_ACTION_DELETE, filter, check_jobs), count);
        expect_tables(0, 0, 0);
    }
}

static void it_stays_where_the_filter_means_others_or_something_else_is_done(void **ctx)
{
    (void)ctx;
    damage("jobs = x''");
    struct job_filter filter = {.route = "/other", .limit = 5};
    assert_int_equal(change_all(JOB_ACTION_DELETE, filter, check_jobs), 0);
    filter = (struct job_filter){.states = 1U << JOB_DEAD, .limit = 5};
    assert_int_equal(change_all(JOB_ACTION_DELETE, filter, check_jobs), 0);
    filter.states = 0;
    assert_int_equal(change_all(JOB_ACTION_CANCEL, filter, check_jobs), 0);
    assert_int_equal(change_all(JOB_ACTION_RETRY, filter, check_jobs), 0);
    expect_tables(3, 3 * TOGETHER_LEAST, 0);
}

static void expect_retired(unsigned count)
{
    struct retire_operation retire = {
        .base = {.kind = OPERATION_RETIRE},
        .route = "/r",
        .before_ms = 9000,
        .now_ms = 9000,
        .limit = 100,
    };
    assert_int_equal(run(&retire.base), FERRY_OK);
    assert_int_equal(retire.count, count);
    assert_int_equal(retire.deleted[JOB_SUCCEEDED], count);
    expect_tables(0, 0, 0);
}

/* It ends with the others: its ids are all that this takes. */
static void one_that_is_damaged_is_retired(void **ctx)
{
    (void)ctx;
    damage("jobs = x''");
    expect_retired(3 * TOGETHER_LEAST);
    expect_not_found(&together.jobs[0].insert, FERRY_GONE);
    damage("ids = x''");
    expect_retired(2 * TOGETHER_LEAST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, writing_set_up_journal, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_is_cut_is_told_and_hides_no_other),
        TEST(so_is_one_with_a_size_that_is_none_or_a_text_without_its_end),
        TEST(one_without_ids_is_told_by_a_list),
        TEST(a_filter_that_it_fits_deletes_all_of_it),
        TEST(one_without_ids_goes_as_well),
        TEST(as_many_are_counted_as_can_be_deleted),
        TEST(it_stays_where_the_filter_means_others_or_something_else_is_done),
        TEST(one_that_is_damaged_is_retired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
