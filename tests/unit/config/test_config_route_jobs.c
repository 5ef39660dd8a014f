/* What a route says of its jobs: rate, concurrency, priority, breaker, retention, results. */
#include "config/load.h"

static void test_values(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded,
              "routes:\n"
              "  /a: {worker: echo, mode: defer, rate: 10/s, concurrency: 3, priority: -7,\n"
              "       breaker: {failures: 5, pause: 2m}, retention: 30d, max_result: 2MiB}\n"
              "  /b: {worker: echo, mode: either, rate: 100/m, breaker: {failures: 9}}\n"
              "  /c: {worker: echo, mode: defer, rate: 5/h, priority: 100}\n"
              "  /d: {worker: echo, mode: defer, rate: 0}\n"
              "  /e: {worker: echo, mode: defer}\n");
    assert_string_equal(bytes_text(&loaded.report), "");
    const struct config_route *route = loaded.config->routes;
    assert_int_equal(route[0].rate_count, 10);
    assert_int_equal(route[0].rate_per_ms, 1000);
    assert_int_equal(route[0].concurrency, 3);
    assert_int_equal(route[0].priority, -7);
    assert_int_equal(route[0].breaker_failures, 5);
    assert_int_equal(route[0].breaker_pause_ms, 120000);
    assert_int_equal(route[0].keep_ms, INT64_C(30) * 86400000);
    assert_int_equal(route[0].max_result_bytes, 2 << 20);
    assert_int_equal(route[1].rate_count, 100);
    assert_int_equal(route[1].rate_per_ms, 60000);
    assert_int_equal(route[1].breaker_failures, 9);
    assert_int_equal(route[1].breaker_pause_ms, 60000);
    assert_int_equal(route[2].rate_count, 5);
    assert_int_equal(route[2].rate_per_ms, 3600000);
    assert_int_equal(route[2].priority, 100);
    for (int i = 3; i < 5; i++) {
        assert_int_equal(route[i].rate_count, 0);
        assert_int_equal(route[i].rate_per_ms, 0);
        assert_int_equal(route[i].concurrency, 0);
        assert_int_equal(route[i].priority, 0);
        assert_int_equal(route[i].breaker_failures, 0);
        assert_int_equal(route[i].keep_ms, 0);
        assert_int_equal(route[i].max_result_bytes, 64 << 10);
    }
    unload(&loaded);
}

/* A route of mode defer with one more key, and where its value is. */
#define ROUTE_BEGIN "routes: {/a: {worker: echo, mode: defer, "
#define PLACE       "                                             "

static void test_rates(void **state)
{
    (void)state;
    static const char *const wrong[] = {"10",    "10/d",  "/s",    "0/s",       "-1/s", "+1/s",
                                        "2.5/s", "10 /s", "10/s ", "1000001/s", "ten/s"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *text = text_printf(ROUTE_BEGIN "rate: \"%s\"}}\n", wrong[i]);
        char *report = text_printf("ferry.yaml:1:48: error: \"%s\" is not a rate\n"
                                   "    " ROUTE_BEGIN "rate: \"%s\"}}\n"
                                   "                                                   ^~%.*s\n"
                                   "    hint: 10/s, 100/m or 5/h: 1 to 1000000 of them; 0: no "
                                   "bound\n",
                                   wrong[i], wrong[i], (int)strlen(wrong[i]), "~~~~~~~~~~~~");
        check_report(&(struct report_case){text, report});
        free(text);
        free(report);
    }
}

static void test_ranges(void **state)
{
    (void)state;
    CHECK_REPORTS({ROUTE_BEGIN "concurrency: -1}}\n",
                   "ferry.yaml:1:55: error: -1 is out of range: concurrency is 0 to 100000\n"
                   "    " ROUTE_BEGIN "concurrency: -1}}\n" PLACE "             ^~\n"},
                  {ROUTE_BEGIN "priority: 101}}\n",
                   "ferry.yaml:1:52: error: 101 is out of range: priority is -100 to 100\n"
                   "    " ROUTE_BEGIN "priority: 101}}\n" PLACE "          ^~~\n"},
                  {ROUTE_BEGIN "priority: high}}\n",
                   "ferry.yaml:1:52: error: priority: \"high\" is not a whole number\n"
                   "    " ROUTE_BEGIN "priority: high}}\n" PLACE "          ^~~~\n"},
                  {ROUTE_BEGIN "retention: 4000d}}\n",
                   "ferry.yaml:1:53: error: 4000d is out of range: retention is 0 to 3650d\n"
                   "    " ROUTE_BEGIN "retention: 4000d}}\n" PLACE "           ^~~~~\n"},
                  {ROUTE_BEGIN "max_result: 17MiB}}\n",
                   "ferry.yaml:1:54: error: 17MiB is out of range: max_result is 1KiB to 16MiB\n"
                   "    " ROUTE_BEGIN "max_result: 17MiB}}\n" PLACE "            ^~~~~\n"},
                  {ROUTE_BEGIN "breaker: 5}}\n",
                   "ferry.yaml:1:51: error: routes./a.breaker must be a map, not a single value\n"
                   "    " ROUTE_BEGIN "breaker: 5}}\n" PLACE "         ^\n"
                   "    hint: {KEY: VALUE, ...}, with the keys failures, pause\n"},
                  {ROUTE_BEGIN "breaker: {failures: 5, pause: 0}}}\n",
                   "ferry.yaml:1:72: error: 0 is out of range: pause is 1ms to 7d\n"
                   "    " ROUTE_BEGIN "breaker: {failures: 5, pause: 0}}}\n" PLACE
                   "                              ^\n"},
                  {ROUTE_BEGIN "breaker: {failure: 5}}}\n",
                   "ferry.yaml:1:52: error: unknown key \"failure\" in routes./a.breaker\n"
                   "    " ROUTE_BEGIN "breaker: {failure: 5}}}\n" PLACE "          ^~~~~~~\n"
                   "    hint: did you mean \"failures\"?\n"});
}

static void test_pause_without_failures(void **state)
{
    (void)state;
    CHECK_REPORTS({ROUTE_BEGIN "breaker: {pause: 1m}}}\n",
                   "ferry.yaml:1:52: warning: pause has no effect without failures\n"
                   "    " ROUTE_BEGIN "breaker: {pause: 1m}}}\n" PLACE "          ^~~~~\n"
                   "    hint: breaker: {failures: 5, pause: 1m}\n"});
}

static void test_no_effect_without_jobs(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes:\n"
                   "  /a:\n"
                   "    worker: echo\n"
                   "    rate: 1/s\n"
                   "    concurrency: 1\n"
                   "    priority: 1\n"
                   "    breaker: {failures: 1}\n"
                   "    retention: 1d\n"
                   "    max_result: 1MiB\n",
                   "ferry.yaml:4:5: warning: rate has no effect on a route of mode call\n"
                   "        rate: 1/s\n"
                   "        ^~~~\n"
                   "    hint: only jobs can wait for their turn: mode: defer, or either\n"
                   "ferry.yaml:5:5: warning: concurrency has no effect on a route of mode call\n"
                   "        concurrency: 1\n"
                   "        ^~~~~~~~~~~\n"
                   "    hint: only jobs can wait for their turn: mode: defer, or either\n"
                   "ferry.yaml:6:5: warning: priority has no effect on a route of mode call\n"
                   "        priority: 1\n"
                   "        ^~~~~~~~\n"
                   "    hint: only jobs have one: mode: defer, or either\n"
                   "ferry.yaml:7:5: warning: breaker has no effect on a route of mode call\n"
                   "        breaker: {failures: 1}\n"
                   "        ^~~~~~~\n"
                   "    hint: only jobs can wait for the end of a pause: mode: defer, or either\n"
                   "ferry.yaml:8:5: warning: retention has no effect on a route of mode call\n"
                   "        retention: 1d\n"
                   "        ^~~~~~~~~\n"
                   "    hint: only a job is kept: mode: defer, or either\n"
                   "ferry.yaml:9:5: warning: max_result has no effect on a route of mode call\n"
                   "        max_result: 1MiB\n"
                   "        ^~~~~~~~~~\n"
                   "    hint: only a job's result is kept: mode: defer, or either\n"});
}

static void test_set_from_outside(void **state)
{
    (void)state;
    struct loaded loaded;
    static const char text[] = "routes: {/a: {worker: echo, mode: defer, rate: 1/s}}\n";
    static const char *const sets[] = {"routes.\"/a\".rate=20/m",
                                       "routes.\"/a\".breaker.failures=4", NULL};
    write_file("ferry.yaml", text, strlen(text));
    load_source(&loaded, &(struct config_source){.file = "ferry.yaml", .sets = sets});
    assert_string_equal(bytes_text(&loaded.report), "");
    assert_int_equal(loaded.config->routes[0].rate_count, 20);
    assert_int_equal(loaded.config->routes[0].rate_per_ms, 60000);
    assert_int_equal(loaded.config->routes[0].breaker_failures, 4);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_pause_without_failures),
        cmocka_unit_test(test_no_effect_without_jobs),
        cmocka_unit_test(test_set_from_outside),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
