/* The sections `plugins` and `workers`. */
#include <sys/stat.h>

#include "config/load.h"

static void test_plugins(void **state)
{
    (void)state;
    CHECK_REPORTS({"plugins: [nope.so, \"\"]\n" A_ROUTE,
                   "ferry.yaml:1:11: error: nope.so: no such file, or not readable\n"
                   "    plugins: [nope.so, \"\"]\n"
                   "              ^~~~~~~\n"
                   "    hint: it is looked for in the folder where ferry is started\n"
                   "ferry.yaml:1:20: error: a plug-in is empty\n"
                   "    plugins: [nope.so, \"\"]\n"
                   "                       ^~\n"},
                  {"plugins: [/nope.so]\n"
                   "workers: {db: {use: users}, mailer: {use: emial}}\n"
                   "routes: {/: {worker: echo}, /u: {worker: users}}\n",
                   "ferry.yaml:1:11: error: /nope.so: no such file, or not readable\n"
                   "    plugins: [/nope.so]\n"
                   "              ^~~~~~~~\n"
                   "ferry.yaml:2:21: error: unknown kind of worker \"users\"\n"
                   "    workers: {db: {use: users}, mailer: {use: emial}}\n"
                   "                        ^~~~~\n"
                   "    hint: perhaps of the plug-in that did not load\n"
                   "ferry.yaml:2:43: error: unknown kind of worker \"emial\"\n"
                   "    workers: {db: {use: users}, mailer: {use: emial}}\n"
                   "                                              ^~~~~\n"
                   "    hint: did you mean \"email\"?\n"
                   "ferry.yaml:3:42: error: unknown worker \"users\"\n"
                   "    routes: {/: {worker: echo}, /u: {worker: users}}\n"
                   "                                             ^~~~~\n"
                   "    hint: perhaps of the plug-in that did not load\n"},
                  {"plugins: [[a]]\n" A_ROUTE,
                   "ferry.yaml:1:11: error: a plug-in must be a single value, not a list\n"
                   "    plugins: [[a]]\n"
                   "              ^~~\n"});
}

static void test_use(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"workers: {mailer: {relay: x}}\n" A_ROUTE,
         "ferry.yaml:1:11: error: the worker \"mailer\" lacks the key \"use\": which kind it is\n"
         "    workers: {mailer: {relay: x}}\n"
         "              ^~~~~~\n"
         "    hint: known: noop, echo, sleep, email, strict, broken, maps\n"},
        {"workers: {mailer: }\n" A_ROUTE,
         "ferry.yaml:1:11: error: the worker \"mailer\" lacks the key \"use\": which kind it is\n"
         "    workers: {mailer: }\n"
         "              ^~~~~~\n"
         "    hint: known: noop, echo, sleep, email, strict, broken, maps\n"},
        {"workers: {mailer: {use: emial}}\n" A_ROUTE,
         "ferry.yaml:1:25: error: unknown kind of worker \"emial\"\n"
         "    workers: {mailer: {use: emial}}\n"
         "                            ^~~~~\n"
         "    hint: did you mean \"email\"?\n"},
        {"workers: {mailer: {use: [a]}}\n" A_ROUTE,
         "ferry.yaml:1:25: error: use must be a single value, not a list\n"
         "    workers: {mailer: {use: [a]}}\n"
         "                            ^~~\n"},
        {"workers: {mailer: email}\n" A_ROUTE,
         "ferry.yaml:1:19: error: a worker must be a map, not a single value\n"
         "    workers: {mailer: email}\n"
         "                      ^~~~~\n"
         "    hint: {use: KIND}\n"},
        {"workers: {\"a/b\": {use: email}}\n" A_ROUTE,
         "ferry.yaml:1:11: error: the name of a worker is of letters, digits, \"_\" and \"-\", 64 "
         "at most\n"
         "    workers: {\"a/b\": {use: email}}\n"
         "              ^~~~~\n"});
}

/* What a worker finds wrong is shown where it is written. */
static void test_settings(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"workers:\n"
         "  mailer:\n"
         "    use: email\n"
         "    relay: \"http://x\"\n"
         "    conections: 3\n"
         "    connections: 99\n"
         "routes: {/: {worker: mailer}}\n",
         "ferry.yaml:4:12: error: relay: smtp://HOST:PORT\n"
         "        relay: \"http://x\"\n"
         "               ^~~~~~~~~~\n"
         "ferry.yaml:5:5: error: unknown key \"conections\"; this worker knows relay, from, "
         "connections, headers\n"
         "        conections: 3\n"
         "        ^~~~~~~~~~\n"
         "ferry.yaml:6:18: error: connections: a whole number from 1 to 10\n"
         "        connections: 99\n"
         "                     ^~\n"},
        {"workers:\n"
         "  mailer: {use: email, relay: [a, b]}\n"
         "routes: {/: {worker: mailer}}\n",
         "ferry.yaml:2:31: error: relay takes one value, not a list\n"
         "      mailer: {use: email, relay: [a, b]}\n"
         "                                  ^~~~~~\n"},
        {"workers: {mailer: {use: email, headers: {a: b}}}\n" A_ROUTE,
         "ferry.yaml:1:41: error: headers takes a list or one value, not a map\n"
         "    workers: {mailer: {use: email, headers: {a: b}}}\n"
         "                                            ^~~~~~\n"},
        {"workers: {mailer: {use: email, headers: [a, [b], ~]}}\n" A_ROUTE,
         "ferry.yaml:1:45: error: an item of headers must be a single value, not a list\n"
         "    workers: {mailer: {use: email, headers: [a, [b], ~]}}\n"
         "                                                ^~~\n"},
        {"workers: {mailer: {use: email, relay: }}\n" A_ROUTE,
         "ferry.yaml:1:32: error: relay has no value\n"
         "    workers: {mailer: {use: email, relay: }}\n"
         "                                   ^~~~~\n"});
}

/* So it is for what stands in a map: its key has dots, also where a name has one of its own. */
static void test_settings_in_maps(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"workers:\n"
         "  gateway: {use: maps, success: {pointer: code}}\n"
         "routes: {/: {worker: gateway}}\n",
         "ferry.yaml:2:43: error: success.pointer: begins with /\n"
         "      gateway: {use: maps, success: {pointer: code}}\n"
         "                                              ^~~~\n"},
        {"workers:\n"
         "  gateway: {use: maps, success: {poiner: /code}}\n"
         "routes: {/: {worker: gateway}}\n",
         "ferry.yaml:2:34: error: unknown key \"poiner\" in success; this worker knows pointer, "
         "status\n"
         "      gateway: {use: maps, success: {poiner: /code}}\n"
         "                                     ^~~~~~\n"},
        {"workers:\n"
         "  gateway: {use: maps, success: {pointer: /code, status: missing}}\n"
         "routes: {/: {worker: gateway}}\n",
         "ferry.yaml:2:24: error: success.range is missing\n"
         "      gateway: {use: maps, success: {pointer: /code, status: missing}}\n"
         "                           ^~~~~~~\n"},
        {"workers:\n"
         "  gateway: {use: maps, query: {a.b: bad, a: {b: bad}, c: [bad]}}\n"
         "routes: {/: {worker: gateway}}\n",
         "ferry.yaml:2:37: error: query.a.b: bad\n"
         "      gateway: {use: maps, query: {a.b: bad, a: {b: bad}, c: [bad]}}\n"
         "                                        ^~~\n"
         "ferry.yaml:2:58: error: query.c: bad\n"
         "      gateway: {use: maps, query: {a.b: bad, a: {b: bad}, c: [bad]}}\n"
         "                                                             ^~~~~\n"},
        {"workers: {gateway: {use: maps, query: {a: ~, b: [[c]]}}}\n" A_ROUTE,
         "ferry.yaml:1:40: error: a has no value\n"
         "    workers: {gateway: {use: maps, query: {a: ~, b: [[c]]}}}\n"
         "                                           ^\n"
         "ferry.yaml:1:50: error: an item of b must be a single value, not a list\n"
         "    workers: {gateway: {use: maps, query: {a: ~, b: [[c]]}}}\n"
         "                                                     ^~~\n"});
}

static void test_an_open_file_of_a_secret_is_a_warning(void **state)
{
    (void)state;
    write_file("password", "x", 1);
    assert_int_equal(chmod("password", 0644), 0);
    CHECK_REPORTS({"workers:\n"
                   "  w: {use: strict, command: a, password_file: password}\n"
                   "routes: {/: {worker: w}}\n",
                   "ferry.yaml:2:47: warning: password_file \"password\" is open to every user\n"
                   "      w: {use: strict, command: a, password_file: password}\n"
                   "                                                  ^~~~~~~~\n"
                   "    hint: chmod 600 password\n"});
    assert_int_equal(chmod("password", 0600), 0);
    CHECK_REPORTS({"workers:\n"
                   "  w: {use: strict, command: a, password_file: password}\n"
                   "routes: {/: {worker: w}}\n",
                   ""});
    unlink("password");
}

/* A key that is not there is reported at the name of its worker. */
static void test_missing_setting(void **state)
{
    (void)state;
    CHECK_REPORTS({"workers:\n"
                   "  first: {use: strict}\n" A_ROUTE,
                   "ferry.yaml:2:3: error: command is missing\n"
                   "      first: {use: strict}\n"
                   "      ^~~~~\n"},
                  {"routes: {/: {worker: strict}}\n", "ferry.yaml:1:22: error: command is missing\n"
                                                      "    routes: {/: {worker: strict}}\n"
                                                      "                         ^~~~~~\n"});
}

static void test_open_fails(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes:\n"
                   "  /a: {worker: broken}\n"
                   "  /b: {worker: broken}\n",
                   "ferry.yaml:2:16: error: the library does not start\n"
                   "      /a: {worker: broken}\n"
                   "                   ^~~~~~\n"});
}

static void test_unused(void **state)
{
    (void)state;
    CHECK_REPORTS({"workers:\n"
                   "  mailer: {use: email}\n" A_ROUTE,
                   "ferry.yaml:2:3: warning: no route uses the worker \"mailer\"\n"
                   "      mailer: {use: email}\n"
                   "      ^~~~~~\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plugins),
        cmocka_unit_test(test_use),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_an_open_file_of_a_secret_is_a_warning),
        cmocka_unit_test(test_missing_setting),
        cmocka_unit_test(test_open_fails),
        cmocka_unit_test(test_unused),
        cmocka_unit_test(test_settings_in_maps),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
