/* Where requests go: what the settings may say. What calls make of it is shown by fetch's tests. */
#include "http_target.h"

#include "worker_run.h"

extern const ferry_worker ferry_worker_fetch;
extern const ferry_worker ferry_worker_webhook;

#define ONE(name, value)                                                                           \
    {                                                                                              \
        .key = name, .values = { value }                                                           \
    }

static void test_settings_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct worker_setting settings[3];
        const char *key, *part;
    } cases[] = {
        {{{0}}, "url", "url is missing"},
        {{ONE("url", "api.example.org")}, "url", "url: "},
        {{ONE("url", "ftp://example.org/")}, "url", "http or https"},
        {{ONE("url", "https://{host}/")}, "url", "cannot choose the host"},
        {{ONE("url", "https://example.org:{port}/")}, "url", "cannot choose the host"},
        {{ONE("url", "https://example.org/{a")}, "url", "ends with }"},
        {{ONE("url", "https://example.org/{}")}, "url", "the name of a parameter"},
        {{ONE("url", "https://example.org/{a{b}}")}, "url", "ends with }"},
        {{ONE("url", "https://example.org/../{a}")}, "url", "segments . or .."},
        {{ONE("url", "https://me:secret@example.org/")}, "url", "url: "},
        {{ONE("allow", "example.org")}, "allow", "url: "},
        {{ONE("allow", "https://example.org/?a=b")}, "allow", "without ? and #"},
        {{ONE("allow", "https://example.org/#a")}, "allow", "without ? and #"},
        {{ONE("url", "http://h/"), ONE("headers", "Accept */*")}, "headers", "Name: value"},
        {{ONE("url", "http://h/"), ONE("headers", "A: b\nc")}, "headers", "line breaks"},
        {{ONE("url", "other://example.org/")}, "url", "http or https"},
        {{ONE("url", "http://h/"), ONE("timeout", "0")}, "timeout", "more than 0"},
        {{ONE("url", "http://h/"), ONE("ca_file", "/nonexistent")}, "ca_file", "No such file"},
        {{ONE("url", "http://h/"), ONE("ca_file", "/proc/version")}, "ca_file", "no certificate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_settings_refused(&ferry_worker_fetch, cases[i].settings, cases[i].key,
                                cases[i].part);
        assert_settings_refused(&ferry_worker_webhook, cases[i].settings, cases[i].key,
                                cases[i].part);
    }
}

static void test_settings_of_one_kind_only(void **state)
{
    (void)state;
    const struct worker_setting method[] = {ONE("url", "http://h/"), ONE("method", "GET /"), {0}};
    assert_settings_refused(&ferry_worker_fetch, method, "method", "GET, POST");
    const struct worker_setting redirects[] = {
        ONE("url", "http://h/"), ONE("redirects", "21"), {0}};
    assert_settings_refused(&ferry_worker_fetch, redirects, "redirects", "20");
    const struct worker_setting secret[] = {
        ONE("url", "http://h/"), ONE("secret_file", "/nonexistent"), {0}};
    assert_settings_refused(&ferry_worker_webhook, secret, "secret_file", "/nonexistent");
    const struct worker_setting empty[] = {
        ONE("url", "http://h/"), ONE("secret_file", "/dev/null"), {0}};
    assert_settings_refused(&ferry_worker_webhook, empty, "secret_file", "is empty");
}

static void test_a_place_may_be_right_behind_the_host(void **state)
{
    (void)state;
    const struct worker_setting settings[] = {ONE("url", "https://example.org?q={q}"), {0}};
    struct worker_run run = worker_run_open(&ferry_worker_fetch, settings);
    worker_run_close(&run);
}

static void test_allow_is_a_list_of_beginnings(void **state)
{
    (void)state;
    static const char *const list[] = {"http://a/in", "https://b"};
    struct http_target target;
    struct http_url url;
    ferry_settings *settings = settings_new("w", "/nonexistent");
    assert_int_equal(settings_add(settings, "allow", list, 2, true), 0);
    assert_int_equal(http_target_read(&target, settings, NULL), 0);
    assert_int_equal(settings_problem_count(settings), 0);
    static const char *const good[] = {"http://a/in/x", "https://b/x"}, *const bad[] = {
                                                                            "http://a/",
                                                                            "http://b/x"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(http_url_parse(&url, good[i], NULL), 0);
        assert_true(http_target_allows(&target, &url));
        http_url_fini(&url);
        assert_int_equal(http_url_parse(&url, bad[i], NULL), 0);
        assert_false(http_target_allows(&target, &url));
        http_url_fini(&url);
    }
    http_target_fini(&target);
    settings_free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_that_are_refused),
        cmocka_unit_test(test_settings_of_one_kind_only),
        cmocka_unit_test(test_a_place_may_be_right_behind_the_host),
        cmocka_unit_test(test_allow_is_a_list_of_beginnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
