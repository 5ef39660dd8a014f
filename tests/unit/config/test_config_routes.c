/* The section `routes`. */
#include "config/load.h"

static void test_worker(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"routes: {/a: {}}\n", "ferry.yaml:1:10: error: the route \"/a\" lacks the key \"worker\"\n"
                               "    routes: {/a: {}}\n"
                               "             ^~\n"
                               "    hint: /a: {worker: echo}\n"},
        {"routes: {/a: }\n", "ferry.yaml:1:10: error: the route \"/a\" lacks the key \"worker\"\n"
                             "    routes: {/a: }\n"
                             "             ^~\n"
                             "    hint: /a: {worker: echo}\n"},
        {"routes: {/a: {worker: slep}}\n", "ferry.yaml:1:23: error: unknown worker \"slep\"\n"
                                           "    routes: {/a: {worker: slep}}\n"
                                           "                          ^~~~\n"
                                           "    hint: did you mean \"sleep\"?\n"},
        {"routes: {/a: {worker: [echo]}}\n",
         "ferry.yaml:1:23: error: worker must be a single value, not a list\n"
         "    routes: {/a: {worker: [echo]}}\n"
         "                          ^~~~~~\n"},
        {"routes: {/a: echo}\n",
         "ferry.yaml:1:14: error: routes./a must be a map, not a single value\n"
         "    routes: {/a: echo}\n"
         "                 ^~~~\n"
         "    hint: {KEY: VALUE, ...}, with the keys worker, pool, methods, mode, timeout, retry, "
         "rate, concurrency, priority, breaker, retention, max_result, auth, cors, client_rate\n"});
}

static void test_pool(void **state)
{
    (void)state;
    CHECK_REPORTS({"pools: {mail: }\n"
                   "routes: {/a: {worker: echo, pool: mial}}\n",
                   "ferry.yaml:2:35: error: unknown pool \"mial\"\n"
                   "    routes: {/a: {worker: echo, pool: mial}}\n"
                   "                                      ^~~~\n"
                   "    hint: did you mean \"mail\"?\n"},
                  {"routes: {/a: {worker: echo, pool: {threads: 4}}}\n",
                   "ferry.yaml:1:35: error: pool must be a single value, not a map\n"
                   "    routes: {/a: {worker: echo, pool: {threads: 4}}}\n"
                   "                                      ^~~~~~~~~~~~\n"});
}

static void test_unknown_keys(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"routes: {/a: {worker: echo, time_out: 5s}}\n",
         "ferry.yaml:1:29: error: unknown key \"time_out\" in routes./a\n"
         "    routes: {/a: {worker: echo, time_out: 5s}}\n"
         "                                ^~~~~~~~\n"
         "    hint: did you mean \"timeout\"?\n"},
        {"routes: {/a: {worker: echo, mode: defer, retry: {attempt: 5}}}\n",
         "ferry.yaml:1:50: error: unknown key \"attempt\" in routes./a.retry\n"
         "    routes: {/a: {worker: echo, mode: defer, retry: {attempt: 5}}}\n"
         "                                                     ^~~~~~~\n"
         "    hint: did you mean \"attempts\"?\n"},
        {"routes: {/a: {worker: echo, entrance: 1}}\n",
         "ferry.yaml:1:29: error: unknown key \"entrance\" in routes./a\n"
         "    routes: {/a: {worker: echo, entrance: 1}}\n"
         "                                ^~~~~~~~\n"
         "    hint: known: worker, pool, methods, mode, timeout, retry, rate, "
         "concurrency, priority, breaker, retention, max_result, auth, cors, client_rate\n"});
}

static void test_mode(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes: {/a: {worker: echo, mode: deferred}}\n",
                   "ferry.yaml:1:35: error: unknown mode \"deferred\"\n"
                   "    routes: {/a: {worker: echo, mode: deferred}}\n"
                   "                                      ^~~~~~~~\n"
                   "    hint: did you mean \"defer\"?\n"},
                  {"routes: {/a: {worker: echo, mode: async}}\n",
                   "ferry.yaml:1:35: error: unknown mode \"async\"\n"
                   "    routes: {/a: {worker: echo, mode: async}}\n"
                   "                                      ^~~~~\n"
                   "    hint: known: call, defer, either\n"});
}

static void test_methods(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes: {/a: {worker: echo, methods: [get, POST, POST]}}\n",
                   "ferry.yaml:1:39: error: unknown method \"get\"\n"
                   "    routes: {/a: {worker: echo, methods: [get, POST, POST]}}\n"
                   "                                          ^~~\n"
                   "    hint: did you mean \"GET\"?\n"
                   "ferry.yaml:1:50: error: \"POST\" is listed twice\n"
                   "    routes: {/a: {worker: echo, methods: [get, POST, POST]}}\n"
                   "                                                     ^~~~\n"},
                  {"routes: {/a: {worker: echo, methods: \"GET,POST\"}}\n",
                   "ferry.yaml:1:38: error: unknown method \"GET,POST\"\n"
                   "    routes: {/a: {worker: echo, methods: \"GET,POST\"}}\n"
                   "                                         ^~~~~~~~~~\n"
                   "    hint: did you mean \"GET\"?\n"},
                  {"routes: {/a: {worker: echo, methods: []}}\n",
                   "ferry.yaml:1:38: error: methods must be a method or a list of them\n"
                   "    routes: {/a: {worker: echo, methods: []}}\n"
                   "                                         ^~\n"},
                  {"routes: {/a: {worker: echo, methods: {GET: 1}}}\n",
                   "ferry.yaml:1:38: error: methods must be a method or a list of them\n"
                   "    routes: {/a: {worker: echo, methods: {GET: 1}}}\n"
                   "                                         ^~~~~~~~\n"},
                  {"routes: {/a: {worker: echo, methods: [[GET]]}}\n",
                   "ferry.yaml:1:39: error: a method must be a single value, not a list\n"
                   "    routes: {/a: {worker: echo, methods: [[GET]]}}\n"
                   "                                          ^~~~~\n"});
}

static void test_timeout(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes: {/a: {worker: echo, timeout: 5}}\n",
                   "ferry.yaml:1:38: error: timeout: \"5\" is not a duration; write 250ms, 5s, "
                   "10m, 1h30m or 7d\n"
                   "    routes: {/a: {worker: echo, timeout: 5}}\n"
                   "                                         ^\n"},
                  {"routes: {/a: {worker: echo, timeout: 400d}}\n",
                   "ferry.yaml:1:38: error: 400d is out of range: timeout is 0 to 365d\n"
                   "    routes: {/a: {worker: echo, timeout: 400d}}\n"
                   "                                         ^~~~\n"});
}

static void test_retry(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"routes: {/a: {worker: echo, mode: defer, retry: {attempts: 0}}}\n",
         "ferry.yaml:1:60: error: 0 is out of range: attempts is 1 to 10000\n"
         "    routes: {/a: {worker: echo, mode: defer, retry: {attempts: 0}}}\n"
         "                                                               ^\n"},
        {"routes: {/a: {worker: echo, mode: defer, retry: {backoff: 5s-1h}}}\n",
         "ferry.yaml:1:59: error: backoff: \"5s-1h\" is not a duration; write 250ms, 5s, 10m, "
         "1h30m or 7d\n"
         "    routes: {/a: {worker: echo, mode: defer, retry: {backoff: 5s-1h}}}\n"
         "                                                              ^~~~~\n"
         "    hint: the first wait and the longest: 5s..1h\n"},
        {"routes: {/a: {worker: echo, mode: defer, retry: {backoff: 1h..5s}}}\n",
         "ferry.yaml:1:59: error: backoff: 1h..5s: the longest wait is below the first\n"
         "    routes: {/a: {worker: echo, mode: defer, retry: {backoff: 1h..5s}}}\n"
         "                                                              ^~~~~~\n"
         "    hint: the first wait and the longest: 5s..1h\n"},
        {"routes: {/a: {worker: echo, mode: defer, retry: {backoff: 0..5s}}}\n",
         "ferry.yaml:1:59: error: backoff: 0..5s is out of range: a wait is 1ms to 365d\n"
         "    routes: {/a: {worker: echo, mode: defer, retry: {backoff: 0..5s}}}\n"
         "                                                              ^~~~~\n"
         "    hint: the first wait and the longest: 5s..1h\n"},
        {"routes: {/a: {worker: echo, mode: defer, retry: {backoff: ..5s}}}\n",
         "ferry.yaml:1:59: error: backoff: \"\" is not a duration; write 250ms, 5s, 10m, 1h30m or "
         "7d\n"
         "    routes: {/a: {worker: echo, mode: defer, retry: {backoff: ..5s}}}\n"
         "                                                              ^~~~\n"
         "    hint: the first wait and the longest: 5s..1h\n"},
        {"routes: {/a: {worker: echo, mode: defer, retry: {backoff: 5s..}}}\n",
         "ferry.yaml:1:59: error: backoff: \"\" is not a duration; write 250ms, 5s, 10m, 1h30m or "
         "7d\n"
         "    routes: {/a: {worker: echo, mode: defer, retry: {backoff: 5s..}}}\n"
         "                                                              ^~~~\n"
         "    hint: the first wait and the longest: 5s..1h\n"},
        {"routes: {/a: {worker: echo, mode: defer, retry: {backoff: 5s..1000d}}}\n",
         "ferry.yaml:1:59: error: backoff: 5s..1000d is out of range: a wait is 1ms to 365d\n"
         "    routes: {/a: {worker: echo, mode: defer, retry: {backoff: 5s..1000d}}}\n"
         "                                                              ^~~~~~~~~\n"
         "    hint: the first wait and the longest: 5s..1h\n"},
        {"routes: {/a: {worker: echo, mode: defer, retry: {backoff: [5s, 1h]}}}\n",
         "ferry.yaml:1:59: error: backoff must be a single value, not a list\n"
         "    routes: {/a: {worker: echo, mode: defer, retry: {backoff: [5s, 1h]}}}\n"
         "                                                              ^~~~~~~~\n"});
}

static void test_retry_of_a_call(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes: {/a: {worker: echo, retry: {attempts: 3}}}\n",
                   "ferry.yaml:1:29: warning: retry has no effect on a route of mode call\n"
                   "    routes: {/a: {worker: echo, retry: {attempts: 3}}}\n"
                   "                                ^~~~~\n"
                   "    hint: only a job is tried again: mode: defer, or either\n"});
}

static void test_paths(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"routes: {\"a\": {worker: echo}}\n", "ferry.yaml:1:10: error: a path begins with \"/\"\n"
                                              "    routes: {\"a\": {worker: echo}}\n"
                                              "             ^~~\n"},
        {"routes: {\"\": {worker: echo}}\n", "ferry.yaml:1:10: error: a key is missing\n"
                                             "    routes: {\"\": {worker: echo}}\n"
                                             "             ^~\n"},
        {"routes: {\"/a//b\": {worker: echo}}\n",
         "ferry.yaml:1:10: error: a path has no empty segments: \"//\"\n"
         "    routes: {\"/a//b\": {worker: echo}}\n"
         "             ^~~~~~~\n"},
        {"routes: {\"/a b\": {worker: echo}}\n",
         "ferry.yaml:1:10: error: a path is of printable ASCII, without spaces, \"?\" and \"#\"\n"
         "    routes: {\"/a b\": {worker: echo}}\n"
         "             ^~~~~~\n"},
        {"routes: {\"/a?b\": {worker: echo}}\n",
         "ferry.yaml:1:10: error: a path is of printable ASCII, without spaces, \"?\" and \"#\"\n"
         "    routes: {\"/a?b\": {worker: echo}}\n"
         "             ^~~~~~\n"},
        {"routes: {\"/{}\": {worker: echo}}\n",
         "ferry.yaml:1:10: error: \"{}\": a parameter's name is of letters, digits and \"_\"\n"
         "    routes: {\"/{}\": {worker: echo}}\n"
         "             ^~~~~\n"},
        {"routes: {\"/{1}\": {worker: echo}}\n",
         "ferry.yaml:1:10: error: \"{1}\": a parameter's name is of letters, digits and \"_\"\n"
         "    routes: {\"/{1}\": {worker: echo}}\n"
         "             ^~~~~~\n"},
        {"routes: {\"/x{id}\": {worker: echo}}\n",
         "ferry.yaml:1:10: error: \"x{id}\": a parameter is a whole segment, such as {id}\n"
         "    routes: {\"/x{id}\": {worker: echo}}\n"
         "             ^~~~~~~~\n"},
        {"routes: {\"/{a}/{a}\": {worker: echo}}\n",
         "ferry.yaml:1:10: error: the parameter {a} is there twice\n"
         "    routes: {\"/{a}/{a}\": {worker: echo}}\n"
         "             ^~~~~~~~~~\n"},
        {"routes: {\"/a}\": {worker: echo}}\n",
         "ferry.yaml:1:10: error: \"a}\": a parameter is a whole segment, such as {id}\n"
         "    routes: {\"/a}\": {worker: echo}}\n"
         "             ^~~~~\n"},
        {"routes: {\"/é\": {worker: echo}}\n",
         "ferry.yaml:1:10: error: a path is of printable ASCII, without spaces, \"?\" and \"#\"\n"
         "    routes: {\"/é\": {worker: echo}}\n"
         "             ^~~~\n"});
}

static void test_reserved_paths(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes: {\"/jobs\": {worker: echo}}\n",
                   "ferry.yaml:1:10: error: \"/jobs\" is a path of the server's own\n"
                   "    routes: {\"/jobs\": {worker: echo}}\n"
                   "             ^~~~~~~\n"},
                  {"routes: {\"/jobs/\": {worker: echo}}\n",
                   "ferry.yaml:1:10: error: \"/jobs/\" is a path of the server's own\n"
                   "    routes: {\"/jobs/\": {worker: echo}}\n"
                   "             ^~~~~~~~\n"},
                  {"routes: {\"/jobs/{id}\": {worker: echo}}\n",
                   "ferry.yaml:1:10: error: \"/jobs/{id}\" is a path of the server's own\n"
                   "    routes: {\"/jobs/{id}\": {worker: echo}}\n"
                   "             ^~~~~~~~~~~~\n"},
                  {"routes: {\"/livez\": {worker: echo}}\n",
                   "ferry.yaml:1:10: error: \"/livez\" is a path of the server's own\n"
                   "    routes: {\"/livez\": {worker: echo}}\n"
                   "             ^~~~~~~~\n"},
                  {"routes: {\"/readyz\": {worker: echo}}\n",
                   "ferry.yaml:1:10: error: \"/readyz\" is a path of the server's own\n"
                   "    routes: {\"/readyz\": {worker: echo}}\n"
                   "             ^~~~~~~~~\n"});
}

static void test_same_path(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes:\n"
                   "  /users/{id}: {worker: echo}\n"
                   "  /users/{name}: {worker: echo, methods: [PUT]}\n",
                   "ferry.yaml:3:3: error: the same route as \"/users/{id}\"\n"
                   "      /users/{name}: {worker: echo, methods: [PUT]}\n"
                   "      ^~~~~~~~~~~~~\n"});
}

static void test_no_routes(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"\n",
         "ferry.yaml: warning: there are no routes: every request will be answered with 404\n"},
        {"# nothing\n",
         "ferry.yaml: warning: there are no routes: every request will be answered with 404\n"},
        {"routes:\n",
         "ferry.yaml: warning: there are no routes: every request will be answered with 404\n"},
        {"routes: {}\n",
         "ferry.yaml: warning: there are no routes: every request will be answered with 404\n"},
        {"routes: [a]\n", "ferry.yaml:1:9: error: routes must be a map, not a list\n"
                          "    routes: [a]\n"
                          "            ^~~\n"
                          "    hint: {/PATH: {worker: echo}}\n"});
}

/* The forms of frameworks: what begins otherwise is a usual path. */
static void test_what_looks_like_a_parameter_is_a_warning(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes: {'/a/:id/b': {worker: echo}}\n",
                   "ferry.yaml:1:10: warning: \":id\" stands for itself\n"
                   "    routes: {'/a/:id/b': {worker: echo}}\n"
                   "             ^~~~~~~~~~\n"
                   "    hint: a parameter is a whole segment, such as {id}\n"},
                  {"routes: {/a/*: {worker: echo}}\n",
                   "ferry.yaml:1:10: warning: \"*\" stands for itself\n"
                   "    routes: {/a/*: {worker: echo}}\n"
                   "             ^~~~\n"
                   "    hint: a parameter is a whole segment, such as {id}\n"},
                  {"routes: {/a:run/b*/c/: {worker: echo}}\n", ""});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_mode),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_retry_of_a_call),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_reserved_paths),
        cmocka_unit_test(test_what_looks_like_a_parameter_is_a_warning),
        cmocka_unit_test(test_same_path),
        cmocka_unit_test(test_no_routes),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
