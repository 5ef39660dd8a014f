/* Which web pages may ask. */
#include "config/load.h"

static void test_values(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded,
              "cors: {origins: [https://a.example, \"https://b.example:8443\"], methods: GET,\n"
              "       headers: [X-One, X-Two], max_age: 2h, credentials: true}\n"
              "routes: {/: {worker: echo}}\n");
    assert_string_equal(bytes_text(&loaded.report), "");
    const struct config_cors *cors = loaded.config->routes[0].cors;
    assert_non_null(cors);
    assert_ptr_equal(cors, loaded.config->cors);
    assert_string_equal(cors->origins[0], "https://a.example");
    assert_string_equal(cors->origins[1], "https://b.example:8443");
    assert_null(cors->origins[2]);
    assert_string_equal(cors->methods, "GET");
    assert_string_equal(cors->headers, "X-One, X-Two");
    assert_int_equal(cors->max_age_ms, 7200000);
    assert_true(cors->credentials);
    unload(&loaded);
}

static void test_a_star_is_any_origin_without_credentials(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, "routes: {/: {worker: echo, cors: {origins: \"*\"}}}\n");
    assert_string_equal(bytes_text(&loaded.report), "");
    const struct config_cors *cors = loaded.config->routes[0].cors;
    assert_null(cors->origins);
    assert_false(cors->credentials);
    assert_null(loaded.config->cors);
    unload(&loaded);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"cors: {}\n" A_ROUTE, "ferry.yaml:1:7: error: cors lacks the key \"origins\"\n"
                               "    cors: {}\n"
                               "          ^~\n"},
        {"cors:\n" A_ROUTE, "ferry.yaml:1:1: error: cors is empty\n"
                            "    cors:\n"
                            "    ^~~~\n"
                            "    hint: cors: none\n"},
        {"cors: {origins: []}\n" A_ROUTE, "ferry.yaml:1:17: error: origins is empty\n"
                                          "    cors: {origins: []}\n"
                                          "                    ^~\n"},
        {"cors: {origins: app.example.org}\n" A_ROUTE,
         "ferry.yaml:1:17: error: \"app.example.org\": not of the form https://HOST or "
         "https://HOST:PORT\n"
         "    cors: {origins: app.example.org}\n"
         "                    ^~~~~~~~~~~~~~~\n"
         "    hint: origins: [https://app.example.org], or \"*\" for any\n"},
        {"cors: {origins: ['https://app.example.org/']}\n" A_ROUTE,
         "ferry.yaml:1:18: error: \"https://app.example.org/\": an origin has no path, and no "
         "\"/\" at its end\n"
         "    cors: {origins: ['https://app.example.org/']}\n"
         "                     ^~~~~~~~~~~~~~~~~~~~~~~~~~\n"
         "    hint: origins: [https://app.example.org], or \"*\" for any\n"},
        {"cors: {origins: ['https://App.example.org']}\n" A_ROUTE,
         "ferry.yaml:1:18: error: \"https://App.example.org\": a host is of lower-case letters and "
         "digits\n"
         "    cors: {origins: ['https://App.example.org']}\n"
         "                     ^~~~~~~~~~~~~~~~~~~~~~~~~\n"
         "    hint: origins: [https://app.example.org], or \"*\" for any\n"},
        {"cors: {origins: ['null']}\n" A_ROUTE,
         "ferry.yaml:1:18: error: \"null\": not of the form https://HOST or https://HOST:PORT\n"
         "    cors: {origins: ['null']}\n"
         "                     ^~~~~~\n"
         "    hint: origins: [https://app.example.org], or \"*\" for any\n"},
        {"cors: {origins: ['https://']}\n" A_ROUTE,
         "ferry.yaml:1:18: error: \"https://\": a host is missing\n"
         "    cors: {origins: ['https://']}\n"
         "                     ^~~~~~~~~~\n"
         "    hint: origins: [https://app.example.org], or \"*\" for any\n"},
        {"cors: {origins: ['*']}\n" A_ROUTE,
         "ferry.yaml:1:18: error: \"*\": not of the form https://HOST or https://HOST:PORT\n"
         "    cors: {origins: ['*']}\n"
         "                     ^~~\n"
         "    hint: origins: [https://app.example.org], or \"*\" for any\n"},
        {"cors: {origins: '*', credentials: true}\n" A_ROUTE,
         "ferry.yaml:1:17: error: credentials need a list of origins, not \"*\"\n"
         "    cors: {origins: '*', credentials: true}\n"
         "                    ^~~\n"
         "    hint: every web page could act as whoever looks at it\n"},
        {"cors: {origins: '*', headers: ['X: y']}\n" A_ROUTE,
         "ferry.yaml:1:32: error: \"X: y\" is none that headers can hold\n"
         "    cors: {origins: '*', headers: ['X: y']}\n"
         "                                   ^~~~~~\n"},
        {"cors: {origins: '*', methods: {a: b}}\n" A_ROUTE,
         "ferry.yaml:1:31: error: methods must be a list, not a map\n"
         "    cors: {origins: '*', methods: {a: b}}\n"
         "                                  ^~~~~~\n"},
        {"cors: {origins: '*'}\n" A_ROUTE, ""},
        {"cors: {origins: [https://a.example, 'http://127.0.0.1:3000', 'capacitor://localhost'], "
         "credentials: true, max_age: 0}\n" A_ROUTE,
         ""},
        {"routes: {/: {worker: echo, cors: }}\n", "ferry.yaml:1:28: error: cors is empty\n"
                                                  "    routes: {/: {worker: echo, cors: }}\n"
                                                  "                               ^~~~\n"
                                                  "    hint: cors: none\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_a_star_is_any_origin_without_credentials),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
