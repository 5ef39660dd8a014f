/* Files of those who may enter: what they hold, and that nothing of it is shown. */
#include "config/load.h"

#include <sys/stat.h>

#define TOKEN_HASH "0000000000000000000000000000000000000000000000000000000000000001"
#define LONG_HASH  "$6$abcdefgh$" X40 X40
#define X40        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    const char *name;
    const char *text;
} files[] = {
    {"tokens",
     "# who may\n\n" TOKEN_HASH "\r\n  ci:000000000000000000000000000000000000000000000000"
     "00000000000000aF  -\n"},
    {"users", "ann:" LONG_HASH "\nbob:$y$j9T$" X40 "\n"},
    {"empty", "# nobody\n\n"},
    {"plain", "# tokens\nann:secret\n"},
    {"short", "000000000000000000000000000000000000000000000000000000000000001\n"},
    {"words", "ann:secret\nbob\n:" LONG_HASH "\n"},
    {"md5", "ann:$1$abcdefgh$0123456789012345678901\nbob:$apr1$abcdefgh$0123456789012345678901\n"},
    {"doubles", "ann:" LONG_HASH "\nann:$y$j9T$" X40 "\n"},
};
enum { FILE_COUNT = sizeof files / sizeof *files };

static int make_files(void **state)
{
    int rc = enter_folder(state);
    for (size_t i = 0; rc == 0 && i < FILE_COUNT; i++) {
        write_file(files[i].name, files[i].text, strlen(files[i].text));
        rc = chmod(files[i].name, 0600);
    }
    return rc;
}

static int remove_files(void **state)
{
    for (size_t i = 0; i < FILE_COUNT; i++)
        unlink(files[i].name);
    return leave_folder(state);
}

static void test_what_files_hold(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, "auth: {bearer_file: tokens, basic_file: users}\n" A_ROUTE);
    assert_string_equal(bytes_text(&loaded.report), "");
    const struct config_auth *auth = loaded.config->routes[0].auth;
    assert_non_null(auth);
    assert_true(auth->has_bearer && auth->has_basic && !auth->forward_credentials);
    assert_int_equal(auth->token_count, 2);
    assert_null(auth->tokens[0].name);
    assert_int_equal(auth->tokens[0].hash[31], 1);
    assert_string_equal(auth->tokens[1].name, "ci");
    assert_int_equal(auth->tokens[1].hash[31], 0xaf);
    assert_int_equal(auth->user_count, 2);
    assert_string_equal(auth->users[0].name, "ann");
    assert_string_equal(auth->users[0].hash, LONG_HASH);
    assert_string_equal(auth->users[1].name, "bob");
    unload(&loaded);
}

static void test_files_that_are_wrong(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"auth: {bearer_file: absent}\n" A_ROUTE,
         "ferry.yaml:1:21: error: bearer_file: absent: No such file or directory\n"
         "    auth: {bearer_file: absent}\n"
         "                        ^~~~~~\n"},
        {"auth: {bearer_file: empty}\n" A_ROUTE,
         "ferry.yaml:1:21: error: bearer_file \"empty\" is empty: it would let nobody in\n"
         "    auth: {bearer_file: empty}\n"
         "                        ^~~~~\n"},
        {"auth: {bearer_file: plain}\n" A_ROUTE,
         "ferry.yaml:1:21: error: bearer_file \"plain\", line 2: not HASH or NAME:HASH, of 64 "
         "hexadecimal digits\n"
         "    auth: {bearer_file: plain}\n"
         "                        ^~~~~\n"
         "    hint: printf %s \"$TOKEN\" | sha256sum\n"},
        {"auth: {bearer_file: short}\n" A_ROUTE,
         "ferry.yaml:1:21: error: bearer_file \"short\", line 1: not HASH or NAME:HASH, of 64 "
         "hexadecimal digits\n"
         "    auth: {bearer_file: short}\n"
         "                        ^~~~~\n"
         "    hint: printf %s \"$TOKEN\" | sha256sum\n"},
        {"auth: {basic_file: words}\n" A_ROUTE,
         "ferry.yaml:1:20: error: basic_file \"words\", line 1: not NAME:HASH, the hash of a "
         "password as crypt(5) has it\n"
         "    auth: {basic_file: words}\n"
         "                       ^~~~~\n"
         "    hint: openssl passwd -6, or mkpasswd -m yescrypt\n"
         "ferry.yaml:1:20: error: basic_file \"words\", line 2: not NAME:HASH, the hash of a "
         "password as crypt(5) has it\n"
         "    auth: {basic_file: words}\n"
         "                       ^~~~~\n"
         "    hint: openssl passwd -6, or mkpasswd -m yescrypt\n"
         "ferry.yaml:1:20: error: basic_file \"words\", line 3: not NAME:HASH, the hash of a "
         "password as crypt(5) has it\n"
         "    auth: {basic_file: words}\n"
         "                       ^~~~~\n"
         "    hint: openssl passwd -6, or mkpasswd -m yescrypt\n"},
        {"auth: {basic_file: md5}\n" A_ROUTE,
         "ferry.yaml:1:20: error: basic_file \"md5\", line 1: an MD5 hash, which is guessed "
         "too fast\n"
         "    auth: {basic_file: md5}\n"
         "                       ^~~\n"
         "    hint: openssl passwd -6, or mkpasswd -m yescrypt\n"
         "ferry.yaml:1:20: error: basic_file \"md5\", line 2: an MD5 hash, which is guessed "
         "too fast\n"
         "    auth: {basic_file: md5}\n"
         "                       ^~~\n"
         "    hint: openssl passwd -6, or mkpasswd -m yescrypt\n"},
        {"auth: {basic_file: doubles}\n" A_ROUTE, "ferry.yaml:1:20: error: basic_file \"doubles\", "
                                                  "line 2: the name stands further up as well\n"
                                                  "    auth: {basic_file: doubles}\n"
                                                  "                       ^~~~~~~\n"
                                                  "    hint: a name has one password\n"});
}

static void test_sections_that_let_nobody_in(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"auth:\n" A_ROUTE, "ferry.yaml:1:1: error: auth is empty\n"
                            "    auth:\n"
                            "    ^~~~\n"
                            "    hint: auth: none\n"},
        {"auth: {}\n" A_ROUTE, "ferry.yaml:1:7: error: auth does not say who may enter\n"
                               "    auth: {}\n"
                               "          ^~\n"
                               "    hint: auth: {bearer_file: PATH}, {basic_file: PATH}, "
                               "{client_cert: SUBJECT}, or none\n"},
        {"auth: {forward_credentials: true}\n" A_ROUTE,
         "ferry.yaml:1:7: error: auth does not say who may enter\n"
         "    auth: {forward_credentials: true}\n"
         "          ^~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
         "    hint: auth: {bearer_file: PATH}, {basic_file: PATH}, {client_cert: SUBJECT}, or "
         "none\n"},
        {"auth: {bearer_file: }\n" A_ROUTE,
         "ferry.yaml:1:7: error: auth does not say who may enter\n"
         "    auth: {bearer_file: }\n"
         "          ^~~~~~~~~~~~~~~\n"
         "    hint: auth: {bearer_file: PATH}, {basic_file: PATH}, {client_cert: SUBJECT}, or "
         "none\n"},
        {"auth: nobody\n" A_ROUTE, "ferry.yaml:1:7: error: auth must be a map, not a single value\n"
                                   "    auth: nobody\n"
                                   "          ^~~~~~\n"
                                   "    hint: {KEY: VALUE, ...}, with the keys bearer_file, "
                                   "basic_file, client_cert, forward_credentials\n"},
        {"auth: {bearer: tokens}\n" A_ROUTE,
         "ferry.yaml:1:7: error: auth does not say who may enter\n"
         "    auth: {bearer: tokens}\n"
         "          ^~~~~~~~~~~~~~~~\n"
         "    hint: auth: {bearer_file: PATH}, {basic_file: PATH}, {client_cert: SUBJECT}, or "
         "none\n"
         "ferry.yaml:1:8: error: unknown key \"bearer\" in auth\n"
         "    auth: {bearer: tokens}\n"
         "           ^~~~~~\n"
         "    hint: did you mean \"bearer_file\"?\n"},
        {"auth: {bearer_file: tokens, forward_credentials: maybe}\n" A_ROUTE,
         "ferry.yaml:1:50: error: forward_credentials: \"maybe\" is neither true nor false\n"
         "    auth: {bearer_file: tokens, forward_credentials: maybe}\n"
         "                                                     ^~~~~\n"},
        {"auth: none\n" A_ROUTE, ""},
        {"routes: {/: {worker: echo, auth: }}\n", "ferry.yaml:1:28: error: auth is empty\n"
                                                  "    routes: {/: {worker: echo, auth: }}\n"
                                                  "                               ^~~~\n"
                                                  "    hint: auth: none\n"},
        {"routes: {/: {worker: echo, auth: {}}}\n",
         "ferry.yaml:1:34: error: routes./.auth does not say who may enter\n"
         "    routes: {/: {worker: echo, auth: {}}}\n"
         "                                     ^~\n"
         "    hint: auth: {bearer_file: PATH}, {basic_file: PATH}, {client_cert: SUBJECT}, or "
         "none\n"});
}

static void test_subjects(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, "auth: {client_cert: \"CN=ann,O=Example\"}\n"
                       "routes:\n"
                       "  /a: {worker: echo}\n"
                       "  /b: {worker: echo, auth: {client_cert: [CN=a, CN=b]}}\n");
    const struct config_route *routes = loaded.config->routes;
    assert_string_equal(routes[0].auth->subjects[0], "CN=ann,O=Example");
    assert_null(routes[0].auth->subjects[1]);
    assert_string_equal(routes[1].auth->subjects[1], "CN=b");
    assert_null(routes[1].auth->subjects[2]);
    assert_false(routes[0].auth->has_bearer || routes[0].auth->has_basic);
    unload(&loaded);
    CHECK_REPORTS(
        {"auth: {client_cert: ann}\n" A_ROUTE,
         "ferry.yaml:1:21: error: \"ann\" is no subject of a certificate\n"
         "    auth: {client_cert: ann}\n"
         "                        ^~~\n"
         "    hint: \"CN=ann,O=Example\", as openssl x509 -noout -subject -nameopt RFC2253 "
         "shows it\n"},
        {"auth: {client_cert: []}\n" A_ROUTE,
         "ferry.yaml:1:21: error: client_cert is empty: it would let nobody in\n"
         "    auth: {client_cert: []}\n"
         "                        ^~\n"});
}

static void test_subjects_that_nobody_asks_for_are_a_warning(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"auth: {client_cert: CN=ann, bearer_file: tokens}\n" A_ROUTE,
         "ferry.yaml:1:8: warning: client_cert lets nobody in: no listener asks for certificates\n"
         "    auth: {client_cert: CN=ann, bearer_file: tokens}\n"
         "           ^~~~~~~~~~~\n"
         "    hint: listen: {address: ..., tls: {cert: ..., key: ..., client_ca: PATH}}\n"});
}

static void test_an_open_file_is_a_warning(void **state)
{
    (void)state;
    assert_int_equal(chmod("tokens", 0644), 0);
    CHECK_REPORTS({"auth: {bearer_file: tokens}\n" A_ROUTE,
                   "ferry.yaml:1:21: warning: bearer_file \"tokens\" is open to every user\n"
                   "    auth: {bearer_file: tokens}\n"
                   "                        ^~~~~~\n"
                   "    hint: chmod 600 tokens\n"});
    assert_int_equal(chmod("tokens", 0600), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_files_hold),
        cmocka_unit_test(test_files_that_are_wrong),
        cmocka_unit_test(test_sections_that_let_nobody_in),
        cmocka_unit_test(test_subjects),
        cmocka_unit_test(test_subjects_that_nobody_asks_for_are_a_warning),
        cmocka_unit_test(test_an_open_file_is_a_warning),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
