/* Where callbacks may go: what is allowed, by its beginning, and no way around it. */
#include "callback_url.h"

#include <string.h>

#include "support.h"

static char *const allow[] = {(char[]){"https://hooks.example.org/"},
                              (char[]){"http://127.0.0.1:9000/in"}, NULL};

static void test_what_begins_as_it_must_is_allowed(void **state)
{
    (void)state;
    const char *const good[] = {
        "https://hooks.example.org/",        "https://hooks.example.org/a/b?c=../d&e=%2e",
        "https://hooks.example.org/.hidden", "https://hooks.example.org/a.b/...",
        "http://127.0.0.1:9000/in",          "http://127.0.0.1:9000/in/box",
        "http://127.0.0.1:9000/in?a=%",      "https://hooks.example.org/%41",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_int_equal(callback_url_check(good[i], allow, NULL), 0);
}

static void test_everything_else_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        "https://hooks.example.org",
        "https://hooks.example.org.evil.net/",
        "https://hooks.example.org@evil.net/",
        "http://hooks.example.org/",
        "HTTPS://hooks.example.org/",
        "http://127.0.0.1:90000/in",
        "http://127.0.0.1:9000/",
        "file:///etc/passwd",
        "http://127.0.0.1:9000/inside",
        "http://127.0.0.1:9000/in%20",
        "http://127.0.0.1:9000/in/../admin",
        "http://127.0.0.1:9000/in/..",
        "http://127.0.0.1:9000/in/..?a",
        "http://127.0.0.1:9000/in/./x",
        "http://127.0.0.1:9000/in/%2E%2e/admin",
        "http://127.0.0.1:9000/in/..%2fadmin",
        "http://127.0.0.1:9000/in\\..\\admin",
        "http://127.0.0.1:9000/in/%5c",
        "https://hooks.example.org/../",
        "https://hooks.example.org/%",
        "https://hooks.example.org/%4",
        "https://hooks.example.org/%4x",
        "https://hooks.example.org/%00",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/a\tb",
        "https://hooks.example.org/a\x7f",
        "https://hooks.example.org/a\\b",
        "https://hooks.example.org/#a",
        "https://hooks.example.org/caf\xc3\xa9",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ferry_error error = {0};
        if (callback_url_check(bad[i], allow, &error) != FERRY_INVALID)
            fail_msg("allowed: %s", bad[i]);
        assert_non_null(strstr(error.message, "Ferry-Callback"));
    }
}

static void test_a_url_has_a_longest_length(void **state)
{
    (void)state;
    char url[CALLBACK_URL_MAX + 2] = "https://hooks.example.org/";
    memset(url + strlen(url), 'a', sizeof url - strlen(url));
    url[CALLBACK_URL_MAX + 1] = '\0';
    assert_int_equal(callback_url_check(url, allow, NULL), FERRY_INVALID);
    url[CALLBACK_URL_MAX] = '\0';
    assert_int_equal(callback_url_check(url, allow, NULL), 0);
}

static void test_nothing_is_allowed_where_callbacks_are_off(void **state)
{
    (void)state;
    ferry_error error = {0};
    assert_int_equal(callback_url_check("https://hooks.example.org/", NULL, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "not enabled"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_begins_as_it_must_is_allowed),
        cmocka_unit_test(test_everything_else_is_refused),
        cmocka_unit_test(test_a_url_has_a_longest_length),
        cmocka_unit_test(test_nothing_is_allowed_where_callbacks_are_off),
    };
    return cmocka_run_group_tests_name("server/callback_url", tests, NULL, NULL);
}
