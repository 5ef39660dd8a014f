/* Requests: headers that stay in their line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http_request.h"

static void test_headers_in_their_order(void **state)
{
    (void)state;
    static const char *const lines[] = {"X-One:1", "X-Two:   two, \xC3\xA4 and more",
                                        "X-Empty:", NULL};
    struct http_request request = {0};
    ferry_error error = {0};
    assert_null(http_request_next_header(&request, NULL));
    assert_int_equal(http_request_add_headers(&request, lines, &error), 0);
    assert_int_equal(http_request_add_header(&request, "Content-Type", "a/b\tc", &error), 0);
    const char *header = http_request_next_header(&request, NULL);
    assert_string_equal(header, "X-One: 1");
    header = http_request_next_header(&request, header);
    assert_string_equal(header, "X-Two: two, \xC3\xA4 and more");
    header = http_request_next_header(&request, header);
    assert_string_equal(header, "X-Empty: ");
    header = http_request_next_header(&request, header);
    assert_string_equal(header, "Content-Type: a/b\tc");
    assert_null(http_request_next_header(&request, header));
    assert_true(http_request_has_header(&request, "content-type"));
    assert_false(http_request_has_header(&request, "content"));
    http_request_fini(&request);
}

static void test_a_header_is_dropped_wherever_it_stands(void **state)
{
    (void)state;
    static const char *const lines[] = {"A: 1", "B: 2", "a: 3", "AB: 4", "A:", NULL};
    struct http_request request = {0};
    http_request_drop_header(&request, "A");
    assert_int_equal(http_request_add_headers(&request, lines, NULL), 0);
    http_request_drop_header(&request, "A");
    http_request_drop_header(&request, "C");
    const char *header = http_request_next_header(&request, NULL);
    assert_string_equal(header, "B: 2");
    header = http_request_next_header(&request, header);
    assert_string_equal(header, "AB: 4");
    assert_null(http_request_next_header(&request, header));
    http_request_fini(&request);
}

static void test_what_would_break_the_request_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "v"},           {"A B", "v"},
        {"A:", "v"},         {"A\r\nB", "v"},
        {"\xC3\xA4", "v"},   {"A", "v\r\nB: c"},
        {"A", "v\n"},        {"A", "v\r"},
        {"A", "\x01"},       {"A", "\x7F"},
        {"TE", "v"},         {"Content-Length", "1"},
        {"connection", "v"}, {"Transfer-Encoding", "chunked"},
        {"Expect", "v"},     {"Trailer", "v"},
        {"Upgrade", "v"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request = {0};
        if (http_request_add_header(&request, cases[i][0], cases[i][1], NULL) != FERRY_INVALID)
            fail_msg("taken: %s: %s", cases[i][0], cases[i][1]);
        assert_null(http_request_next_header(&request, NULL));
        http_request_fini(&request);
    }
}

static void test_a_line_without_a_colon_is_no_header(void **state)
{
    (void)state;
    static const char *const lines[] = {"Accept */*", NULL};
    struct http_request request = {0};
    ferry_error error = {0};
    assert_int_equal(http_request_add_headers(&request, lines, &error), FERRY_INVALID);
    assert_string_equal(error.message, "\"Accept */*\" is not of the form Name: value");
    http_request_fini(&request);
}

static void test_methods(void **state)
{
    (void)state;
    assert_true(http_method_has_body("POST") && http_method_has_body("PATCH"));
    assert_false(http_method_has_body("GET") || http_method_has_body("DELETE"));
    static const char *const idempotent[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof idempotent / sizeof idempotent[0]; i++)
        assert_true(http_method_is_idempotent(idempotent[i]));
    assert_false(http_method_is_idempotent("POST") || http_method_is_idempotent("PATCH"));
    assert_true(http_is_token("PROPFIND"));
    assert_false(http_is_token("") || http_is_token("GET /"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_in_their_order),
        cmocka_unit_test(test_a_header_is_dropped_wherever_it_stands),
        cmocka_unit_test(test_what_would_break_the_request_is_refused),
        cmocka_unit_test(test_a_line_without_a_colon_is_no_header),
        cmocka_unit_test(test_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
