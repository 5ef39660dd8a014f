/* Which jobs an operator means: what is not understood is refused, and never left out. */
#include "job_query.h"

#include <string.h>

#include "support.h"

static void test_states_routes_and_pages(void **state)
{
    (void)state;
    struct job_query query = {.filter.limit = JOB_QUERY_PAGE};
    assert_int_equal(job_query_add(&query, "state", "dead,running", false, NULL), 0);
    assert_int_equal(job_query_add(&query, "state", "queued", false, NULL), 0);
    assert_int_equal(query.filter.states, 1 << JOB_DEAD | 1 << JOB_RUNNING | 1 << JOB_QUEUED);
    assert_int_equal(job_query_add(&query, "route", "/email", false, NULL), 0);
    assert_string_equal(query.filter.route, "/email");
    assert_int_equal(query.filter.limit, 100);
    assert_int_equal(job_query_add(&query, "limit", "1000", false, NULL), 0);
    assert_int_equal(query.filter.limit, 1000);
    assert_int_equal(job_query_add(&query, "after", "123456789012345", false, NULL), 0);
    assert_int_equal(query.filter.before, 123456789012345);
}

static void test_a_bulk_change_knows_all_and_no_pages(void **state)
{
    (void)state;
    struct job_query query = {0};
    assert_int_equal(job_query_add(&query, "state", "dead", true, NULL), 0);
    assert_int_equal(job_query_add(&query, "limit", "5", true, NULL), FERRY_INVALID);
    assert_int_equal(job_query_add(&query, "all", "yes", true, NULL), FERRY_INVALID);
    assert_false(query.is_all);
    assert_int_equal(job_query_add(&query, "all", "true", true, NULL), 0);
    assert_true(query.is_all);
}

static void test_what_is_wrong_is_refused_with_what_is_valid(void **state)
{
    (void)state;
    const struct {
        const char *name, *value, *hint;
    } bad[] = {
        {"state", "", "scheduled, queued"},
        {"state", "Dead", "scheduled, queued"},
        {"state", "dead,", "scheduled, queued"},
        {"state", "deadly", "scheduled, queued"},
        {"limit", "0", "1 to 1000"},
        {"limit", "1001", "1 to 1000"},
        {"limit", "-1", "1 to 1000"},
        {"limit", "ten", "1 to 1000"},
        {"limit", "", "1 to 1000"},
        {"limit", "99999999999999999999", "1 to 1000"},
        {"after", "x", "next"},
        {"after", "0", "next"},
        {"after", "9999999999999999999", "next"},
        {"stat", "dead", "state, route"},
        {"all", "true", "state, route"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct job_query query = {0};
        ferry_error error = {0};
        assert_int_equal(job_query_add(&query, bad[i].name, bad[i].value, false, &error),
                         FERRY_INVALID);
        assert_non_null(strstr(error.message, bad[i].hint));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_routes_and_pages),
        cmocka_unit_test(test_a_bulk_change_knows_all_and_no_pages),
        cmocka_unit_test(test_what_is_wrong_is_refused_with_what_is_valid),
    };
    return cmocka_run_group_tests_name("server/job_query", tests, NULL, NULL);
}
