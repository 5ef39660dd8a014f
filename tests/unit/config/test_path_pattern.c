/* Which paths are well formed, and which are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well_formed), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_bounds),      cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
