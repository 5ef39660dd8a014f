/* URLs: which are refused, what is below what, and escaping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http_url.h"

static void test_parts(void **state)
{
    (void)state;
    struct http_url url;
    ferry_error error = {0};
    assert_int_equal(http_url_parse(&url, "HTTPS://Example.org/a%20b/?q=1#part", &error), 0);
    assert_string_equal(url.text, "https://Example.org/a%20b/?q=1");
    assert_string_equal(url.scheme, "https");
    assert_string_equal(url.host, "Example.org");
    assert_string_equal(url.port, "443");
    assert_string_equal(url.path, "/a%20b/");
    assert_true(url.has_query);
    http_url_fini(&url);
    assert_int_equal(http_url_parse(&url, "http://[::1]:8080", &error), 0);
    assert_string_equal(url.host, "[::1]");
    assert_string_equal(url.port, "8080");
    assert_string_equal(url.path, "/");
    assert_false(url.has_query);
    http_url_fini(&url);
}

static void test_what_two_readers_could_take_differently_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "example.org",
        "/path",
        "//example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://",
        "http:///path",
        "http:/example.org/",
        "http://evil.org%2F.example.org/",
        "http:/example.org/%2e%2e/b",
        "http:/example.org/../b?://example.org/",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://example.org:99999/",
        "http://example.org/a b",
        "http://example.org/a\nb",
        "http://example.org/%",
        "http://example.org/%4",
        "http://example.org/%zz",
        "http://example.org/%00",
        "http://example.org/.",
        "http://example.org/..",
        "http://example.org/a/../b",
        "http://example.org/a/./b",
        "http://example.org/a/%2e%2E/b",
        "http://example.org/a/.%2e",
        "http://example.org/a%2f..%2fb",
        "http://example.org/a\\..\\b",
        "http://example.org/a%5c..",
        "http://example.org/..?q",
        "http://example.org/..#f",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_url url;
        ferry_error error = {0};
        if (http_url_parse(&url, cases[i], &error) != FERRY_INVALID)
            fail_msg("taken: %s", cases[i]);
        assert_true(error.message[0]);
        http_url_fini(&url);
    }
}

static void test_dots_that_are_part_of_a_name_are_fine(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "http://h/...",    "http://h/.a/b..",     "http://h/a.b/?x=../y",
        "http://h/a#../b", "http://h/a%2Fb",      "http://h/a%2fb%C3%af%aF",
        "http://h/.../b",  "http://h?a=%zz/../b", "http://h#%zz/../b"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_url url;
        assert_int_equal(http_url_parse(&url, cases[i], NULL), 0);
        http_url_fini(&url);
    }
}

static void test_below_goes_by_origin_and_whole_segments(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *url;
        bool below;
    } cases[] = {
        {"http://h/", "http://h/anything?q", true}, {"http://h", "http://h/anything", true},
        {"http://h", "http://H:80/", true},         {"https://h", "https://h:443/", true},
        {"http://h/in", "http://h/in", true},       {"http://h/in", "http://h/in/side", true},
        {"http://h/in", "http://h/in?q=1", true},   {"http://h/in/", "http://h/in/side", true},
        {"http://h/in", "http://h/inside", false},  {"http://h/in/", "http://h/in", false},
        {"http://h/in", "http://h/IN", false},      {"http://h/", "https://h/", false},
        {"http://h/", "http://h:81/", false},       {"http://h/", "http://h.evil.org/", false},
        {"http://h/", "http://evil.org/h/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_url prefix, url;
        assert_int_equal(http_url_parse(&prefix, cases[i].prefix, NULL), 0);
        assert_int_equal(http_url_parse(&url, cases[i].url, NULL), 0);
        if (http_url_is_below(&url, &prefix) != cases[i].below)
            fail_msg("%s below %s", cases[i].url, cases[i].prefix);
        http_url_fini(&prefix);
        http_url_fini(&url);
    }
}

static void test_all_but_the_unreserved_is_escaped(void **state)
{
    (void)state;
    struct bytes out = {0};
    bytes_append_escaped(&out, "aZ09-._~ /?&=+%\0\xC3\xA4", 18);
    assert_string_equal(bytes_text(&out), "aZ09-._~%20%2F%3F%26%3D%2B%25%00%C3%A4");
    bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_what_two_readers_could_take_differently_is_refused),
        cmocka_unit_test(test_dots_that_are_part_of_a_name_are_fine),
        cmocka_unit_test(test_below_goes_by_origin_and_whole_segments),
        cmocka_unit_test(test_all_but_the_unreserved_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
