/* The section `callbacks`. */
#include <sys/stat.h>

#include "config/load.h"

static int make_secrets(void **state)
{
    if (enter_folder(state) < 0)
        return -1;
    write_file("key", "whsec_c2VjcmV0\n", strlen("whsec_c2VjcmV0\n"));
    write_file("blank", " \n", 2);
    write_file("open", "secret\n", strlen("secret\n"));
    chmod("open", 0644);
    return chmod("key", 0600) + chmod("blank", 0600);
}

static int remove_secrets(void **state)
{
    unlink("key");
    unlink("blank");
    unlink("open");
    return leave_folder(state);
}

static void test_absent(void **state)
{
    (void)state;
    static const char *const texts[] = {A_ROUTE, "callbacks:\n" A_ROUTE, "callbacks: {}\n" A_ROUTE,
                                        "callbacks: {allow: [], secret_file: key}\n" A_ROUTE};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct loaded loaded;
        load_text(&loaded, texts[i]);
        assert_string_equal(bytes_text(&loaded.report), "");
        assert_false(loaded.config->callbacks.enabled);
        assert_null(loaded.config->callbacks.allow);
        unload(&loaded);
    }
}

static void test_values(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, "pools: {hooks: {threads: 1}}\n"
                       "callbacks:\n"
                       "  allow: [https://hooks.example.org/, \"http://127.0.0.1:9000/done\"]\n"
                       "  secret_file: key\n"
                       "  pool: hooks\n"
                       "  timeout: 5s\n"
                       "  retry: {attempts: 3, backoff: 1s..2m}\n" A_ROUTE);
    assert_string_equal(bytes_text(&loaded.report), "");
    const struct config_callbacks *callbacks = &loaded.config->callbacks;
    assert_true(callbacks->enabled);
    assert_string_equal(callbacks->allow[0], "https://hooks.example.org/");
    assert_string_equal(callbacks->allow[1], "http://127.0.0.1:9000/done");
    assert_null(callbacks->allow[2]);
    assert_string_equal(callbacks->secret_file, "key");
    assert_string_equal(callbacks->pool->name, "hooks");
    assert_int_equal(callbacks->timeout_ms, 5000);
    assert_int_equal(callbacks->attempts, 3);
    assert_int_equal(callbacks->backoff_min_ms, 1000);
    assert_int_equal(callbacks->backoff_max_ms, 120000);
    unload(&loaded);
}

static void test_one_url_and_defaults(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, "callbacks: {allow: https://a/, secret_file: key}\n" A_ROUTE);
    assert_string_equal(bytes_text(&loaded.report), "");
    const struct config_callbacks *callbacks = &loaded.config->callbacks;
    assert_string_equal(callbacks->allow[0], "https://a/");
    assert_null(callbacks->allow[1]);
    assert_string_equal(callbacks->pool->name, "default");
    assert_int_equal(callbacks->timeout_ms, 30000);
    assert_int_equal(callbacks->attempts, 10);
    assert_int_equal(callbacks->backoff_min_ms, 5000);
    assert_int_equal(callbacks->backoff_max_ms, 3600000);
    unload(&loaded);
}

static void test_always_signed(void **state)
{
    (void)state;
    CHECK_REPORTS({"callbacks: {secret_file: key}\n" A_ROUTE,
                   "ferry.yaml:1:1: warning: callbacks are off without the key \"allow\"\n"
                   "    callbacks: {secret_file: key}\n"
                   "    ^~~~~~~~~\n"
                   "    hint: allow: [https://hooks.example.org/]\n"},
                  {"callbacks: {allow: [https://a/]}\n" A_ROUTE,
                   "ferry.yaml:1:13: error: callbacks lacks the key \"secret_file\": they are "
                   "always signed\n"
                   "    callbacks: {allow: [https://a/]}\n"
                   "                ^~~~~\n"
                   "    hint: a file with one word: openssl rand -base64 32 > callbacks.key\n"},
                  {"callbacks: {allow: [], secret_file: absent}\n" A_ROUTE,
                   "ferry.yaml:1:37: error: secret_file: absent: No such file or directory\n"
                   "    callbacks: {allow: [], secret_file: absent}\n"
                   "                                        ^~~~~~\n"},
                  {"callbacks: {allow: [], secret_file: blank}\n" A_ROUTE,
                   "ferry.yaml:1:37: error: secret_file: blank: it is empty\n"
                   "    callbacks: {allow: [], secret_file: blank}\n"
                   "                                        ^~~~~\n"},
                  {"callbacks: {allow: [], secret_file: open}\n" A_ROUTE,
                   "ferry.yaml:1:37: warning: secret_file \"open\" is open to every user\n"
                   "    callbacks: {allow: [], secret_file: open}\n"
                   "                                        ^~~~\n"
                   "    hint: chmod 600 open\n"});
}

/* A prefix that any other host could begin with, or that is none, must not get through. */
static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *problem;
    } tests[] = {
        {"https://a", "a \"/\" is missing behind the host"},
        {"https://a:8443", "a \"/\" is missing behind the host"},
        {"ftp://a/", "not a URL of http or https"},
        {"a.org/", "not a URL of http or https"},
        {"*", "not a URL of http or https"},
        {"https:///x", "a host is missing"},
        {"https://", "a host is missing"},
        {"https://:80/", "a host is missing"},
        {"https://u:p@a/", "a user's name and password do not belong here"},
        {"https://a/b c", "a URL is of printable ASCII, without spaces"},
        {"https://é/", "a URL is of printable ASCII, without spaces"},
        {"https://a/?x=1", "it ends with a path, before any \"?\" or \"#\""},
        {"https://a/#x", "it ends with a path, before any \"?\" or \"#\""},
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        struct loaded loaded;
        char *text =
            text_printf("callbacks: {secret_file: key, allow: [\"%s\"]}\n" A_ROUTE, tests[i].url);
        char *message =
            text_printf("ferry.yaml:1:39: error: \"%s\": %s\n", tests[i].url, tests[i].problem);
        load_text(&loaded, text);
        assert_null(loaded.config);
        assert_ptr_equal(strstr(bytes_text(&loaded.report), message), bytes_text(&loaded.report));
        free(text);
        free(message);
        unload(&loaded);
    }
}

static void test_kinds(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"callbacks: [https://a/]\n" A_ROUTE,
         "ferry.yaml:1:12: error: callbacks must be a map, not a list\n"
         "    callbacks: [https://a/]\n"
         "               ^~~~~~~~~~~~\n"
         "    hint: {KEY: VALUE, ...}, with the keys allow, secret_file, pool, timeout, retry\n"},
        {"callbacks: {allow: {a: b}}\n" A_ROUTE,
         "ferry.yaml:1:20: error: allow must be a list, not a map\n"
         "    callbacks: {allow: {a: b}}\n"
         "                       ^~~~~~\n"},
        {"callbacks: {allow: [], pool: nope}\n" A_ROUTE,
         "ferry.yaml:1:30: error: unknown pool \"nope\"\n"
         "    callbacks: {allow: [], pool: nope}\n"
         "                                 ^~~~\n"
         "    hint: known: default\n"},
        {"callbacks: {allow: [], retry: {attempts: 0}}\n" A_ROUTE,
         "ferry.yaml:1:42: error: 0 is out of range: attempts is 1 to 10000\n"
         "    callbacks: {allow: [], retry: {attempts: 0}}\n"
         "                                             ^\n"},
        {"callbacks: {allow: [], url: x}\n" A_ROUTE,
         "ferry.yaml:1:24: error: unknown key \"url\" in callbacks\n"
         "    callbacks: {allow: [], url: x}\n"
         "                           ^~~\n"
         "    hint: known: allow, secret_file, pool, timeout, retry\n"});
}

static void test_set_from_outside(void **state)
{
    (void)state;
    struct loaded loaded;
    static const char *const environ[] = {"FERRY_CALLBACKS__SECRET_FILE=key",
                                          "FERRY_CALLBACKS__ALLOW=[https://a/]", NULL};
    write_file("ferry.yaml", A_ROUTE, strlen(A_ROUTE));
    load_source(&loaded, &(struct config_source){.file = "ferry.yaml", .environ = environ});
    assert_string_equal(bytes_text(&loaded.report), "");
    assert_true(loaded.config->callbacks.enabled);
    assert_string_equal(loaded.config->callbacks.secret_file, "key");
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_one_url_and_defaults),
        cmocka_unit_test(test_always_signed),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_set_from_outside),
    };
    return cmocka_run_group_tests(tests, make_secrets, remove_secrets);
}
