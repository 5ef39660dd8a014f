/* Values of every kind, unknown keys and ranges. */
#include "config/load.h"

static void test_unknown_keys(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"limit: {}\n" A_ROUTE, "ferry.yaml:1:1: error: unknown key \"limit\"\n"
                                "    limit: {}\n"
                                "    ^~~~~\n"
                                "    hint: did you mean \"limits\"?\n"},
        {"banana: 1\n" A_ROUTE, "ferry.yaml:1:1: error: unknown key \"banana\"\n"
                                "    banana: 1\n"
                                "    ^~~~~~\n"
                                "    hint: known: listen, admin, state, limits, jobs, "
                                "drain, log, pools, plugins, workers, routes, "
                                "callbacks, schedules, trusted_proxies, auth, cors\n"},
        {"limits: {conections: 5}\n" A_ROUTE,
         "ferry.yaml:1:10: error: unknown key \"conections\" in limits\n"
         "    limits: {conections: 5}\n"
         "             ^~~~~~~~~~\n"
         "    hint: did you mean \"connections\"?\n"},
        {"limits: {x: 5}\n" A_ROUTE,
         "ferry.yaml:1:10: error: unknown key \"x\" in limits\n"
         "    limits: {x: 5}\n"
         "             ^\n"
         "    hint: known: connections, connections_per_address, "
         "requests_per_connection, header_bytes, body_bytes, buffered_bytes, "
         "unsent_total_bytes, header_timeout, body_timeout, request_timeout, idle_timeout, "
         "write_timeout\n"},
        {"log:\n"
         "  Level: info\n" A_ROUTE,
         "ferry.yaml:2:3: error: unknown key \"Level\" in log\n"
         "      Level: info\n"
         "      ^~~~~\n"
         "    hint: did you mean \"level\"?\n"});
}

static void test_kinds(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"limits: 5\n" A_ROUTE,
         "ferry.yaml:1:9: error: limits must be a map, not a single value\n"
         "    limits: 5\n"
         "            ^\n"
         "    hint: {KEY: VALUE, ...}, with the keys connections, connections_per_address, "
         "requests_per_connection, header_bytes, body_bytes, buffered_bytes, unsent_total_bytes, "
         "header_timeout, body_timeout, request_timeout, idle_timeout, write_timeout\n"},
        {"limits: [5]\n" A_ROUTE,
         "ferry.yaml:1:9: error: limits must be a map, not a list\n"
         "    limits: [5]\n"
         "            ^~~\n"
         "    hint: {KEY: VALUE, ...}, with the keys connections, connections_per_address, "
         "requests_per_connection, header_bytes, body_bytes, buffered_bytes, unsent_total_bytes, "
         "header_timeout, body_timeout, request_timeout, idle_timeout, write_timeout\n"},
        {"drain: [5s]\n" A_ROUTE,
         "ferry.yaml:1:8: error: drain must be a single value, not a list\n"
         "    drain: [5s]\n"
         "           ^~~~\n"},
        {"drain: {a: 5s}\n" A_ROUTE,
         "ferry.yaml:1:8: error: drain must be a single value, not a map\n"
         "    drain: {a: 5s}\n"
         "           ^~~~~~~\n"},
        {"state: ~/var\n" A_ROUTE,
         "ferry.yaml:1:8: warning: \"~\" is a folder of that name here, not the home folder\n"
         "    state: ~/var\n"
         "           ^~~~~\n"
         "    hint: write the whole path\n"},
        {"state: \"\"\n" A_ROUTE, "ferry.yaml:1:8: error: state is empty\n"
                                  "    state: \"\"\n"
                                  "           ^~\n"},
        {"plugins: a.so\n" A_ROUTE,
         "ferry.yaml:1:10: error: plugins must be a list, not a single value\n"
         "    plugins: a.so\n"
         "             ^~~~\n"
         "    hint: in brackets: [a.so]\n"});
}

static void test_numbers(void **state)
{
    (void)state;
    CHECK_REPORTS({"limits: {connections: x}\n" A_ROUTE,
                   "ferry.yaml:1:23: error: connections: \"x\" is not a whole number\n"
                   "    limits: {connections: x}\n"
                   "                          ^\n"},
                  {"limits: {connections: 1.5}\n" A_ROUTE,
                   "ferry.yaml:1:23: error: connections: \"1.5\" is not a whole number\n"
                   "    limits: {connections: 1.5}\n"
                   "                          ^~~\n"},
                  {"limits: {connections: 0}\n" A_ROUTE,
                   "ferry.yaml:1:23: error: 0 is out of range: connections is 1 to 1000000\n"
                   "    limits: {connections: 0}\n"
                   "                          ^\n"},
                  {"limits: {connections: -3}\n" A_ROUTE,
                   "ferry.yaml:1:23: error: -3 is out of range: connections is 1 to 1000000\n"
                   "    limits: {connections: -3}\n"
                   "                          ^~\n"},
                  {"limits: {connections: 99999999999999999999}\n" A_ROUTE,
                   "ferry.yaml:1:23: error: 99999999999999999999 is out of range: connections is 1 "
                   "to 1000000\n"
                   "    limits: {connections: 99999999999999999999}\n"
                   "                          ^~~~~~~~~~~~~~~~~~~~\n"},
                  {"jobs: {max_crashes: 1e3}\n" A_ROUTE,
                   "ferry.yaml:1:21: error: max_crashes: \"1e3\" is not a whole number\n"
                   "    jobs: {max_crashes: 1e3}\n"
                   "                        ^~~\n"});
}

static void test_sizes(void **state)
{
    (void)state;
    CHECK_REPORTS({"limits: {header_bytes: 16KB}\n" A_ROUTE,
                   "ferry.yaml:1:24: error: header_bytes: \"16KB\" is not a size; write 512B, "
                   "16KiB, 8MiB or 4GiB\n"
                   "    limits: {header_bytes: 16KB}\n"
                   "                           ^~~~\n"},
                  {"limits: {header_bytes: 10}\n" A_ROUTE,
                   "ferry.yaml:1:24: error: 10 is out of range: header_bytes is 1KiB to 1MiB\n"
                   "    limits: {header_bytes: 10}\n"
                   "                           ^~\n"},
                  {"jobs: {max_bytes: 2TiB}\n" A_ROUTE,
                   "ferry.yaml:1:19: error: 2TiB is out of range: max_bytes is 1B to 1TiB\n"
                   "    jobs: {max_bytes: 2TiB}\n"
                   "                      ^~~~\n"});
}

static void test_durations(void **state)
{
    (void)state;
    CHECK_REPORTS({"drain: 30\n" A_ROUTE, "ferry.yaml:1:8: error: drain: \"30\" is not a duration; "
                                          "write 250ms, 5s, 10m, 1h30m or 7d\n"
                                          "    drain: 30\n"
                                          "           ^~\n"},
                  {"drain: 5 s\n" A_ROUTE, "ferry.yaml:1:8: error: drain: \"5 s\" is not a "
                                           "duration; write 250ms, 5s, 10m, 1h30m or 7d\n"
                                           "    drain: 5 s\n"
                                           "           ^~~\n"},
                  {"limits: {idle_timeout: 0}\n" A_ROUTE,
                   "ferry.yaml:1:24: error: 0 is out of range: idle_timeout is 1ms to 1d\n"
                   "    limits: {idle_timeout: 0}\n"
                   "                           ^\n"},
                  {"drain: 25h\n" A_ROUTE,
                   "ferry.yaml:1:8: error: 25h is out of range: drain is 0 to 1d\n"
                   "    drain: 25h\n"
                   "           ^~~\n"});
}

static void test_words(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"log: {level: warning}\n" A_ROUTE, "ferry.yaml:1:14: error: unknown level \"warning\"\n"
                                            "    log: {level: warning}\n"
                                            "                 ^~~~~~~\n"
                                            "    hint: did you mean \"warn\"?\n"},
        {"log: {format: xml}\n" A_ROUTE, "ferry.yaml:1:15: error: unknown format \"xml\"\n"
                                         "    log: {format: xml}\n"
                                         "                  ^~~\n"
                                         "    hint: known: logfmt, json\n"},
        {"log: {level: inof}\n" A_ROUTE, "ferry.yaml:1:14: error: unknown level \"inof\"\n"
                                         "    log: {level: inof}\n"
                                         "                 ^~~~\n"
                                         "    hint: did you mean \"info\"?\n"});
}

/* Bounds that only make sense together. */
static void test_values_that_fit_no_more(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"limits: {body_bytes: 300MiB}\n" A_ROUTE, "ferry.yaml:1:22: error: body_bytes is larger "
                                                   "than buffered_bytes, which all bodies share\n"
                                                   "    limits: {body_bytes: 300MiB}\n"
                                                   "                         ^~~~~~\n"},
        {"limits: {buffered_bytes: 1MiB}\n" A_ROUTE, "ferry.yaml:1:26: error: body_bytes is larger "
                                                     "than buffered_bytes, which all bodies share\n"
                                                     "    limits: {buffered_bytes: 1MiB}\n"
                                                     "                             ^~~~\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_values_that_fit_no_more),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
