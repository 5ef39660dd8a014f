/* What routes say of who may enter, and what the whole config says for them. */
#include "config/load.h"

static const char users[] = "ann:$6$abcdefgh$xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n";

static void test_a_route_goes_before_the_config(void **state)
{
    (void)state;
    struct loaded loaded;
    write_file("users", users, sizeof users - 1);
    load_text(&loaded,
              "auth: {basic_file: users}\n"
              "cors: {origins: \"*\"}\n"
              "routes:\n"
              "  /a: {worker: echo}\n"
              "  /b: {worker: echo, auth: none, cors: none}\n"
              "  /c: {worker: echo, auth: {basic_file: users, forward_credentials: true}}\n");
    unlink("users");
    assert_non_null(loaded.config);
    const struct config_route *routes = loaded.config->routes;
    assert_true(routes[0].auth && !routes[0].auth->forward_credentials);
    assert_ptr_equal(routes[0].cors, loaded.config->cors);
    assert_null(routes[1].auth);
    assert_null(routes[1].cors);
    assert_true(routes[2].auth && routes[2].auth->forward_credentials);
    unload(&loaded);
}

static void test_a_route_is_open_when_nothing_says_otherwise(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, "auth: none\n" A_ROUTE);
    assert_string_equal(bytes_text(&loaded.report), "");
    assert_null(loaded.config->routes[0].auth);
    assert_null(loaded.config->routes[0].cors);
    assert_int_equal(loaded.config->routes[0].client_rate.count, 0);
    unload(&loaded);
}

static void test_client_rates(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, "routes:\n"
                       "  /a: {worker: echo, client_rate: 5/s}\n"
                       "  /b: {worker: echo, client_rate: {rate: 100/m, burst: 7}}\n"
                       "  /c: {worker: echo, client_rate: 0}\n");
    assert_string_equal(bytes_text(&loaded.report), "");
    const struct config_route *routes = loaded.config->routes;
    assert_int_equal(routes[0].client_rate.count, 5);
    assert_int_equal(routes[0].client_rate.per_ms, 1000);
    assert_int_equal(routes[0].client_rate.burst, 5);
    assert_int_equal(routes[1].client_rate.count, 100);
    assert_int_equal(routes[1].client_rate.per_ms, 60000);
    assert_int_equal(routes[1].client_rate.burst, 7);
    assert_int_equal(routes[2].client_rate.count, 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(routes[i].rate_count, 0); /* that one is the jobs' */
    unload(&loaded);
}

static void test_client_rates_that_are_wrong(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes: {/: {worker: echo, client_rate: fast}}\n",
                   "ferry.yaml:1:41: error: \"fast\" is not a rate\n"
                   "    routes: {/: {worker: echo, client_rate: fast}}\n"
                   "                                            ^~~~\n"
                   "    hint: 10/s, 100/m or 5/h: 1 to 1000000 of them; 0: no bound\n"},
                  {"routes: {/: {worker: echo, client_rate: }}\n",
                   "ferry.yaml:1:28: error: client_rate is empty\n"
                   "    routes: {/: {worker: echo, client_rate: }}\n"
                   "                               ^~~~~~~~~~~\n"
                   "    hint: client_rate: 0\n"},
                  {"routes: {/: {worker: echo, client_rate: {burst: 3}}}\n",
                   "ferry.yaml:1:41: error: client_rate lacks the key \"rate\"\n"
                   "    routes: {/: {worker: echo, client_rate: {burst: 3}}}\n"
                   "                                            ^~~~~~~~~~\n"
                   "    hint: client_rate: {rate: 5/s, burst: 20}\n"},
                  {"routes: {/: {worker: echo, client_rate: {rate: 5/s, burst: 0}}}\n",
                   "ferry.yaml:1:60: error: 0 is out of range: burst is 1 to 1000000\n"
                   "    routes: {/: {worker: echo, client_rate: {rate: 5/s, burst: 0}}}\n"
                   "                                                               ^\n"},
                  {"routes: {/: {worker: echo, client_rate: [5/s]}}\n",
                   "ferry.yaml:1:41: error: routes./.client_rate must be a map, not a list\n"
                   "    routes: {/: {worker: echo, client_rate: [5/s]}}\n"
                   "                                            ^~~~~\n"
                   "    hint: {KEY: VALUE, ...}, with the keys rate, burst\n"},
                  {"routes: {/: {worker: echo, client_rate: {rate: 5/s, burst: 9}}}\n", ""});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_route_goes_before_the_config),
        cmocka_unit_test(test_a_route_is_open_when_nothing_says_otherwise),
        cmocka_unit_test(test_client_rates),
        cmocka_unit_test(test_client_rates_that_are_wrong),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
