/* What is done to jobs in packs: one is deleted and the others stay, all are deleted, and the end
 * of their retention. */
#include "packing.h"

#include "reports.h"

static struct together together;

static int set_up(void **ctx)
{
    together = (struct together){0};
    return writing_set_up_journal(ctx);
}

static int change(enum job_action action, const char *id)
{
    struct change_operation operation = change_of(action, id);
    int rc = run(&operation.base);
    change_operation_fini(&operation);
    return rc;
}

static int64_t counted;

static void on_count(void *arg, const char *route, enum job_state state, int64_t count,
                     int64_t bytes)
{
    (void)arg, (void)route, (void)bytes;
    assert_int_equal(state, JOB_SUCCEEDED);
    counted += count;
}

static void expect_counted(int64_t count)
{
    counted = 0;
    assert_int_equal(report_count(writer_statements(writer), on_count, NULL, NULL), 0);
    assert_int_equal(counted, count);
}

/* ---- one ---- */

static void one_is_deleted_and_the_others_stay(void **ctx)
{
    (void)ctx;
    static const int deleted[] = {0, 17, PACK_JOBS - 1};
    for (int i = 0; i < 3; i++) {
        come_together(&together, PACK_JOBS);
        const char *id = together.jobs[deleted[i]].insert.id;
        struct change_operation operation = change_of(JOB_ACTION_DELETE, id);
        assert_int_equal(run(&operation.base), FERRY_OK);
        assert_int_equal(operation.count, 1);
        assert_string_equal(operation.jobs[0].id, id);
        assert_int_equal(operation.jobs[0].was, JOB_SUCCEEDED);
        assert_int_equal(operation.jobs[0].version, 3);
        change_operation_fini(&operation);
        int left = (PACK_JOBS - 1) * (i + 1);
        expect_tables(0, 0, left);
        for (int k = 0; k < PACK_JOBS; k++) {
            if (k == deleted[i])
                expect_not_found(&together.jobs[k].insert, FERRY_GONE);
            else
                expect_found(&together.jobs[k].insert);
        }
        assert_int_equal(change(JOB_ACTION_DELETE, id), FERRY_GONE);
        expect_counted(left);
    }
}

static void other_packs_stay_as_they_are(void **ctx)
{
    (void)ctx;
    come_together(&together, 3 * PACK_JOBS);
    assert_int_equal(change(JOB_ACTION_DELETE, together.jobs[PACK_JOBS].insert.id), FERRY_OK);
    expect_tables(2, 2 * PACK_JOBS, PACK_JOBS - 1);
    expect_counted(3 * PACK_JOBS - 1);
}

static void what_cannot_be_done_to_one_opens_nothing(void **ctx)
{
    (void)ctx;
    come_together(&together, TOGETHER_LEAST);
    assert_int_equal(change(JOB_ACTION_CANCEL, together.jobs[2].insert.id), FERRY_CONFLICT);
    assert_int_equal(change(JOB_ACTION_RETRY, together.jobs[2].insert.id), FERRY_CONFLICT);
    expect_tables(1, TOGETHER_LEAST, 0);
}

static void opened_once_they_are_deleted_as_any_other(void **ctx)
{
    (void)ctx;
    come_together(&together, TOGETHER_LEAST);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        assert_int_equal(change(JOB_ACTION_DELETE, together.jobs[i].insert.id), FERRY_OK);
    expect_tables(0, 0, 0);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        expect_not_found(&together.jobs[i].insert, FERRY_GONE);
}

static int opened;

/* Another job is deleted, when no row was found and before the pack is looked for. */
static int open_the_pack(unsigned kind, void *arg, void *statement, void *sql)
{
    (void)kind, (void)arg, (void)sql;
    if (strstr(sqlite3_sql(statement), "FROM packs") && !opened++)
        assert_int_equal(change(JOB_ACTION_DELETE, together.jobs[1].insert.id), FERRY_OK);
    return 0;
}

static void one_whose_pack_is_opened_meanwhile_is_found(void **ctx)
{
    (void)ctx;
    struct job_record record;
    opened = 0;
    come_together(&together, TOGETHER_LEAST);
    sqlite3 *reader;
    struct statements *statements = traced_reader(open_the_pack, &reader);
    assert_int_equal(record_find(statements, together.jobs[0].insert.id, &record, NULL), 0);
    assert_int_equal(opened, 1);
    assert_int_equal(record.job, together.jobs[0].insert.claim.job);
    job_record_fini(&record);
    traced_reader_close(statements, reader);
    expect_tables(0, 0, TOGETHER_LEAST - 1);
}

/* ---- many ---- */

static void check_limit(const struct change_operation *page)
{
    assert_true(page->count <= page->filter.limit);
}

static void all_that_succeeded_are_deleted_page_by_page(void **ctx)
{
    (void)ctx;
    struct together rows;
    struct insert_operation runner = insert_runner();
    come_together(&together, PACK_JOBS + 20);
    come_together(&rows, TOGETHER_LEAST - 1);
    expect_tables(2, PACK_JOBS + 20, TOGETHER_LEAST);
    struct job_filter filter = {.states = 1U << JOB_SUCCEEDED, .limit = 10};
    assert_int_equal(change_all(JOB_ACTION_DELETE, filter, check_limit),
                     PACK_JOBS + 20 + TOGETHER_LEAST - 1);
    expect_tables(0, 0, 1);
    assert_int_equal(query("SELECT count(*) FROM retired"), PACK_JOBS + 20 + TOGETHER_LEAST - 1);
    for (int i = 0; i < together.count; i++)
        expect_not_found(&together.jobs[i].insert, FERRY_GONE);
    assert_true(succeeds(&runner));
}

static void those_of_a_route_are_deleted_and_others_are_not(void **ctx)
{
    (void)ctx;
    struct comer *others = together_add(&together, TOGETHER_LEAST, 1000);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        others[i].insert.route = "/other";
    together_add(&together, TOGETHER_LEAST, 1000);
    together_run(&together);
    struct job_filter filter = {.route = "/r", .limit = 3};
    assert_int_equal(change_all(JOB_ACTION_CANCEL, filter, check_limit), 0);
    assert_int_equal(change_all(JOB_ACTION_RETRY, filter, check_limit), 0);
    expect_tables(2, 2 * TOGETHER_LEAST, 0);
    assert_int_equal(change_all(JOB_ACTION_DELETE, filter, check_limit), TOGETHER_LEAST);
    expect_tables(1, TOGETHER_LEAST, 0);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        expect_found(&others[i].insert);
}

/* ---- retention ---- */

static struct retire_operation retire_of(int64_t before_ms, unsigned limit)
{
    return (struct retire_operation){.base = {.kind = OPERATION_RETIRE},
                                     .route = "/r",
                                     .before_ms = before_ms,
                                     .now_ms = 9000,
                                     .limit = limit,
                                     .counts_ids = true};
}

static void expect_retired(int64_t before_ms, unsigned limit, unsigned count)
{
    struct retire_operation retire = retire_of(before_ms, limit);
    assert_int_equal(run(&retire.base), FERRY_OK);
    assert_int_equal(retire.count, count);
    assert_int_equal(retire.deleted[JOB_SUCCEEDED], count);
    assert_int_equal(retire.remembered, query("SELECT count(*) FROM retired"));
}

static void a_pack_is_retired_when_all_have_finished_before(void **ctx)
{
    (void)ctx;
    together_add(&together, TOGETHER_LEAST, 1000);
    together_come(&together);
    together.jobs[3].settle.now_ms = 5000;
    together_end(&together);
    expect_retired(5000, 100, 0);
    expect_tables(1, TOGETHER_LEAST, 0);
    expect_all_found(&together);
    expect_retired(5001, 100, TOGETHER_LEAST);
    expect_tables(0, 0, 0);
    assert_int_equal(query("SELECT count(*) FROM retired WHERE retired_ms = 9000"), TOGETHER_LEAST);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        expect_not_found(&together.jobs[i].insert, FERRY_GONE);
}

static void other_routes_keep_theirs(void **ctx)
{
    (void)ctx;
    struct comer *others = together_add(&together, TOGETHER_LEAST, 1000);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        others[i].insert.route = "/other";
    together_run(&together);
    expect_retired(9000, 100, 0);
    expect_all_found(&together);
}

static void a_limit_is_passed_by_less_than_a_pack(void **ctx)
{
    (void)ctx;
    come_together(&together, 3 * PACK_JOBS);
    expect_retired(9000, 1, PACK_JOBS);
    expect_tables(2, 2 * PACK_JOBS, 0);
    expect_retired(9000, PACK_JOBS, PACK_JOBS);
    expect_tables(1, PACK_JOBS, 0);
    come_together(&together, 2 * PACK_JOBS);
    expect_retired(9000, PACK_JOBS + 1, 2 * PACK_JOBS);
    expect_tables(1, PACK_JOBS, 0);
}

static void rows_count_toward_the_limit_as_well(void **ctx)
{
    (void)ctx;
    enum { FEW = TOGETHER_LEAST - 1 };
    come_together(&together, PACK_JOBS);
    come_together(&together, FEW);
    expect_retired(9000, FEW, FEW);
    expect_tables(1, PACK_JOBS, 0);
    come_together(&together, FEW);
    come_together(&together, PACK_JOBS);
    expect_retired(9000, FEW + PACK_JOBS, FEW + PACK_JOBS);
    expect_tables(1, PACK_JOBS, 0);
}

static void those_that_finished_first_go_first(void **ctx)
{
    (void)ctx;
    struct together later;
    together_add(&together, TOGETHER_LEAST, 1000);
    together_come(&together);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        together.jobs[i].settle.now_ms = 3000;
    together_end(&together);
    come_together(&later, TOGETHER_LEAST); /* which finished at 2000 */
    expect_retired(9000, 1, TOGETHER_LEAST);
    expect_all_found(&together);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_is_deleted_and_the_others_stay),
        TEST(other_packs_stay_as_they_are),
        TEST(what_cannot_be_done_to_one_opens_nothing),
        TEST(opened_once_they_are_deleted_as_any_other),
        TEST(one_whose_pack_is_opened_meanwhile_is_found),
        TEST(all_that_succeeded_are_deleted_page_by_page),
        TEST(those_of_a_route_are_deleted_and_others_are_not),
        TEST(a_pack_is_retired_when_all_have_finished_before),
        TEST(other_routes_keep_theirs),
        TEST(a_limit_is_passed_by_less_than_a_pack),
        TEST(rows_count_toward_the_limit_as_well),
        TEST(those_that_finished_first_go_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
