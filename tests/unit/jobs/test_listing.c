/* Pages of jobs: newest first, each job once, whatever is filtered and however many there are. */
#include "packing.h"

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

/* ---- rows and packs ---- */

enum { MOST = 400, WINDOW_ROWS = 20000 };

/* All jobs that there are, the newest last. */
static struct expected {
    int64_t job;
    enum job_state state;
    const char *route;
} all[MOST];
static int all_count;

static void expect_more(int64_t first, int count, enum job_state state, const char *route)
{
    for (int i = 0; i < count; i++)
        all[all_count++] = (struct expected){first + i, state, route};
}

static void add_rows(int64_t first, int count, enum job_state state, const char *route)
{
    make_rows((int)first, count, 1, state, route);
    expect_more(first, count, state, route);
}

/* Have a pack from a number on. */
static void add_pack(int64_t first, int count, const char *route)
{
    static struct together together;
    char sql[96];
    together = (struct together){0};
    struct comer *jobs = together_add(&together, count, 1000);
    for (int i = 0; i < count; i++)
        jobs[i].insert.route = route;
    together_run(&together);
    snprintf(sql, sizeof sql, "UPDATE packs SET first = %lld WHERE first = %lld", (long long)first,
             (long long)jobs[0].insert.claim.job);
    folder_sql(&folder, sql);
    expect_more(first, count, JOB_SUCCEEDED, route);
}

/* Have one of which only so many can be read. */
static void add_damaged_pack(int64_t first, int count, int readable, const char *route)
{
    char sql[128];
    add_pack(first, count, route);
    all_count -= count - readable;
    snprintf(sql, sizeof sql,
             "UPDATE packs SET jobs = substr(jobs, 1, length(jobs) * %d / %d) WHERE first = %lld",
             readable, count, (long long)first);
    folder_sql(&folder, sql);
}

static bool is_listed(const struct job_filter *filter, const struct expected *job)
{
    return (!filter->states || filter->states & 1U << job->state) &&
           (!filter->route || strcmp(filter->route, job->route) == 0);
}

/* Go through all pages of a filter: each job that it fits comes once, the newest first. */
static void expect_pages(struct job_filter filter)
{
    int at = all_count - 1;
    do {
        struct listing page = list(&filter);
        assert_true(page.count <= filter.limit);
        for (size_t i = 0; i < page.count; i++, at--) {
            while (at >= 0 && !is_listed(&filter, &all[at]))
                at--;
            assert_true(at >= 0);
            assert_int_equal(page.records[i].job, all[at].job);
            assert_int_equal(page.records[i].state, all[at].state);
            assert_string_equal(page.records[i].route, all[at].route);
            assert_null(page.records[i].result);
        }
        assert_true(page.next == 0 || filter.before == 0 || page.next < filter.before);
        filter.before = page.next;
        listing_fini(&page);
    } while (filter.before > 0);
    while (at >= 0 && !is_listed(&filter, &all[at]))
        at--;
    assert_int_equal(at, -1);
}

static void expect_pages_of_all_filters(unsigned limit)
{
    static const unsigned states[] = {
        0,
        1U << JOB_SUCCEEDED,
        1U << JOB_QUEUED,
        1U << JOB_QUEUED | 1U << JOB_DEAD,
        1U << JOB_SUCCEEDED | 1U << JOB_DEAD,
    };
    static const char *const routes[] = {NULL, "/r", "/other", "/none"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        for (size_t k = 0; k < sizeof routes / sizeof routes[0]; k++)
            expect_pages(
                (struct job_filter){.states = states[i], .route = routes[k], .limit = limit});
    }
}

static void rows_and_packs_are_one_list(void **ctx)
{
    (void)ctx;
    all_count = 0;
    add_pack(1000, 8, "/r");
    add_rows(1008, 3, JOB_SUCCEEDED, "/r");
    add_pack(1011, PACK_JOBS, "/other");
    add_rows(1075, 1, JOB_DEAD, "/other");
    add_pack(1076, 9, "/r");
    add_pack(1085, 10, "/r");
    add_rows(1095, 12, JOB_QUEUED, "/r");
    add_rows(1200, 2, JOB_SUCCEEDED, "/other");
    add_pack(1300, 11, "/other");
    for (unsigned limit = 1; limit <= 10; limit++)
        expect_pages_of_all_filters(limit);
    expect_pages_of_all_filters(PACK_JOBS);
    expect_pages_of_all_filters(JOB_PAGE_MAX);
}

/* A window begins within one, and ends within another one that the next window has the rest of. */
static void a_pack_may_lie_in_two_windows(void **ctx)
{
    (void)ctx;
    enum { TOP = 60000, BOTTOM = TOP - WINDOW_ROWS + 1 };
    all_count = 0;
    add_pack(BOTTOM - WINDOW_ROWS - PACK_JOBS + 1, PACK_JOBS, "/r"); /* its last one is in it */
    add_rows(BOTTOM - WINDOW_ROWS + 1, 1, JOB_DEAD, "/r");
    add_pack(BOTTOM - 40, PACK_JOBS, "/other");
    add_rows(BOTTOM - 40 + PACK_JOBS, 5, JOB_SUCCEEDED, "/r");
    add_pack(TOP - 7, 8, "/r");
    expect_pages_of_all_filters(1);
    expect_pages_of_all_filters(7);
    expect_pages_of_all_filters(JOB_PAGE_MAX);
    /* the first window ends with the first one of a pack, and with the last one */
    all_count = 0;
    folder_sql(&folder, "DELETE FROM jobs; DELETE FROM packs");
    add_pack(BOTTOM - PACK_JOBS, PACK_JOBS, "/r");
    add_pack(BOTTOM, PACK_JOBS, "/r");
    add_rows(TOP, 1, JOB_QUEUED, "/r");
    expect_pages_of_all_filters(5);
    all_count = 0;
    folder_sql(&folder, "DELETE FROM jobs; DELETE FROM packs");
    add_pack(BOTTOM + 1 - PACK_JOBS, PACK_JOBS, "/r");
    add_rows(TOP, 1, JOB_QUEUED, "/r");
    expect_pages_of_all_filters(5);
}

static void what_cannot_be_read_of_a_pack_hides_no_other_job(void **ctx)
{
    (void)ctx;
    enum { TOP = 60000, BOTTOM = TOP - WINDOW_ROWS + 1 };
    all_count = 0;
    add_damaged_pack(1, 10, 4, "/r");
    add_rows(BOTTOM - 60, 5, JOB_SUCCEEDED, "/r");
    add_damaged_pack(BOTTOM - 50, 8, 3, "/r"); /* is read with the window above it */
    add_rows(BOTTOM - 42, 5, JOB_DEAD, "/other");
    add_damaged_pack(BOTTOM - 20, 40, 30, "/other");
    add_rows(BOTTOM + 20, 3, JOB_SUCCEEDED, "/r");
    add_pack(BOTTOM + 23, 8, "/r");
    add_damaged_pack(BOTTOM + 31, 9, 0, "/r");
    add_rows(TOP - 10, 2, JOB_QUEUED, "/r");
    add_damaged_pack(TOP - 7, 8, 5, "/other");
    for (unsigned limit = 1; limit <= 10; limit++)
        expect_pages_of_all_filters(limit);
    expect_pages_of_all_filters(JOB_PAGE_MAX);
}

static void a_page_goes_on_in_the_middle_of_a_pack(void **ctx)
{
    (void)ctx;
    all_count = 0;
    add_pack(10, PACK_JOBS, "/r");
    struct job_filter filter = {.limit = 4, .before = 10 + 32};
    struct listing page = list(&filter);
    assert_int_equal(page.count, 4);
    assert_int_equal(page.records[0].job, 10 + 31);
    assert_int_equal(page.next, 10 + 28);
    listing_fini(&page);
    filter.before = 10;
    page = list(&filter);
    assert_int_equal(page.count, 0);
    assert_int_equal(page.next, 0);
    listing_fini(&page);
}

/* ---- while others write ---- */

static struct together moved;
static int opened;

/* Another connection opens the pack, when the rows have been read and before the packs are. */
static int open_the_pack(unsigned kind, void *arg, void *statement, void *sql)
{
    (void)kind, (void)arg, (void)sql;
    if (strstr(sqlite3_sql(statement), "FROM packs WHERE first BETWEEN") && !opened++) {
        struct change_operation drop =
            change_of(JOB_ACTION_DELETE, moved.jobs[PACK_JOBS - 1].insert.id);
        assert_int_equal(run(&drop.base), FERRY_OK);
        change_operation_fini(&drop);
    }
    return 0;
}

static void a_pack_that_is_opened_meanwhile_hides_none_of_its_jobs(void **ctx)
{
    (void)ctx;
    struct listing page;
    opened = 0;
    come_together(&moved, PACK_JOBS);
    sqlite3 *reader;
    struct statements *statements = traced_reader(open_the_pack, &reader);
    struct job_filter filter = {.limit = JOB_PAGE_MAX};
    assert_int_equal(listing_read(statements, &filter, &page, NULL), 0);
    assert_int_equal(opened, 1);
    assert_in_range(page.count, PACK_JOBS - 1, PACK_JOBS);
    for (size_t i = 1; i < page.count; i++)
        assert_int_equal(page.records[i].job, page.records[i - 1].job - 1);
    assert_int_equal(page.records[page.count - 1].job, moved.jobs[0].insert.claim.job);
    listing_fini(&page);
    traced_reader_close(statements, reader);
    expect_tables(0, 0, PACK_JOBS - 1);
}

#define PACKS_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, writing_set_up_journal, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITING_TEST(the_newest_come_first_and_each_once),
        WRITING_TEST(an_empty_database_is_one_empty_page),
        WRITING_TEST(states_and_routes_are_filtered),
        WRITING_TEST(what_is_rare_and_far_down_is_found),
        WRITING_TEST(a_page_has_so_many_at_most),
        WRITING_TEST(results_are_listed_without_their_bodies),
        PACKS_TEST(rows_and_packs_are_one_list),
        PACKS_TEST(a_pack_may_lie_in_two_windows),
        PACKS_TEST(what_cannot_be_read_of_a_pack_hides_no_other_job),
        PACKS_TEST(a_page_goes_on_in_the_middle_of_a_pack),
        PACKS_TEST(a_pack_that_is_opened_meanwhile_hides_none_of_its_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
