/* Whose word about their clients counts. */
#include "config/load.h"

static void test_what_is_refused_and_what_not(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"trusted_proxies: localhost\n" A_ROUTE,
         "ferry.yaml:1:18: error: \"localhost\" is no address and no network\n"
         "    trusted_proxies: localhost\n"
         "                     ^~~~~~~~~\n"
         "    hint: 127.0.0.1, 10.0.0.0/8, \"fd00::/8\", or unix for unix sockets\n"},
        {"trusted_proxies: [10.0.0.0/33]\n" A_ROUTE,
         "ferry.yaml:1:19: error: \"10.0.0.0/33\" is no address and no network\n"
         "    trusted_proxies: [10.0.0.0/33]\n"
         "                      ^~~~~~~~~~~\n"
         "    hint: 127.0.0.1, 10.0.0.0/8, \"fd00::/8\", or unix for unix sockets\n"},
        {"trusted_proxies: [10.0.0.0/]\n" A_ROUTE,
         "ferry.yaml:1:19: error: \"10.0.0.0/\" is no address and no network\n"
         "    trusted_proxies: [10.0.0.0/]\n"
         "                      ^~~~~~~~~\n"
         "    hint: 127.0.0.1, 10.0.0.0/8, \"fd00::/8\", or unix for unix sockets\n"},
        {"trusted_proxies: ['::/129']\n" A_ROUTE,
         "ferry.yaml:1:19: error: \"::/129\" is no address and no network\n"
         "    trusted_proxies: ['::/129']\n"
         "                      ^~~~~~~~\n"
         "    hint: 127.0.0.1, 10.0.0.0/8, \"fd00::/8\", or unix for unix sockets\n"},
        {"trusted_proxies: [10.0.0/8]\n" A_ROUTE,
         "ferry.yaml:1:19: error: \"10.0.0/8\" is no address and no network\n"
         "    trusted_proxies: [10.0.0/8]\n"
         "                      ^~~~~~~~\n"
         "    hint: 127.0.0.1, 10.0.0.0/8, \"fd00::/8\", or unix for unix sockets\n"},
        {"trusted_proxies: [[unix]]\n" A_ROUTE,
         "ferry.yaml:1:19: error: trusted_proxies must be a single value, not a list\n"
         "    trusted_proxies: [[unix]]\n"
         "                      ^~~~~~\n"},
        {"trusted_proxies: {a: b}\n" A_ROUTE,
         "ferry.yaml:1:18: error: trusted_proxies must be a list, not a map\n"
         "    trusted_proxies: {a: b}\n"
         "                     ^~~~~~\n"},
        {"trusted_proxies: [10.0.0.0/8, 127.0.0.1, '::1', 'fd00::/8', unix]\n" A_ROUTE, ""},
        {"trusted_proxies: unix\n" A_ROUTE, ""}, {"trusted_proxies: []\n" A_ROUTE, ""});
}

static void test_values(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, "trusted_proxies: [10.0.0.0/8, unix]\n" A_ROUTE);
    assert_string_equal(loaded.config->trusted_proxies[0], "10.0.0.0/8");
    assert_string_equal(loaded.config->trusted_proxies[1], "unix");
    assert_null(loaded.config->trusted_proxies[2]);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_refused_and_what_not),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
