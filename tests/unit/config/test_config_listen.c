/* Addresses, and who may reach the admin listener. */
#include "config/load.h"

static void test_addresses(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"listen: 8002\n" A_ROUTE, "ferry.yaml:1:9: error: \"8002\": not of the form HOST:PORT\n"
                                   "    listen: 8002\n"
                                   "            ^~~~\n"
                                   "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every "
                                   "address of this machine, or unix:/run/ferry.sock\n"},
        {"listen: localhost:8002\n" A_ROUTE,
         "ferry.yaml:1:9: error: \"localhost:8002\": the host is no IP address, and names are not "
         "looked up\n"
         "    listen: localhost:8002\n"
         "            ^~~~~~~~~~~~~~\n"
         "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this machine, or "
         "unix:/run/ferry.sock\n"},
        {"listen: 127.0.0.1\n" A_ROUTE,
         "ferry.yaml:1:9: error: \"127.0.0.1\": not of the form HOST:PORT\n"
         "    listen: 127.0.0.1\n"
         "            ^~~~~~~~~\n"
         "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this machine, or "
         "unix:/run/ferry.sock\n"},
        {"listen: 127.0.0.1:65536\n" A_ROUTE,
         "ferry.yaml:1:9: error: \"127.0.0.1:65536\": a port is 65535 at most\n"
         "    listen: 127.0.0.1:65536\n"
         "            ^~~~~~~~~~~~~~~\n"
         "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this machine, or "
         "unix:/run/ferry.sock\n"},
        {"listen: 127.0.0.1:http\n" A_ROUTE,
         "ferry.yaml:1:9: error: \"127.0.0.1:http\": not of the form HOST:PORT\n"
         "    listen: 127.0.0.1:http\n"
         "            ^~~~~~~~~~~~~~\n"
         "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this machine, or "
         "unix:/run/ferry.sock\n"},
        {"listen: 256.0.0.1:80\n" A_ROUTE,
         "ferry.yaml:1:9: error: \"256.0.0.1:80\": the host is no IP address, and names are not "
         "looked up\n"
         "    listen: 256.0.0.1:80\n"
         "            ^~~~~~~~~~~~\n"
         "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this machine, or "
         "unix:/run/ferry.sock\n"},
        {"listen: \"[localhost]:80\"\n" A_ROUTE,
         "ferry.yaml:1:9: error: \"[localhost]:80\": no IPv6 address in the brackets\n"
         "    listen: \"[localhost]:80\"\n"
         "            ^~~~~~~~~~~~~~~~\n"
         "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this machine, or "
         "unix:/run/ferry.sock\n"},
        {"listen: \"::1:80\"\n" A_ROUTE,
         "ferry.yaml:1:9: error: \"::1:80\": not of the form HOST:PORT\n"
         "    listen: \"::1:80\"\n"
         "            ^~~~~~~~\n"
         "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this machine, or "
         "unix:/run/ferry.sock\n"},
        {"listen: \"unix:\"\n" A_ROUTE, "ferry.yaml:1:9: error: \"unix:\": a path is missing\n"
                                        "    listen: \"unix:\"\n"
                                        "            ^~~~~~~\n"
                                        "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every "
                                        "address of this machine, or unix:/run/ferry.sock\n"},
        {"listen: "
         "unix:/"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n" A_ROUTE,
         "ferry.yaml:1:9: error: "
         "\"unix:/"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\": the path is too long\n"
         "    listen: "
         "unix:/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\n"
         "            "
         "^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
         "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this machine, or "
         "unix:/run/ferry.sock\n"});
}

static void test_lists(void **state)
{
    (void)state;
    CHECK_REPORTS({"listen: []\n" A_ROUTE,
                   "ferry.yaml:1:9: error: listen must be an address or a list of them\n"
                   "    listen: []\n"
                   "            ^~\n"},
                  {"listen: {a: b}\n" A_ROUTE,
                   "ferry.yaml:1:9: error: listen lacks the key \"address\"\n"
                   "    listen: {a: b}\n"
                   "            ^~~~~~\n"
                   "ferry.yaml:1:10: error: unknown key \"a\" in listen\n"
                   "    listen: {a: b}\n"
                   "             ^\n"
                   "    hint: known: address, tls\n"},
                  {"listen: [127.0.0.1:1, x]\n" A_ROUTE,
                   "ferry.yaml:1:23: error: \"x\": not of the form HOST:PORT\n"
                   "    listen: [127.0.0.1:1, x]\n"
                   "                          ^\n"
                   "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this "
                   "machine, or unix:/run/ferry.sock\n"},
                  {"listen: [127.0.0.1:1, 127.0.0.1:1]\n" A_ROUTE,
                   "ferry.yaml:1:23: error: \"127.0.0.1:1\" is listed twice\n"
                   "    listen: [127.0.0.1:1, 127.0.0.1:1]\n"
                   "                          ^~~~~~~~~~~\n"},
                  {"listen: [127.0.0.1:0, 127.0.0.1:0]\n" A_ROUTE, ""});
}

static void test_same_as_admin(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"listen: 127.0.0.1:8003\n" A_ROUTE,
         "ferry.yaml:1:9: error: \"127.0.0.1:8003\" is the address of the admin listener as well\n"
         "    listen: 127.0.0.1:8003\n"
         "            ^~~~~~~~~~~~~~\n"},
        {"admin: {listen: 127.0.0.1:8002}\n" A_ROUTE,
         "ferry.yaml:1:8: error: \"127.0.0.1:8002\" is the address of listen as well\n"
         "    admin: {listen: 127.0.0.1:8002}\n"
         "           ^~~~~~~~~~~~~~~~~~~~~~~~\n"},
        {"listen: 127.0.0.1:0\n"
         "admin: {listen: 127.0.0.1:0}\n" A_ROUTE,
         ""});
}

static void test_admin_off_loopback(void **state)
{
    (void)state;
    CHECK_REPORTS({"admin: {listen: 0.0.0.0:8003}\n" A_ROUTE,
                   "ferry.yaml:1:17: error: an admin listener off loopback needs a token_file\n"
                   "    admin: {listen: 0.0.0.0:8003}\n"
                   "                    ^~~~~~~~~~~~\n"
                   "    hint: anyone who reaches it could read and delete every job\n"},
                  {"admin: {listen: \":8003\"}\n" A_ROUTE,
                   "ferry.yaml:1:17: error: an admin listener off loopback needs a token_file\n"
                   "    admin: {listen: \":8003\"}\n"
                   "                    ^~~~~~~\n"
                   "    hint: anyone who reaches it could read and delete every job\n"},
                  {"admin: {listen: \"[::]:8003\"}\n" A_ROUTE,
                   "ferry.yaml:1:17: error: an admin listener off loopback needs a token_file\n"
                   "    admin: {listen: \"[::]:8003\"}\n"
                   "                    ^~~~~~~~~~~\n"
                   "    hint: anyone who reaches it could read and delete every job\n"},
                  {"admin: {listen: 10.0.0.1:8003, token_file: }\n" A_ROUTE,
                   "ferry.yaml:1:17: error: an admin listener off loopback needs a token_file\n"
                   "    admin: {listen: 10.0.0.1:8003, token_file: }\n"
                   "                    ^~~~~~~~~~~~~\n"
                   "    hint: anyone who reaches it could read and delete every job\n"
                   "ferry.yaml:1:32: error: token_file is empty\n"
                   "    admin: {listen: 10.0.0.1:8003, token_file: }\n"
                   "                                   ^~~~~~~~~~\n"
                   "    hint: to ask for no token, leave the key out\n"});
}

static void test_admin_on_loopback(void **state)
{
    (void)state;
    CHECK_REPORTS({"admin: {listen: 127.1.2.3:8003}\n" A_ROUTE, ""},
                  {"admin: {listen: \"[::1]:8003\"}\n" A_ROUTE, ""},
                  {"admin: {listen: unix:admin.sock}\n" A_ROUTE, ""});
}

static void test_admin_values(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"admin: {listen: [127.0.0.1:1]}\n" A_ROUTE,
         "ferry.yaml:1:17: error: listen must be a single value, not a list\n"
         "    admin: {listen: [127.0.0.1:1]}\n"
         "                    ^~~~~~~~~~~~~\n"},
        {"admin: {token: x}\n" A_ROUTE, "ferry.yaml:1:9: error: unknown key \"token\" in admin\n"
                                        "    admin: {token: x}\n"
                                        "            ^~~~~\n"
                                        "    hint: did you mean \"token_file\"?\n"},
        {"admin: {token_file: }\n" A_ROUTE, "ferry.yaml:1:9: error: token_file is empty\n"
                                            "    admin: {token_file: }\n"
                                            "            ^~~~~~~~~~\n"
                                            "    hint: to ask for no token, leave the key out\n"},
        {"admin: {token_file: absent}\n" A_ROUTE,
         "ferry.yaml:1:21: error: token_file: absent: No such file or directory\n"
         "    admin: {token_file: absent}\n"
         "                        ^~~~~~\n"},
        {"admin: {token_file: \".\"}\n" A_ROUTE,
         "ferry.yaml:1:21: error: token_file: .: Is a directory\n"
         "    admin: {token_file: \".\"}\n"
         "                        ^~~\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),         cmocka_unit_test(test_lists),
        cmocka_unit_test(test_same_as_admin),     cmocka_unit_test(test_admin_off_loopback),
        cmocka_unit_test(test_admin_on_loopback), cmocka_unit_test(test_admin_values),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
