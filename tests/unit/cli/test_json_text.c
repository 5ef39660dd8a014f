/* JSON as text: values found, items walked, and laid out with every number as it was. */
#include "json_text.h"

#include <string.h>

#include "support.h"

static struct json_span span(const char *text)
{
    return (struct json_span){text, strlen(text)};
}

static void check_find(const char *object, const char *key, const char *expected)
{
    struct json_span value;
    bool found = json_find(span(object), key, &value);
    assert_int_equal(found, expected != NULL);
    if (found) {
        assert_int_equal(value.length, strlen(expected));
        assert_memory_equal(value.data, expected, value.length);
    }
}

static void check_indent(const char *text, const char *expected)
{
    struct bytes out = {0};
    json_indent(&out, span(text));
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
}

static void test_a_member_is_found(void **state)
{
    (void)state;
    check_find("{\"a\":1,\"b\":2}", "a", "1");
    check_find(" { \"a\" : {\"b\": [1, \"}\"]} , \"b\" : \"x\\\"y\" } ", "b", "\"x\\\"y\"");
    check_find("{\"a\":{\"b\":1}}", "a", "{\"b\":1}");
    check_find("{\"big\":123456789012345678901234567890}", "big", "123456789012345678901234567890");
    check_find("{\"a\":null}", "a", "null");
}

static void test_a_member_of_a_member_is_not(void **state)
{
    (void)state;
    check_find("{\"a\":{\"b\":1}}", "b", NULL);
    check_find("{\"a\":\"b\"}", "b", NULL);
    check_find("{}", "a", NULL);
    check_find("", "a", NULL);
}

static void test_what_is_no_json_does_no_harm(void **state)
{
    (void)state;
    static const char whole[] = "{\"a\":[1,{\"b\":\"x\\\\\"}],\"c\":-1.5e3,\"d\":true}";
    for (size_t length = 0; length < sizeof whole; length++) {
        char cut[sizeof whole];
        struct json_span value, item;
        memcpy(cut, whole, length);
        struct json_span text = {cut, length};
        struct bytes out = {0};
        json_find(text, "d", &value);
        json_indent(&out, text);
        bytes_fini(&out);
        while (json_next(&text, &item))
            ;
    }
    check_find("]}:,\"", "a", NULL);
    check_find("{\"a\" 1}", "a", NULL);
}

static void test_an_array_is_walked(void **state)
{
    (void)state;
    struct json_span array = span("[ {\"a\":[1,2]} , \"x,]\",3 ]"), item;
    static const char *const items[] = {"{\"a\":[1,2]}", "\"x,]\"", "3"};
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        assert_true(json_next(&array, &item));
        assert_int_equal(item.length, strlen(items[i]));
        assert_memory_equal(item.data, items[i], item.length);
    }
    assert_false(json_next(&array, &item));
    array = span("[]");
    assert_false(json_next(&array, &item));
}

static void test_it_is_laid_out_with_every_number_as_it_was(void **state)
{
    (void)state;
    check_indent("{\"a\":0.10,\"b\":[1,12345678901234567890],\"c\":{},\"d\":[ ]}",
                 "{\n"
                 "  \"a\": 0.10,\n"
                 "  \"b\": [\n"
                 "    1,\n"
                 "    12345678901234567890\n"
                 "  ],\n"
                 "  \"c\": {},\n"
                 "  \"d\": []\n"
                 "}");
    check_indent("\"a: {,\"", "\"a: {,\"");
    check_indent(" 7 ", "7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_member_is_found),
        cmocka_unit_test(test_a_member_of_a_member_is_not),
        cmocka_unit_test(test_what_is_no_json_does_no_harm),
        cmocka_unit_test(test_an_array_is_walked),
        cmocka_unit_test(test_it_is_laid_out_with_every_number_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
