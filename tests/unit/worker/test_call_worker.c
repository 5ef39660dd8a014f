/* What a worker sees of its call, and the answers it gives: the functions of worker.h, in a run
 * that is the test's own. No thread is needed for these. */
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "call_struct.h"
#include "clock.h"
#include "fixture.h"

static const ferry_worker kind = {.name = "k"};
static const struct worker worker = {.kind = &kind, .name = (char[]){"w"}};

static ferry_call *call_of(const char *query)
{
    return make_call(&worker, query, NULL);
}

/* ---- what was asked ---- */

static void test_the_request(void **state)
{
    (void)state;
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "PUT", 3);
    call_input_add(&block, CALL_QUERY, "id", "query", 5);
    call_input_add(&block, CALL_QUERY, "only", "q", 1);
    call_input_add(&block, CALL_PARAM, "id", "path", 4);
    call_input_add(&block, CALL_HEADER, "Accept", "*/*", 3);
    call_input_end(&block, "x\0y", 3);
    size_t length = block.length;
    struct call_options options = {.attempt = 3, .delivery_id = "0123456789abcdef0123456789abcdef"};
    ferry_call *call = call_new(&worker, bytes_take(&block), length, &options, NULL);
    assert_string_equal(ferry_call_method(call), "PUT");
    assert_string_equal(ferry_call_param(call, "id"), "path"); /* before the query */
    assert_string_equal(ferry_call_param(call, "only"), "q");
    assert_null(ferry_call_param(call, "none"));
    assert_string_equal(ferry_call_header(call, "accept"), "*/*");
    assert_null(ferry_call_header(call, "id"));
    assert_memory_equal(ferry_call_body(call, &length), "x\0y", 4);
    assert_int_equal(length, 3);
    assert_non_null(ferry_call_body(call, NULL));
    assert_int_equal(ferry_call_attempt(call), 3);
    assert_string_equal(ferry_call_delivery_id(call), options.delivery_id);
    call_free(call);
}

static void test_every_call_has_a_delivery_id_of_its_own(void **state)
{
    (void)state;
    ferry_call *one = call_of(""), *two = call_of("");
    assert_int_equal(strlen(ferry_call_delivery_id(one)), 32);
    assert_string_not_equal(ferry_call_delivery_id(one), ferry_call_delivery_id(two));
    call_free(one);
    call_free(two);
}

static void test_whole_numbers(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int rc;
        int64_t value;
    } table[] = {
        {"0", 0, 0},
        {"-17", 0, -17},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775808", FERRY_INVALID, 0},
        {"", FERRY_INVALID, 0},
        {" 1", FERRY_INVALID, 0},
        {"1 ", FERRY_INVALID, 0},
        {"1.0", FERRY_INVALID, 0},
        {"0x10", FERRY_INVALID, 0},
        {"1e3", FERRY_INVALID, 0},
        {"\v1", FERRY_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char query[64];
        snprintf(query, sizeof query, "n=%s", table[i].text);
        ferry_call *call = call_of(query);
        int64_t value = -1;
        assert_int_equal(ferry_call_param_int(call, "n", &value), table[i].rc);
        assert_int_equal(value, table[i].rc ? -1 : table[i].value);
        assert_int_equal(ferry_call_param_int(call, "none", &value), FERRY_NOT_FOUND);
        call_free(call);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int rc;
        double value;
    } table[] = {
        {"0.25", 0, 0.25},           {"-1e3", 0, -1000},        {".5", 0, 0.5},
        {"inf", FERRY_INVALID, 0},   {"nan", FERRY_INVALID, 0}, {"1e999", FERRY_INVALID, 0},
        {"0x1p3", FERRY_INVALID, 0}, {" 1", FERRY_INVALID, 0},  {"1s", FERRY_INVALID, 0},
        {"", FERRY_INVALID, 0},      {"e5", FERRY_INVALID, 0},  {"1e", FERRY_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char query[64];
        snprintf(query, sizeof query, "n=%s", table[i].text);
        ferry_call *call = call_of(query);
        double value = -7;
        assert_int_equal(ferry_call_param_double(call, "n", &value), table[i].rc);
        assert_true(value == (table[i].rc ? -7 : table[i].value));
        assert_int_equal(ferry_call_param_double(call, "none", &value), FERRY_NOT_FOUND);
        call_free(call);
    }
}

/* ---- time ---- */

static void test_time_left(void **state)
{
    (void)state;
    ferry_call *call = call_of("");
    assert_int_equal(ferry_call_time_left_ms(call), INT64_MAX);
    call->deadline_us = 1; /* long past */
    assert_int_equal(ferry_call_time_left_ms(call), 0);
    call_free(call);

    struct call_options options = {.attempt = 1, .timeout_ms = INT64_MAX};
    call = make_call(&worker, "", &options); /* so far off does not overflow */
    assert_true(ferry_call_time_left_ms(call) > INT64_MAX / 4000);
    call_free(call);

    options.timeout_ms = 60000;
    call = make_call(&worker, "", &options);
    int64_t left_ms = ferry_call_time_left_ms(call);
    assert_in_range(left_ms, 1, 60000);
    assert_true(left_ms * 1000 >= call->deadline_us - clock_monotonic_us()); /* 0: nothing is */
    call_free(call);
}

static void test_a_wait_of_no_time_returns(void **state)
{
    (void)state;
    ferry_call *call = call_of("");
    assert_int_equal(ferry_call_wait(call, 0), 0);
    assert_int_equal(ferry_call_wait(call, INT64_MIN), 0);
    assert_int_equal(ferry_call_wait(call, 1), 0);
    atomic_store(&call->cancelled, true);
    assert_int_equal(ferry_call_wait(call, INT64_MAX), FERRY_CANCELLED);
    call_free(call);
}

/* ---- answers ---- */

static void test_a_reply_replaces_the_one_before(void **state)
{
    (void)state;
    ferry_call *call = call_of("");
    struct call_output *output = call_output(call);
    assert_int_equal(ferry_call_reply(call, 200, "a/b", "x\0y", 3), 0);
    assert_string_equal(output->content_type, "a/b");
    assert_int_equal(output->body.length, 3);
    assert_int_equal(ferry_call_reply_text(call, 404, "text"), 0);
    assert_int_equal(output->status, 404);
    assert_string_equal(output->content_type, "text/plain; charset=utf-8");
    assert_string_equal(bytes_text(&output->body), "text");
    assert_int_equal(ferry_call_reply_json(call, 200, "{\"n\":%d}", 7), 0);
    assert_string_equal(output->content_type, "application/json");
    assert_string_equal(bytes_text(&output->body), "{\"n\":7}");
    assert_int_equal(ferry_call_reply(call, 200, NULL, NULL, 0), 0);
    assert_null(output->content_type);
    assert_int_equal(output->body.length, 0);
    call_free(call);
}

static void test_fail_and_reply_replace_each_other(void **state)
{
    (void)state;
    ferry_call *call = call_of("");
    struct call_output *output = call_output(call);
    ferry_call_reply_header(call, "X-Of", "the answer");
    ferry_call_reply_text(call, 200, "fine");
    assert_int_equal(ferry_call_fail(call, FERRY_TRANSIENT, "no %s", "line"), FERRY_TRANSIENT);
    assert_int_equal(call_outcome(call), FERRY_TRANSIENT);
    assert_string_equal(output->error.message, "no line");
    assert_int_equal(output->headers.length, 0); /* they belonged to the answer */
    ferry_call_reply_text(call, 200, "fine after all");
    assert_int_equal(call_outcome(call), FERRY_OK);
    call_free(call);
}

static void test_a_failure_is_one_whatever_its_code(void **state)
{
    (void)state;
    ferry_call *call = call_of("");
    assert_int_equal(ferry_call_fail(call, FERRY_OK, "odd"), FERRY_INTERNAL);
    assert_int_equal(call_outcome(call), FERRY_INTERNAL);
    assert_int_equal(ferry_call_fail(call, (ferry_code)503, "a status"), FERRY_INTERNAL);
    call_free(call);
}

static void test_a_status_out_of_range_is_a_failure(void **state)
{
    (void)state;
    const int bad[] = {0, -1, 100, 199, 600, INT_MAX};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ferry_call *call = call_of("");
        assert_int_equal(ferry_call_reply_text(call, bad[i], "x"), FERRY_INTERNAL);
        assert_int_equal(call_outcome(call), FERRY_INTERNAL);
        assert_non_null(strstr(call_output(call)->error.message, "w answered with the status"));
        call_free(call);
    }
}

static void test_an_answer_that_is_null_is_a_failure(void **state)
{
    (void)state;
    ferry_call *call = call_of("");
    assert_int_equal(ferry_call_reply_text(call, 200, NULL), FERRY_INTERNAL);
    assert_int_equal(call_outcome(call), FERRY_INTERNAL);
    assert_string_equal(call_output(call)->error.message, "w answered with a body that is NULL");
    ferry_call_reply_text(call, 200, "x");
    assert_int_equal(ferry_call_reply(call, 200, NULL, NULL, 3), FERRY_INTERNAL);
    assert_int_equal(call_outcome(call), FERRY_INTERNAL);
    assert_int_equal(ferry_call_reply(call, 200, "a/b\r\nX-Evil: 1", "", 0), 0);
    assert_null(call_output(call)->content_type);
    assert_int_equal(ferry_call_reply_header(call, NULL, "v"), FERRY_INVALID);
    assert_int_equal(ferry_call_reply_header(call, "X", NULL), FERRY_INVALID);
    call_free(call);
}

static void test_headers(void **state)
{
    (void)state;
    ferry_call *call = call_of("");
    assert_int_equal(ferry_call_reply_header(call, "X-One", "1"), 0);
    assert_int_equal(ferry_call_reply_header(call, "X-Empty", ""), 0);
    const char expected[] = "X-One\0001\0X-Empty\0";
    assert_int_equal(call_output(call)->headers.length, sizeof expected);
    assert_memory_equal(call_output(call)->headers.data, expected, sizeof expected);
    const char *const bad_names[] = {"", "a b", "a:b", "a\nb", "a\r", "\x7F", "a(b)", "a\"b"};
    for (size_t i = 0; i < COUNT_OF(bad_names); i++)
        assert_int_equal(ferry_call_reply_header(call, bad_names[i], "v"), FERRY_INVALID);
    const char *const bad_values[] = {"a\r\nSet-Cookie: x", "a\n", "\x01", "\x7F"};
    for (size_t i = 0; i < COUNT_OF(bad_values); i++)
        assert_int_equal(ferry_call_reply_header(call, "X", bad_values[i]), FERRY_INVALID);
    assert_int_equal(call_output(call)->headers.length, sizeof expected);
    call_free(call);
}

static void test_progress_stays_between_0_and_1(void **state)
{
    (void)state;
    const struct {
        double given, kept;
    } table[] = {{0.5, 0.5}, {-1, 0}, {2, 1}, {NAN, 0}, {INFINITY, 1}};
    ferry_call *call = call_of("");
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        double fraction;
        char message[PROGRESS_MESSAGE_SIZE], text[1000];
        memset(text, 'm', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        ferry_call_progress(call, table[i].given, text); /* longer than it keeps */
        assert_true(call_get_progress(call, &fraction, message, sizeof message));
        assert_true(fraction == table[i].kept);
        assert_int_equal(strlen(message), PROGRESS_MESSAGE_SIZE - 1);
    }
    call_free(call);
}

static void test_what_an_attempt_leaves_is_there_for_the_next(void **state)
{
    (void)state;
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "POST", 4);
    call_input_end(&block, "", 0);
    size_t length = block.length;
    struct call_options options = {.attempt = 2, .memory = "ann: sent", .memory_length = 9};
    ferry_call *call = call_new(&worker, bytes_take(&block), length, &options, NULL);
    assert_string_equal(ferry_call_remembered(call, &length), "ann: sent");
    assert_int_equal(length, 9);
    assert_false(call_output(call)->remembers);
    char *large = calloc(1, MEMORY_MAX_BYTES + 1);
    assert_int_equal(ferry_call_remember(call, large, MEMORY_MAX_BYTES + 1), FERRY_TOO_LARGE);
    assert_int_equal(ferry_call_remember(call, NULL, 1), FERRY_INVALID);
    assert_false(call_output(call)->remembers);
    assert_int_equal(ferry_call_remember(call, large, MEMORY_MAX_BYTES), 0);
    assert_int_equal(ferry_call_remember(call, "bob: sent", 9), 0);
    assert_true(call_output(call)->remembers);
    assert_string_equal(bytes_text(&call_output(call)->memory), "bob: sent");
    assert_int_equal(ferry_call_remember(call, NULL, 0), 0);
    assert_int_equal(call_output(call)->memory.length, 0);
    free(large);
    call_free(call);
    ferry_call *first = call_of("");
    assert_null(ferry_call_remembered(first, NULL));
    call_free(first);
}

static void test_a_worker_says_when_to_come_back(void **state)
{
    (void)state;
    ferry_call *call = call_of("");
    ferry_call_retry_after(call, 5000);
    ferry_call_pause_route(call, 60000);
    assert_int_equal(call_output(call)->retry_after_ms, 5000);
    assert_int_equal(call_output(call)->pause_route_ms, 60000);
    ferry_call_retry_after(call, -1);
    ferry_call_pause_route(call, -1);
    assert_int_equal(call_output(call)->retry_after_ms, 0);
    assert_int_equal(call_output(call)->pause_route_ms, 0);
    call_free(call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_request),
        cmocka_unit_test(test_every_call_has_a_delivery_id_of_its_own),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_time_left),
        cmocka_unit_test(test_a_wait_of_no_time_returns),
        cmocka_unit_test(test_a_reply_replaces_the_one_before),
        cmocka_unit_test(test_fail_and_reply_replace_each_other),
        cmocka_unit_test(test_a_failure_is_one_whatever_its_code),
        cmocka_unit_test(test_a_status_out_of_range_is_a_failure),
        cmocka_unit_test(test_an_answer_that_is_null_is_a_failure),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_progress_stays_between_0_and_1),
        cmocka_unit_test(test_what_an_attempt_leaves_is_there_for_the_next),
        cmocka_unit_test(test_a_worker_says_when_to_come_back),
    };
    return cmocka_run_group_tests_name("worker/call_worker", tests, NULL, NULL);
}
