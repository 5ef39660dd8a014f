/* Pages of jobs: newest first, each job once, whatever is filtered and however many there are. */
#include "writing.h"

#include "listing.h"

/* Rows from `first` on, every `step`, of this state and route. */
static void make_rows(int first, int count, int step, enum job_state state, const char *route)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d - 1)"
             " INSERT INTO jobs (job, id, delivery_id, route, worker, state, input_bytes,"
             "                   created_ms, run_at_ms)"
             " SELECT %d + i * %d, randomblob(16), randomblob(16), '%s', 'w', %d, 5, 1, 1 FROM n",
             count, first, step, route, (int)state);
    folder_sql(&folder, sql);
}

static struct listing list(const struct job_filter *filter)
{
    struct listing listing;
    assert_int_equal(listing_read(writer_statements(writer), filter, &listing, NULL), 0);
    return listing;
}

/* Go through all pages; the rows must come in falling order. Returns how many there were, and the
 * last one. */
static int list_all(struct job_filter filter, int64_t *last)
{
    int count = 0;
    *last = INT64_MAX;
    do {
        struct listing page = list(&filter);
        for (size_t i = 0; i < page.count; i++) {
            assert_true(page.records[i].job < *last);
            *last = page.records[i].job;
            count++;
        }
        assert_true(page.next == 0 || filter.before == 0 || page.next < filter.before);
        filter.before = page.next;
        listing_fini(&page);
    } while (filter.before > 0);
    return count;
}

static void the_newest_come_first_and_each_once(void **ctx)
{
    (void)ctx;
    make_rows(1, 10, 1, JOB_QUEUED, "/r");
    struct job_filter filter = {.limit = 4};
    struct listing page = list(&filter);
    assert_int_equal(page.count, 4);
    assert_int_equal(page.records[0].job, 10);
    assert_int_equal(page.records[3].job, 7);
    assert_int_equal(page.next, 7);
    listing_fini(&page);
    int64_t last;
    assert_int_equal(list_all(filter, &last), 10);
    assert_int_equal(last, 1);
}

static void an_empty_database_is_one_empty_page(void **ctx)
{
    (void)ctx;
    struct listing page = list(&(struct job_filter){.limit = 4});
    assert_int_equal(page.count, 0);
    assert_int_equal(page.next, 0);
    listing_fini(&page);
}

static void states_and_routes_are_filtered(void **ctx)
{
    (void)ctx;
    make_rows(1, 5, 4, JOB_QUEUED, "/r"); /* 1, 5, 9, ... */
    make_rows(2, 5, 4, JOB_DEAD, "/r");
    make_rows(3, 5, 4, JOB_DEAD, "/other");
    make_rows(4, 5, 4, JOB_SUCCEEDED, "/r");
    struct job_filter filter = {.limit = 2};
    int64_t last;
    assert_int_equal(list_all(filter, &last), 20);
    filter.states = 1U << JOB_DEAD;
    assert_int_equal(list_all(filter, &last), 10);
    filter.route = "/other";
    assert_int_equal(list_all(filter, &last), 5);
    assert_int_equal(last, 3);
    filter.states = 0;
    assert_int_equal(list_all(filter, &last), 5);
    filter.route = "/r";
    filter.states = 1U << JOB_SUCCEEDED;
    assert_int_equal(list_all(filter, &last), 5);
    assert_int_equal(last, 4);
    filter.states = 1U << JOB_QUEUED | 1U << JOB_DEAD;
    assert_int_equal(list_all(filter, &last), 10);
    filter.route = "/none";
    assert_int_equal(list_all(filter, &last), 0);
}

/* More rows than one window, a gap of many windows, and the only match at the very end. */
static void what_is_rare_and_far_down_is_found(void **ctx)
{
    (void)ctx;
    make_rows(1, 1, 1, JOB_DEAD, "/rare");
    make_rows(2, 50000, 1, JOB_DEAD, "/r");
    make_rows(2000000000, 10, 1, JOB_QUEUED, "/r");
    int64_t last;
    struct job_filter filter = {.route = "/rare", .limit = 10};
    assert_int_equal(list_all(filter, &last), 1);
    filter.states = 1U << JOB_DEAD;
    assert_int_equal(list_all(filter, &last), 1);
    filter.states |= 1U << JOB_QUEUED;
    assert_int_equal(list_all(filter, &last), 1);
    assert_int_equal(last, 1);
}

static void a_page_has_so_many_at_most(void **ctx)
{
    (void)ctx;
    make_rows(1, JOB_PAGE_MAX + 1, 1, JOB_QUEUED, "/r");
    struct listing page = list(&(struct job_filter){.limit = 100000});
    assert_int_equal(page.count, JOB_PAGE_MAX);
    assert_int_equal(page.next, 2);
    listing_fini(&page);
}

static void results_are_listed_without_their_bodies(void **ctx)
{
    (void)ctx;
    make_rows(1, 1, 1, JOB_SUCCEEDED, "/r");
    folder_sql(&folder, "UPDATE jobs SET result_status = 200, result_type = 't', result = 'long'");
    struct listing page = list(&(struct job_filter){.limit = 1});
    assert_int_equal(page.records[0].result_status, 200);
    assert_string_equal(page.records[0].result_type, "t");
    assert_null(page.records[0].result);
    listing_fini(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITING_TEST(the_newest_come_first_and_each_once),
        WRITING_TEST(an_empty_database_is_one_empty_page),
        WRITING_TEST(states_and_routes_are_filtered),
        WRITING_TEST(what_is_rare_and_far_down_is_found),
        WRITING_TEST(a_page_has_so_many_at_most),
        WRITING_TEST(results_are_listed_without_their_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
