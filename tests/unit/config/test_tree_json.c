/* Parts of the config as JSON. */
#include "config/load.h"

#include "diagnostics.h"
#include "yaml.h"

static void check_json(const char *yaml, const char *json)
{
    struct diagnostics diagnostics = {0};
    struct tree *tree = NULL;
    struct bytes out = {0};
    const struct source *source =
        diagnostics_add_source(&diagnostics, "text", yaml, strlen(yaml), false);
    assert_int_equal(yaml_parse(source, &diagnostics, &tree), 0);
    tree_append_json(tree, &out);
    assert_string_equal(bytes_text(&out), json);
    bytes_fini(&out);
    tree_free(tree);
    diagnostics_fini(&diagnostics);
}

static void test_kinds(void **state)
{
    (void)state;
    check_json("{}", "{}");
    check_json("[]", "[]");
    check_json(
        "{to: a@example.org, subject: Hello there, list: [1, [x, y], {}]}",
        "{\"to\":\"a@example.org\",\"subject\":\"Hello there\",\"list\":[1,[\"x\",\"y\"],{}]}");
    check_json("a:\n  b:\n    - c\n    - d: 1\n", "{\"a\":{\"b\":[\"c\",{\"d\":1}]}}");
    check_json("{\"a\\\"b\": \"c\\n\\u00e9\"}", "{\"a\\\"b\":\"c\\n\xC3\xA9\"}");
    check_json("text: |\n  one\n  two\n", "{\"text\":\"one\\ntwo\\n\"}");
    check_json("{a: null, b: ~, c: }", "{\"a\":null,\"b\":null,\"c\":null}");
    check_json("{5: x}", "{\"5\":\"x\"}");
}

static void test_what_is_a_number(void **state)
{
    (void)state;
    check_json("[0, -1, 12, 1.5, -0.25, 1e9, 2E-3, 1.5e+7]", "[0,-1,12,1.5,-0.25,1e9,2E-3,1.5e+7]");
    check_json("[007, 1., .5, +1, 0x10, 1e, 1_000, .inf, 1.2.3]",
               "[\"007\",\"1.\",\".5\",\"+1\",\"0x10\",\"1e\",\"1_000\",\".inf\",\"1.2.3\"]");
    check_json("[\"5\", '5', \"true\", 'null']", "[\"5\",\"5\",\"true\",\"null\"]");
}

static void test_what_is_true_or_false(void **state)
{
    (void)state;
    check_json("[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]");
    check_json("[yes, no, on, off, tRUE]", "[\"yes\",\"no\",\"on\",\"off\",\"tRUE\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_what_is_a_number),
        cmocka_unit_test(test_what_is_true_or_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
