/* Which paths are well formed, and which are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "path_pattern.h"

static void check_right(const char *path)
{
    ferry_error error = {0};
    if (path_pattern_check(path, &error) != 0)
        fail_msg("%s: %s", path, error.message);
}

static void check_wrong(const char *path, const char *message)
{
    ferry_error error = {0};
    assert_int_equal(path_pattern_check(path, &error), FERRY_INVALID);
    assert_string_equal(error.message, message);
}

static void test_well_formed(void **state)
{
    (void)state;
    check_right("/");
    check_right("/a");
    check_right("/a/");
    check_right("/a/{id}/b/{_x2}");
    check_right("/{all}");
    check_right("/a%20b/~x;y=1,2");
    check_right("/jobsite");
    check_right("/a/jobs");
    check_right("/livez/x");
}

static void test_malformed(void **state)
{
    (void)state;
    check_wrong("", "a path begins with \"/\"");
    check_wrong("a", "a path begins with \"/\"");
    check_wrong("{id}", "a path begins with \"/\"");
    check_wrong("//", "a path has no empty segments: \"//\"");
    check_wrong("/a//", "a path has no empty segments: \"//\"");
    check_wrong("/a{id}", "\"a{id}\": a parameter is a whole segment, such as {id}");
    check_wrong("/{id}.json", "\"{id}.json\": a parameter is a whole segment, such as {id}");
    check_wrong("/{a/b}", "\"{a\": a parameter is a whole segment, such as {id}");
    check_wrong("/{}", "\"{}\": a parameter's name is of letters, digits and \"_\"");
    check_wrong("/{a b}", "a path is of printable ASCII, without spaces, \"?\" and \"#\"");
    check_wrong("/\x7f", "a path is of printable ASCII, without spaces, \"?\" and \"#\"");
    check_wrong("/{a-b}", "\"{a-b}\": a parameter's name is of letters, digits and \"_\"");
    check_wrong("/{{a}}", "\"{{a}}\": a parameter's name is of letters, digits and \"_\"");
    check_wrong("/{id}/x/{id}", "the parameter {id} is there twice");
    check_wrong("/a%2", "a \"%\" in a path begins an escape, such as %20");
    check_wrong("/%zz", "a \"%\" in a path begins an escape, such as %20");
}

static void test_bounds(void **state)
{
    (void)state;
    static const char message[] = "a path has 32 segments at most, 16 of them parameters";
    char path[256] = "";
    for (size_t i = 0; i < 16; i++)
        snprintf(path + 4 * i, 5, "/{%c}", (char)('a' + i));
    check_right(path);
    snprintf(path + 64, 5, "/{z}");
    check_wrong(path, message);
    for (size_t i = 0; i < 32; i++)
        snprintf(path + 2 * i, 3, "/a");
    check_right(path);
    snprintf(path + 64, 2, "/");
    check_wrong(path, message);
}

static void test_reserved(void **state)
{
    (void)state;
    check_wrong("/jobs", "\"/jobs\" is a path of the server's own");
    check_wrong("/jobs/a/b", "\"/jobs/a/b\" is a path of the server's own");
    check_wrong("/readyz", "\"/readyz\" is a path of the server's own");
}

static void test_same(void **state)
{
    (void)state;
    assert_true(path_pattern_is_same("/", "/"));
    assert_true(path_pattern_is_same("/a/{x}", "/a/{y}"));
    assert_true(path_pattern_is_same("/{x}/b/{y}", "/{y}/b/{x}"));
    assert_false(path_pattern_is_same("/a", "/b"));
    assert_false(path_pattern_is_same("/a", "/a/"));
    assert_false(path_pattern_is_same("/a", "/ab"));
    assert_false(path_pattern_is_same("/a/{x}", "/a/x"));
    assert_false(path_pattern_is_same("/a/{x}", "/a/{x}/"));
    assert_false(path_pattern_is_same("/{x}", "/{x}/{y}"));
    assert_false(path_pattern_is_same("/", "/a"));
}

/* The parameters as "name=value;", "-" where the path does not match. */
static void check_match(const char *pattern, const char *path, const char *expected)
{
    struct path_param params[PATH_PARAMS_MAX];
    int count = path_pattern_match(pattern, path, strlen(path), params);
    char text[256] = "";
    for (int i = 0; i < count; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%.*s=%.*s;", (int)params[i].name_length,
                 params[i].name, (int)params[i].value_length, params[i].value);
    }
    assert_string_equal(count < 0 ? "-" : text, expected);
}

static void test_a_path_is_matched_segment_by_segment(void **state)
{
    (void)state;
    check_match("/", "/", "");
    check_match("/a/b", "/a/b", "");
    check_match("/users/{id}", "/users/42", "id=42;");
    check_match("/{a}/x/{b}", "/1/x/2%2F3", "a=1;b=2%2F3;");
    check_match("/a/", "/a/", "");
    check_match("/a", "/a/", "-");
    check_match("/a/", "/a", "-");
    check_match("/a", "/ab", "-");
    check_match("/ab", "/a", "-");
    check_match("/", "", "-");
    check_match("/users/{id}", "/users/", "-");
    check_match("/users/{id}", "/users", "-");
    check_match("/users/{id}", "/users/4/2", "-");
    check_match("/users/{id}", "users/4", "-");
}

static void test_a_match_ends_with_the_length(void **state)
{
    (void)state;
    struct path_param params[PATH_PARAMS_MAX];
    assert_int_equal(path_pattern_match("/a/{b}", "/a/1/2", 4, params), 1);
    assert_int_equal(params[0].value_length, 1);
}

static void test_the_literal_segment_goes_first(void **state)
{
    (void)state;
    assert_true(path_pattern_is_before("/users/me", "/users/{id}"));
    assert_false(path_pattern_is_before("/users/{id}", "/users/me"));
    assert_true(path_pattern_is_before("/a/{x}", "/{y}/b"));
    assert_false(path_pattern_is_before("/{y}/b", "/a/{x}"));
    assert_false(path_pattern_is_before("/a", "/a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well_formed),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_a_path_is_matched_segment_by_segment),
        cmocka_unit_test(test_a_match_ends_with_the_length),
        cmocka_unit_test(test_the_literal_segment_goes_first),
        cmocka_unit_test(test_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
