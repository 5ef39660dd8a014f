/* Templates: names, paths, escaping, and what is wrong with a template or its data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "template.h"

enum { RESULT_MAX = 100 };

static const char data_text[] = "{\"name\": \"Ann\", \"n\": 3, \"price\": 0.1, \"yes\": true,"
                                " \"nothing\": null, \"html\": \"<b a='1'>&\\\"\","
                                " \"tag\": \"{{name}}\", \"empty\": \"\", \"a-b_c\": \"dash\","
                                " \"user\": {\"name\": \"Ott\", \"at\": {\"city\": \"Bonn\"}},"
                                " \"items\": [\"one\", {\"name\": \"two\"}]}";

static int render(const char *text, template_escape *escape, struct bytes *out, ferry_error *error)
{
    const struct template_options options = {
        .what = "t.txt", .escape = escape, .max_bytes = RESULT_MAX};
    json_t *data = json_loads(data_text, 0, NULL);
    assert_non_null(data);
    int rc = template_render(out, text, strlen(text), data, &options, error);
    json_decref(data);
    return rc;
}

static void assert_rendered(const char *text, template_escape *escape, const char *expected)
{
    struct bytes out = {0};
    ferry_error error = {0};
    if (render(text, escape, &out, &error) < 0)
        fail_msg("%s: %s", text, error.message);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
}

static void assert_refused(const char *text, ferry_code code, const char *part)
{
    struct bytes out = {0};
    ferry_error error = {0};
    assert_int_equal(render(text, NULL, &out, &error), code);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" has no \"%s\"", error.message, part);
    bytes_fini(&out);
}

static void test_names_stand_for_values(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"no names {here}, } nor }} there", "no names {here}, } nor }} there"},
        {"Dear {{name}},", "Dear Ann,"},
        {"{{name}}{{ name }}{{name}}", "AnnAnnAnn"},
        {"{{n}} at {{price}}: {{yes}}", "3 at 0.1: true"},
        {"[{{empty}}]{{a-b_c}}", "[]dash"},
        {"{{user.name}} in {{user.at.city}}", "Ott in Bonn"},
        {"{{items.0}}, {{items.1.name}}", "one, two"},
        {"{{html}} {{{html}}}", "<b a='1'>&\" <b a='1'>&\""},
        {"{{tag}}", "{{name}}"}, /* a value is no template */
        {"{ {{name}} }", "{ Ann }"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_rendered(cases[i].text, NULL, cases[i].expected);
}

static void test_values_are_escaped_but_in_three_braces(void **state)
{
    (void)state;
    assert_rendered("<p>{{html}}</p>", template_escape_html,
                    "<p>&lt;b a=&#39;1&#39;&gt;&amp;&quot;</p>");
    assert_rendered("<p>{{{html}}}</p>", template_escape_html, "<p><b a='1'>&\"</p>");
    assert_rendered("{{name}} & {{n}}", template_escape_html, "Ann & 3");
}

static void test_what_is_wrong_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"{{nam}}", "template t.txt, line 1: the data has no nam"},
        {"a\nb\n{{user.nam}}", "line 3: the data has no user.nam"},
        {"{{name.first}}", "has no name.first"},
        {"{{items.2}}", "has no items.2"},
        {"{{items.x}}", "has no items.x"},
        {"{{.}}", "has no ."},
        {"{{user.}}", "has no user."},
        {"{{user}}", "neither a string, a number nor a boolean: user"},
        {"{{items}}", "neither a string, a number nor a boolean: items"},
        {"{{nothing}}", "neither a string, a number nor a boolean: nothing"},
        {"\n{{name", "line 2: {{ without }}"},
        {"{{name}", "{{ without }}"},
        {"{{{name}}", "{{{ without }}}"},
        {"{{", "{{ without }}"},
        {"{{}}", "between braces belongs a name"},
        {"{{first name}}", "not: first name"},
        {"{{#each items}}", "not: #each items"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].text, FERRY_INVALID, cases[i].part);
}

static void test_without_data_there_is_no_name(void **state)
{
    (void)state;
    const struct template_options options = {.what = "t", .max_bytes = RESULT_MAX};
    struct bytes out = {0};
    ferry_error error = {0};
    assert_int_equal(template_render(&out, "{{name}}", 8, NULL, &options, &error), FERRY_INVALID);
    bytes_fini(&out);
}

static void test_the_result_is_bounded(void **state)
{
    (void)state;
    char text[RESULT_MAX + 2];
    memset(text, 'x', sizeof text);
    text[RESULT_MAX] = '\0';
    assert_rendered(text, NULL, text);
    text[RESULT_MAX] = 'x';
    text[RESULT_MAX + 1] = '\0';
    assert_refused(text, FERRY_TOO_LARGE, "longer than");
    memcpy(text + RESULT_MAX - 8, "{{html}}", 9); /* a value of 12 bytes */
    assert_refused(text, FERRY_TOO_LARGE, "longer than");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_stand_for_values),
        cmocka_unit_test(test_values_are_escaped_but_in_three_braces),
        cmocka_unit_test(test_what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(test_without_data_there_is_no_name),
        cmocka_unit_test(test_the_result_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
