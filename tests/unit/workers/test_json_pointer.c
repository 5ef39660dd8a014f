/* JSON pointers by the examples of RFC 6901. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "json_pointer.h"

static const char document[] = "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2,"
                               " \"e^f\": 3, \"i\\\\j\": 5, \" \": 7, \"m~n\": 8, \"~1\": 9,"
                               " \"big\": 9007199254740993, \"deep\": {\"x\": [{\"y\": null}]}}";

static void test_what_pointers_point_to(void **state)
{
    (void)state;
    static const struct {
        const char *pointer, *value; /* as text; NULL: nothing */
    } cases[] = {
        {"/foo", "[\"bar\",\"baz\"]"},
        {"/foo/0", "bar"},
        {"/foo/1", "baz"},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/e^f", "3"},
        {"/i\\j", "5"},
        {"/ ", "7"},
        {"/m~0n", "8"},
        {"/~01", "9"},
        {"/big", "9007199254740993"},
        {"/deep/x/0/y", "null"},
        {"/deep/x/0/z", NULL},
        {"/foo/2", NULL},
        {"/foo/01", NULL},
        {"/foo/1x", NULL},
        {"/foo/-", NULL},
        {"/foo/", NULL},
        {"/foo/0/1", NULL},
        {"/foo/99999999999999999999", NULL},
        {"/none", NULL},
    };
    json_t *root = json_loads(document, 0, NULL);
    assert_non_null(root);
    assert_ptr_equal(json_pointer_get(root, ""), root);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes text = {0};
        json_t *value = json_pointer_get(root, cases[i].pointer);
        assert_true(json_pointer_is_valid(cases[i].pointer));
        bytes_append_json_value(&text, value);
        if ((value == NULL) != (cases[i].value == NULL))
            fail_msg("%s", cases[i].pointer);
        assert_string_equal(bytes_text(&text), cases[i].value ? cases[i].value : "");
        bytes_fini(&text);
    }
    json_decref(root);
}

static void test_what_is_no_pointer(void **state)
{
    (void)state;
    assert_false(json_pointer_is_valid("foo"));
    assert_false(json_pointer_is_valid("#/foo"));
    assert_false(json_pointer_is_valid("/a~b"));
    assert_false(json_pointer_is_valid("/a~"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_pointers_point_to),
        cmocka_unit_test(test_what_is_no_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
