/* Syntax errors, and the parts of YAML that are not taken. */
#include "config/load.h"

/* The parser notices at the end; the report points at the bracket. */
static void test_bracket_left_open(void **state)
{
    (void)state;
    CHECK_REPORTS({"limits: [1, 2\n", "ferry.yaml:1:9: error: a bracket that is not closed\n"
                                      "    limits: [1, 2\n"
                                      "            ^\n"},
                  {"limits: {connections: 1\n",
                   "ferry.yaml:1:9: error: a bracket that is not closed\n"
                   "    limits: {connections: 1\n"
                   "            ^\n"});
}

static void test_indentation(void **state)
{
    (void)state;
    CHECK_REPORTS({"drain: 1s\n"
                   "  state: x\n",
                   "ferry.yaml:1:8: error: invalid multiline plain key\n"
                   "    drain: 1s\n"
                   "           ^~\n"
                   "    hint: the next line is indented as if it belonged to this one\n"},
                  {"limits:\n"
                   "  connections: 5\n"
                   "\tidle_timeout: 5s\n",
                   "ferry.yaml:3:2: error: invalid tab used as indentation\n"
                   "    \tidle_timeout: 5s\n"
                   "    \t^\n"
                   "    hint: line 3 is indented with a tab; use spaces\n"});
}

static void test_quotes(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"drain: \"1s\n", "ferry.yaml:1:9: error: double-quoted scalar without closing quote\n"
                          "    drain: \"1s\n"
                          "            ^~\n"},
        {"state: @x\n", "ferry.yaml:1:8: error: plain scalar cannot start with '@'\n"
                        "    state: @x\n"
                        "           ^\n"
                        "    hint: put the value in quotes\n"},
        {"listen: [::1]:8002\n", "ferry.yaml:1:14: error: invalid value after mapping\n"
                                 "    listen: [::1]:8002\n"
                                 "                 ^~~~~\n"
                                 "    hint: a value that begins with a bracket needs quotes\n"});
}

/* Each is reported, and does not hide other errors. */
static void test_duplicate_keys(void **state)
{
    (void)state;
    CHECK_REPORTS({"drain: 1s\n"
                   "drain: 2s\n" A_ROUTE,
                   "ferry.yaml:2:1: error: duplicate key \"drain\"\n"
                   "    drain: 2s\n"
                   "    ^~~~~\n"
                   "    hint: it is on line 1 already\n"},
                  {"pools:\n"
                   "  a: {threads: 1, threads: 2}\n"
                   "  a: {thread: 1}\n" A_ROUTE,
                   "ferry.yaml:2:19: error: duplicate key \"threads\"\n"
                   "      a: {threads: 1, threads: 2}\n"
                   "                      ^~~~~~~\n"
                   "    hint: it is on line 2 already\n"
                   "ferry.yaml:3:3: error: duplicate key \"a\"\n"
                   "      a: {thread: 1}\n"
                   "      ^\n"
                   "    hint: it is on line 2 already\n"
                   "ferry.yaml:3:7: error: unknown key \"thread\" in pools.a\n"
                   "      a: {thread: 1}\n"
                   "          ^~~~~~\n"
                   "    hint: did you mean \"threads\"?\n"});
}

static void test_parts_not_taken(void **state)
{
    (void)state;
    CHECK_REPORTS({"drain: &a 1s\n",
                   "ferry.yaml:1:11: error: anchors and aliases are not taken\n"
                   "    drain: &a 1s\n"
                   "              ^~\n"
                   "    hint: a value that begins with \"*\" or \"&\" needs quotes\n"},
                  {"limits: {header_timeout: *a}\n",
                   "ferry.yaml:1:27: error: anchors and aliases are not taken\n"
                   "    limits: {header_timeout: *a}\n"
                   "                              ^\n"
                   "    hint: a value that begins with \"*\" or \"&\" needs quotes\n"},
                  {"drain: !!str 1s\n", "ferry.yaml:1:14: error: tags are not taken\n"
                                        "    drain: !!str 1s\n"
                                        "                 ^~\n"
                                        "    hint: a value that begins with \"!\" needs "
                                        "quotes\n"},
                  {"? [a, b]\n"
                   ": c\n",
                   "ferry.yaml:1:3: error: a key must be a single word\n"
                   "    ? [a, b]\n"
                   "      ^\n"
                   "    hint: a value that begins with a bracket needs quotes\n"},
                  {": c\n", "ferry.yaml:1:1: error: a key is missing\n"
                            "    : c\n"
                            "    ^\n"},
                  {"drain: 1s\n"
                   "---\n"
                   "state: x\n",
                   "ferry.yaml:2:1: error: a second document\n"
                   "    ---\n"
                   "    ^~~\n"},
                  {"drain: \"a\\0b\"\n", "ferry.yaml:1:8: error: a NUL byte is not allowed\n"
                                         "    drain: \"a\\0b\"\n"
                                         "           ^~~~~~\n"});
}

static void test_what_a_slip_was_to_be_is_told(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {"drain: 1s\nstate:x\n", "ferry.yaml:2:1: error: invalid value after mapping\n"
                                 "    state:x\n"
                                 "    ^~~~~~~\n"
                                 "    hint: KEY: VALUE, with a blank behind the colon\n"},
        {"listen:\n"
         "  - :8002\n"
         "  -:8003\n",
         "ferry.yaml:3:3: error: invalid scalar at the end of block sequence\n"
         "      -:8003\n"
         "      ^~~~~~\n"
         "    hint: a blank follows the \"-\" of a list\n"},
        {"schedules: [{cron: * * * * *}]\n",
         "ferry.yaml:1:21: error: invalid alias detected\n"
         "    schedules: [{cron: * * * * *}]\n"
         "                        ^\n"
         "    hint: a value that begins with \"*\" needs quotes\n"},
        {"state: a: b\n", "ferry.yaml:1:9: error: invalid nested block mapping on the same line\n"
                          "    state: a: b\n"
                          "            ^\n"
                          "    hint: a value with \": \" in it needs quotes\n"},
        {"state: 'it's'\n",
         "ferry.yaml:1:12: error: invalid trailing content after single-quoted scalar\n"
         "    state: 'it's'\n"
         "               ^\n"
         "    hint: in single quotes, '' stands for one\n"},
        {"state: \"\\d\"\n", "ferry.yaml:1:9: error: invalid escape 'd' in double-quoted string\n"
                             "    state: \"\\d\"\n"
                             "            ^~\n"
                             "    hint: in single quotes a backslash stands for itself\n"});
}

static void test_nested_too_deeply(void **state)
{
    (void)state;
    CHECK_REPORTS({"[[[[[[[[[[[[[[[[[\n", "ferry.yaml:1:17: error: nested too deeply\n"
                                          "    [[[[[[[[[[[[[[[[[\n"
                                          "                    ^\n"});
}

static void test_root_is_no_map(void **state)
{
    (void)state;
    CHECK_REPORTS({"- a\n"
                   "- b\n",
                   "ferry.yaml:1:1: error: the config must be a map, not a list\n"
                   "    - a\n"
                   "    ^~~\n"
                   "    hint: lines of the form KEY: VALUE\n"},
                  {"hello\n",
                   "ferry.yaml:1:1: error: the config must be a map, not a single value\n"
                   "    hello\n"
                   "    ^~~~~\n"
                   "    hint: lines of the form KEY: VALUE\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bracket_left_open),
        cmocka_unit_test(test_indentation),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_duplicate_keys),
        cmocka_unit_test(test_parts_not_taken),
        cmocka_unit_test(test_what_a_slip_was_to_be_is_told),
        cmocka_unit_test(test_nested_too_deeply),
        cmocka_unit_test(test_root_is_no_map),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
