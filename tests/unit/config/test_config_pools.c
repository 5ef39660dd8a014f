/* The section `pools`. */
#include "config/load.h"

static void test_values(void **state)
{
    (void)state;
    CHECK_REPORTS({"pools: {default: {thread: 8}}\n" A_ROUTE,
                   "ferry.yaml:1:19: error: unknown key \"thread\" in pools.default\n"
                   "    pools: {default: {thread: 8}}\n"
                   "                      ^~~~~~\n"
                   "    hint: did you mean \"threads\"?\n"},
                  {"pools: {default: {threads: 0}}\n" A_ROUTE,
                   "ferry.yaml:1:28: error: 0 is out of range: threads is 1 to 1024\n"
                   "    pools: {default: {threads: 0}}\n"
                   "                               ^\n"},
                  {"pools: {default: {queue: 0, queue_timeout: soon}}\n" A_ROUTE,
                   "ferry.yaml:1:26: error: 0 is out of range: queue is 1 to 10000000\n"
                   "    pools: {default: {queue: 0, queue_timeout: soon}}\n"
                   "                             ^\n"
                   "ferry.yaml:1:44: error: queue_timeout: \"soon\" is not a duration; write "
                   "250ms, 5s, 10m, 1h30m or 7d\n"
                   "    pools: {default: {queue: 0, queue_timeout: soon}}\n"
                   "                                               ^~~~\n"},
                  {"pools: {default: 8}\n" A_ROUTE,
                   "ferry.yaml:1:18: error: pools.default must be a map, not a single value\n"
                   "    pools: {default: 8}\n"
                   "                     ^\n"
                   "    hint: {KEY: VALUE, ...}, with the keys threads, queue, queue_bytes, "
                   "queue_timeout, deferred, nice\n"},
                  {"pools: [default]\n" A_ROUTE,
                   "ferry.yaml:1:8: error: pools must be a map, not a list\n"
                   "    pools: [default]\n"
                   "           ^~~~~~~~~\n"
                   "    hint: {default: {threads: 8}}\n"});
}

static void test_names(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"pools: {\"a b\": {}}\n" A_ROUTE, "ferry.yaml:1:9: error: the name of a pool is of "
                                           "letters, digits, \"_\" and \"-\", 64 at most\n"
                                           "    pools: {\"a b\": {}}\n"
                                           "            ^~~~~\n"},
        {"pools: {xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: {}}\n" A_ROUTE,
         "ferry.yaml:1:9: error: the name of a pool is of letters, digits, \"_\" and \"-\", 64 at "
         "most\n"
         "    pools: {xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: {}}\n"
         "            ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"});
}

static void test_nice(void **state)
{
    (void)state;
    CHECK_REPORTS({"pools: {default: {nice: 20}}\n" A_ROUTE,
                   "ferry.yaml:1:25: error: 20 is out of range: nice is 0 to 19\n"
                   "    pools: {default: {nice: 20}}\n"
                   "                            ^~\n"});
}

static void test_deferred(void **state)
{
    (void)state;
    CHECK_REPORTS({"pools: {default: {threads: 1, deferred: 2}}\n" A_ROUTE,
                   "ferry.yaml:1:41: error: deferred is 2, but the pool has 1 thread\n"
                   "    pools: {default: {threads: 1, deferred: 2}}\n"
                   "                                            ^\n"},
                  {"pools: {default: {deferred: 9}}\n" A_ROUTE,
                   "ferry.yaml:1:29: error: deferred is 9, but the pool has 8 threads\n"
                   "    pools: {default: {deferred: 9}}\n"
                   "                                ^\n"},
                  {"pools: {default: {deferred: 0}}\n" A_ROUTE,
                   "ferry.yaml:1:29: error: 0 is out of range: deferred is 1 to 1024\n"
                   "    pools: {default: {deferred: 0}}\n"
                   "                                ^\n"});
}

/* The implicit default pool may be unused, one that is written down may not. */
static void test_unused(void **state)
{
    (void)state;
    CHECK_REPORTS({"pools:\n"
                   "  mail: {threads: 2}\n" A_ROUTE,
                   "ferry.yaml:2:3: warning: no route uses the pool \"mail\"\n"
                   "      mail: {threads: 2}\n"
                   "      ^~~~\n"},
                  {"pools: {default: {threads: 1}, mail: }\n"
                   "routes: {/: {worker: echo, pool: mail}}\n",
                   "ferry.yaml:1:9: warning: no route uses the pool \"default\"\n"
                   "    pools: {default: {threads: 1}, mail: }\n"
                   "            ^~~~~~~\n"},
                  {"pools: {mail: }\n"
                   "routes: {/: {worker: echo, pool: mail}}\n",
                   ""});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_names),  cmocka_unit_test(test_nice),
        cmocka_unit_test(test_deferred), cmocka_unit_test(test_unused),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
