/* What headers ask of a job: read to the letter, and refused by name. */
#include "job_request.h"

#include <string.h>

#include "support.h"

static const int64_t now_ms = 1795255754000; /* 2026-11-21T10:09:14Z */

static void expect_refused(const struct job_headers *headers, const char *name)
{
    struct job_request request;
    ferry_error error = {0};
    assert_int_equal(job_request_read(&request, headers, now_ms, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, name));
}

static struct job_request expect_read(const struct job_headers *headers)
{
    struct job_request request;
    assert_int_equal(job_request_read(&request, headers, now_ms, NULL), 0);
    return request;
}

static void test_headers_are_found_in_any_case(void **state)
{
    (void)state;
    struct job_headers headers = {0};
    job_headers_add(&headers, "idempotency-key", "k");
    assert_null(headers.of_a_job);
    job_headers_add(&headers, "FERRY-DELAY", "5s");
    job_headers_add(&headers, "ferry-run-at", "t");
    job_headers_add(&headers, "Ferry-Callback", "u");
    job_headers_add(&headers, "Ferry-Else", "x");
    assert_string_equal(headers.key, "k");
    assert_string_equal(headers.delay, "5s");
    assert_string_equal(headers.run_at, "t");
    assert_string_equal(headers.callback, "u");
    assert_string_equal(headers.of_a_job, "Ferry-Callback");
    assert_null(headers.twice);
}

static void test_a_slip_in_a_name_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *name, *meant;
    } slips[] = {
        {"Ferry-Delai", "Ferry-Delay"},         {"ferry-dealy", "Ferry-Delay"},
        {"Ferry-Delay-Seconds", "Ferry-Delay"}, {"Ferry-RunAt", "Ferry-Run-At"},
        {"Ferry-Run_At", "Ferry-Run-At"},       {"Ferry-Run-In", "Ferry-Run-At"},
        {"Ferry-Call-Back", "Ferry-Callback"},  {"Ferry-Callback-Url", "Ferry-Callback"},
    };
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        struct job_headers headers = {0};
        job_headers_add(&headers, slips[i].name, "x");
        assert_string_equal(headers.slip, slips[i].name);
        assert_string_equal(headers.meant, slips[i].meant);
    }
}

static void test_names_of_others_are_left_alone(void **state)
{
    (void)state;
    static const char *const names[] = {"Ferry-Schedule", "Ferry-Slot",     "Ferry-Booking-Id",
                                        "Ferry-Day",      "Ferry-Id",       "Ferry-",
                                        "Ferry-Line",     "Ferryman-Delai", "If-Match"};
    struct job_headers headers = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        job_headers_add(&headers, names[i], "x");
    assert_null(headers.slip);
}

static void test_a_header_that_is_sent_twice_is_refused(void **state)
{
    (void)state;
    struct job_headers headers = {0};
    job_headers_add(&headers, "Ferry-Delay", "5s");
    job_headers_add(&headers, "ferry-delay", "6s");
    expect_refused(&headers, "Ferry-Delay");
}

static void test_no_header_asks_for_nothing(void **state)
{
    (void)state;
    struct job_request request = expect_read(&(struct job_headers){0});
    assert_int_equal(request.delay_ms, 0);
    assert_int_equal(request.run_at_ms, 0);
    assert_string_equal(request.key, "");
}

static void test_delays(void **state)
{
    (void)state;
    assert_int_equal(expect_read(&(struct job_headers){.delay = "30s"}).delay_ms, 30000);
    assert_int_equal(expect_read(&(struct job_headers){.delay = "0"}).delay_ms, 0);
    assert_int_equal(expect_read(&(struct job_headers){.delay = "3653d"}).delay_ms,
                     3653LL * 86400000);
    const char *const bad[] = {"", "30", "-1s", "soon", "3654d", "1e9s", "30s "};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        expect_refused(&(struct job_headers){.delay = bad[i]}, "Ferry-Delay");
}

static void test_times(void **state)
{
    (void)state;
    struct job_headers headers = {.run_at = "2026-11-21T10:09:15Z"};
    assert_int_equal(expect_read(&headers).run_at_ms, now_ms + 1000);
    headers.run_at = "2026-11-21T11:09:14.001+01:00";
    assert_int_equal(expect_read(&headers).run_at_ms, now_ms + 1);
    headers.run_at = "2026-11-21T10:09:14Z"; /* what is due by now is not put off */
    assert_int_equal(expect_read(&headers).run_at_ms, 0);
    headers.run_at = "0000-01-01T00:00:00Z";
    assert_int_equal(expect_read(&headers).run_at_ms, 0);
    const char *const bad[] = {"", "tomorrow", "2026-11-21", "2036-12-01T00:00:00Z",
                               "9999-12-31T23:59:59Z"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        expect_refused(&(struct job_headers){.run_at = bad[i]}, "Ferry-Run-At");
}

static void test_a_delay_and_a_time_exclude_each_other(void **state)
{
    (void)state;
    const struct job_headers both = {.delay = "1s", .run_at = "2026-11-21T10:09:15Z"};
    expect_refused(&both, "Ferry-Delay");
    expect_refused(&both, "Ferry-Run-At");
}

static void test_keys(void **state)
{
    (void)state;
    const struct {
        const char *sent, *key;
    } good[] = {
        {"\"a\"", "a"},         {"a", "a"},         {"\"a b\"", "a b"},
        {"\"a\\\"b\"", "a\"b"}, {"\"\\\\\"", "\\"}, {"8e03978e-40d5", "8e03978e-40d5"},
        {"a\\b", "a\\b"},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_string_equal(expect_read(&(struct job_headers){.key = good[i].sent}).key,
                            good[i].key);
    const char *const bad[] = {"",       "\"",          "\"\"",    "\"a",      "a\"",
                               "\"a\"b", "\"a\";p=1",   "a b",     "\"a\\b\"", "\"a\\\"",
                               "\x7f",   "caf\xc3\xa9", "\"a\tb\""};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        expect_refused(&(struct job_headers){.key = bad[i]}, "Idempotency-Key");
}

static void test_a_key_has_255_bytes_at_most(void **state)
{
    (void)state;
    char text[JOB_KEY_MAX + 4];
    memset(text, 'k', sizeof text);
    text[JOB_KEY_MAX] = '\0';
    assert_int_equal(strlen(expect_read(&(struct job_headers){.key = text}).key), JOB_KEY_MAX);
    text[JOB_KEY_MAX] = 'k';
    text[JOB_KEY_MAX + 1] = '\0';
    expect_refused(&(struct job_headers){.key = text}, "Idempotency-Key");
    text[0] = text[JOB_KEY_MAX + 1] = '"';
    text[JOB_KEY_MAX + 2] = '\0';
    assert_int_equal(strlen(expect_read(&(struct job_headers){.key = text}).key), JOB_KEY_MAX);
    text[JOB_KEY_MAX + 1] = 'k';
    text[JOB_KEY_MAX + 2] = '"';
    text[JOB_KEY_MAX + 3] = '\0';
    expect_refused(&(struct job_headers){.key = text}, "Idempotency-Key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_are_found_in_any_case),
        cmocka_unit_test(test_a_slip_in_a_name_is_found),
        cmocka_unit_test(test_names_of_others_are_left_alone),
        cmocka_unit_test(test_a_header_that_is_sent_twice_is_refused),
        cmocka_unit_test(test_no_header_asks_for_nothing),
        cmocka_unit_test(test_delays),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_a_delay_and_a_time_exclude_each_other),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_a_key_has_255_bytes_at_most),
    };
    return cmocka_run_group_tests_name("server/job_request", tests, NULL, NULL);
}
