/* How a report looks: carets, tabs, characters, long lines. */
#include "config/load.h"
#include "diagnostics.h"

static void check_render(const char *text, size_t offset, size_t length, const char *expected)
{
    struct diagnostics diagnostics = {0};
    struct bytes report = {0};
    const struct source *source =
        diagnostics_add_source(&diagnostics, "x", text, strlen(text), false);
    struct mark mark = {.source = source, .offset = offset, .length = length};
    diagnostics_error(&diagnostics, mark, "e");
    diagnostics_render(&diagnostics, &report);
    assert_string_equal(bytes_text(&report), expected);
    bytes_fini(&report);
    diagnostics_fini(&diagnostics);
}

static void test_caret(void **state)
{
    (void)state;
    check_render("abc: def\n", 5, 3, "x:1:6: error: e\n    abc: def\n         ^~~\n");
    check_render("abc\ndef\n", 4, 1, "x:2:1: error: e\n    def\n    ^\n");
    check_render("abc", 1, 0, "x:1:2: error: e\n    abc\n     ^\n");
}

static void test_mark_over_several_lines_ends_with_its_first(void **state)
{
    (void)state;
    check_render("ab cd\r\nef\n", 3, 6, "x:1:4: error: e\n    ab cd\n       ^~\n");
}

static void test_end_of_the_text(void **state)
{
    (void)state;
    check_render("abc", 3, 0, "x:1:4: error: e\n    abc\n       ^\n");
    check_render("abc\n", 4, 0, "x:2:1: error: e\n    \n    ^\n");
    check_render("", 0, 0, "x:1:1: error: e\n    \n    ^\n");
}

static void test_columns_are_characters(void **state)
{
    (void)state;
    check_render("\xC3\xA9: \xE2\x82\xAC\xE2\x82\xAC!", 4, 6,
                 "x:1:4: error: e\n    \xC3\xA9: \xE2\x82\xAC\xE2\x82\xAC!\n       ^~\n");
    check_render("\xFF\xFF: a", 4, 1, "x:1:5: error: e\n    ??: a\n        ^\n");
}

static void test_tabs_keep_their_width(void **state)
{
    (void)state;
    check_render("a\tb\tc", 4, 1, "x:1:5: error: e\n    a\tb\tc\n     \t \t^\n");
}

static void test_long_line_is_cut_around_the_mark(void **state)
{
    (void)state;
    char text[401], expected[512];
    memset(text, 'x', 400);
    text[400] = '\0';
    snprintf(expected, sizeof expected, "x:1:201: error: e\n    ...%.120s...\n       %40s^~\n",
             text, "");
    check_render(text, 200, 2, expected);
    snprintf(expected, sizeof expected, "x:1:1: error: e\n    %.80s...\n    ^~\n", text);
    check_render(text, 0, 2, expected);
    snprintf(expected, sizeof expected, "x:1:400: error: e\n    ...%.41s\n       %40s^\n", text,
             "");
    check_render(text, 399, 1, expected);
}

static void test_reports_are_sorted(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    struct bytes report = {0};
    const struct source *file = diagnostics_add_source(&diagnostics, "f", "a\nb", 3, false);
    const struct source *set = diagnostics_add_source(&diagnostics, "--set a=1", "1", 1, true);
    diagnostics_error(&diagnostics, (struct mark){.source = set}, "four");
    diagnostics_warning(&diagnostics, mark_whole(file), "three");
    diagnostics_hint(&diagnostics, "hint %d", 3);
    diagnostics_error(&diagnostics, (struct mark){file, 2, 1}, "two");
    diagnostics_error(&diagnostics, (struct mark){file, 0, 1}, "one");
    diagnostics_error(&diagnostics, (struct mark){file, 0, 1}, "one again");
    assert_true(diagnostics_failed(&diagnostics));
    diagnostics_render(&diagnostics, &report);
    assert_string_equal(bytes_text(&report), "f:1:1: error: one\n    a\n    ^\n"
                                             "f:1:1: error: one again\n    a\n    ^\n"
                                             "f:2:1: error: two\n    b\n    ^\n"
                                             "f: warning: three\n    hint: hint 3\n"
                                             "--set a=1: error: four\n");
    bytes_fini(&report);
    diagnostics_fini(&diagnostics);
}

static void test_warnings_are_no_failure(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    const struct source *file = diagnostics_add_source(&diagnostics, "f", "a", 1, false);
    diagnostics_warning(&diagnostics, mark_whole(file), "w");
    assert_false(diagnostics_failed(&diagnostics));
    diagnostics_fini(&diagnostics);
}

static void test_control_bytes_do_not_reach_a_terminal(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    struct bytes report = {0};
    const struct source *set = diagnostics_add_source(&diagnostics, "s\x1B[1m", "", 0, true);
    diagnostics_error(&diagnostics, mark_whole(set), "m\n\x7F\xE2\x81\xA6\xC3\xA9");
    diagnostics_hint(&diagnostics, "h\r\xC2\x9B"
                                   "1m");
    diagnostics_render(&diagnostics, &report);
    assert_string_equal(bytes_text(&report), "s?[1m: error: m???\xC3\xA9\n    hint: h??1m\n");
    bytes_fini(&report);
    diagnostics_fini(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caret),
        cmocka_unit_test(test_mark_over_several_lines_ends_with_its_first),
        cmocka_unit_test(test_end_of_the_text),
        cmocka_unit_test(test_columns_are_characters),
        cmocka_unit_test(test_tabs_keep_their_width),
        cmocka_unit_test(test_long_line_is_cut_around_the_mark),
        cmocka_unit_test(test_reports_are_sorted),
        cmocka_unit_test(test_warnings_are_no_failure),
        cmocka_unit_test(test_control_bytes_do_not_reach_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
