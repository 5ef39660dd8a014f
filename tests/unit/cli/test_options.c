/* Options: their forms, what is left, and what is wrong with them. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "support.h"

struct given {
    bool verbose;
    bool include;
    const char *config;
    unsigned limit;
    struct option_list sets;
};

enum { WORDS_MAX = 80, LEFT_SIZE = 1024 };

/* Read words separated by spaces; the arguments that are left come back the same way. */
static int read_words(struct given *given, const char *line, char *left, ferry_error *error)
{
    static char text[LEFT_SIZE];
    char *argv[WORDS_MAX + 1];
    int argc = 0;
    *given = (struct given){0};
    const struct option_def defs[] = {
        option_flag("verbose", 'v', &given->verbose), option_flag("include", 'i', &given->include),
        option_text("config", 'c', &given->config),   option_number("limit", &given->limit),
        option_list("set", 0, &given->sets),          {0},
    };
    snprintf(text, sizeof text, "ferry %s", line);
    for (char *word = text; *word;) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = word;
        word += strcspn(word, " ");
        if (*word)
            *word++ = '\0';
    }
    argv[argc] = NULL;
    int rc = options_read(defs, &argc, argv, error);
    size_t at = 0;
    *left = '\0';
    for (int i = 1; i < argc; i++)
        at += (size_t)snprintf(left + at, LEFT_SIZE - at, "%s%s", i > 1 ? " " : "", argv[i]);
    return rc;
}

static void check_left(const char *line, const char *expected)
{
    struct given given;
    char left[LEFT_SIZE];
    ferry_error error = {0};
    assert_int_equal(read_words(&given, line, left, &error), 0);
    assert_string_equal(left, expected);
}

static void check_wrong(const char *line, const char *message)
{
    struct given given;
    char left[LEFT_SIZE];
    ferry_error error = {0};
    assert_int_equal(read_words(&given, line, left, &error), FERRY_INVALID);
    assert_string_equal(error.message, message);
}

static void test_a_value_follows_or_is_attached(void **state)
{
    (void)state;
    const char *const lines[] = {"--config a=b", "--config=a=b", "-c a=b", "-ca=b", "-vca=b"};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct given given;
        char left[LEFT_SIZE];
        assert_int_equal(read_words(&given, lines[i], left, NULL), 0);
        assert_string_equal(given.config, "a=b");
        assert_string_equal(left, "");
    }
}

static void test_each_kind_is_read(void **state)
{
    (void)state;
    struct given given;
    char left[LEFT_SIZE];
    assert_int_equal(read_words(&given, "--set a=1 -vi --limit 70 --set b=2", left, NULL), 0);
    assert_true(given.verbose && given.include);
    assert_int_equal(given.limit, 70);
    assert_int_equal(given.sets.count, 2);
    assert_string_equal(given.sets.items[0], "a=1");
    assert_string_equal(given.sets.items[1], "b=2");
    assert_null(given.sets.items[2]);
}

static void test_arguments_keep_their_order(void **state)
{
    (void)state;
    check_left("one --config x two -v three", "one two three");
    check_left("- -v", "-");
    check_left("-v -- --config -x", "--config -x");
    check_left("--config -- one", "one");
}

static void test_what_is_wrong_is_told(void **state)
{
    (void)state;
    check_wrong("--cofnig x", "there is no option \"--cofnig\"; did you mean --config?");
    check_wrong("--verbos=x", "there is no option \"--verbos\"; did you mean --verbose?");
    check_wrong("--elephant", "there is no option \"--elephant\"");
    check_wrong("-vx", "there is no option \"-x\"");
    check_wrong("--config", "-c, --config needs a value");
    check_wrong("--limit", "--limit needs a value");
    check_wrong("-c", "-c, --config needs a value");
    check_wrong("--verbose=1", "--verbose takes no value");
    check_wrong("--limit ten", "--limit: \"ten\" is not a whole number above 0");
    check_wrong("--limit 0", "--limit: \"0\" is not a whole number above 0");
    check_wrong("--limit -5", "--limit: \"-5\" is not a whole number above 0");
    check_wrong("--limit=99999999999", "--limit: \"99999999999\" is not a whole number above 0");
}

static void test_what_has_one_value_is_given_once(void **state)
{
    (void)state;
    check_wrong("-c a one --config=a", "--config is given twice");
    check_wrong("--limit 2 --limit 3", "--limit is given twice");
    check_left("-v -v --set a --set a -c a --limit 2", "");
}

static void test_a_list_is_bounded(void **state)
{
    (void)state;
    struct option_list list = {0};
    const struct option_def defs[] = {option_list("set", 0, &list), {0}};
    char word[] = "--set=x";
    char *argv[OPTION_LIST_MAX + 2] = {0};
    for (size_t i = 0; i < COUNT_OF(argv); i++)
        argv[i] = word;
    int argc = OPTION_LIST_MAX + 1;
    assert_int_equal(options_read(defs, &argc, argv, NULL), 0);
    list = (struct option_list){0};
    argc = OPTION_LIST_MAX + 2;
    assert_int_equal(options_read(defs, &argc, argv, NULL), FERRY_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_follows_or_is_attached),
        cmocka_unit_test(test_each_kind_is_read),
        cmocka_unit_test(test_arguments_keep_their_order),
        cmocka_unit_test(test_what_is_wrong_is_told),
        cmocka_unit_test(test_what_has_one_value_is_given_once),
        cmocka_unit_test(test_a_list_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
