/* Templates of a gateway's description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sms_template.h"

struct fixture {
    struct sms_secrets secrets;
    json_t *request;
    struct sms_values values;
};

static const struct sms_value own[] = {{"to", "+49 1"}, {"text", "a\"b\n\\&"}, {0}};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.request = json_loads("{\"to\": \"not this\", \"n\": 60, \"yes\": true,"
                                               " \"name\": \"x y\", \"none\": null, \"list\": []}",
                                               0, NULL)};
    assert_int_equal(sms_secrets_parse(&f.secrets, "KEY=k&k\n", NULL), 0);
    f.values = (struct sms_values){.own = own, .request = f.request, .secrets = &f.secrets};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    json_decref(f->request);
    sms_secrets_fini(&f->secrets);
    return 0;
}

static void check(const struct sms_values *values, enum sms_escape escape, const char *template,
                  const char *expected)
{
    struct bytes out = {0};
    ferry_error error = {0};
    if (sms_template_render(template, values, escape, &out, &error) < 0)
        fail_msg("%s: %s", template, error.message);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
}

static void test_values_go_into_their_places(void **state)
{
    struct fixture *f = *state;
    check(&f->values, SMS_ESCAPE_NONE, "", "");
    check(&f->values, SMS_ESCAPE_NONE, "no {place} }}", "no {place} }}");
    check(&f->values, SMS_ESCAPE_NONE, "{{to}}", "+49 1");
    check(&f->values, SMS_ESCAPE_NONE, "<{{name}}{{n}}{{yes}}>", "<x y60true>");
    check(&f->values, SMS_ESCAPE_NONE, "{{secret:KEY}}", "k&k");
    check(&f->values, SMS_ESCAPE_NONE, "{\"t\":\"{{json:text}}\"}", "{\"t\":\"a\\\"b\\n\\\\&\"}");
}

static void test_a_url_escapes_values_and_not_itself(void **state)
{
    struct fixture *f = *state;
    check(&f->values, SMS_ESCAPE_URL, "http://h/a b/{{secret:KEY}}?to={{to}}",
          "http://h/a b/k%26k?to=%2B49%201");
    check(&f->values, SMS_ESCAPE_URL, "{{json:text}}", "a%5C%22b%5Cn%5C%5C%26");
}

static void test_a_value_is_no_template(void **state)
{
    struct fixture *f = *state;
    static const struct sms_value sly[] = {{"text", "{{secret:KEY}}"}, {0}};
    f->values.own = sly;
    check(&f->values, SMS_ESCAPE_NONE, "{{text}}", "{{secret:KEY}}");
}

static void test_masked_secrets_need_not_be_there(void **state)
{
    struct fixture *f = *state;
    f->values.masks_secrets = true;
    check(&f->values, SMS_ESCAPE_NONE, "{{secret:KEY}} {{secret:NOT_THERE}}", "SECRET SECRET");
    assert_int_equal(sms_template_check("{{secret:NOT_THERE}}", &f->values, NULL), 0);
}

static void test_what_is_missing_is_named(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *template, *part;
        bool is_checked; /* before there is a request */
    } cases[] = {
        {"{{nobody}}", "nobody: missing", false},
        {"{{none}}", "none: missing", false},
        {"{{list}}", "list: must be a single value", false},
        {"{{secret:NOT_THERE}}", "no secret \"NOT_THERE\"", true},
        {"a {{to", "without its }}", true},
        {"{{}}", "a name of letters", true},
        {"{{ to }}", "a name of letters", true},
        {"{{secret:}}", "a name of letters", true},
        {"{{to:x}}", "a name of letters", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes out = {0};
        ferry_error error = {0};
        int rc = sms_template_render(cases[i].template, &f->values, SMS_ESCAPE_NONE, &out, &error);
        assert_int_equal(rc, FERRY_INVALID);
        assert_non_null(strstr(error.message, cases[i].part));
        rc = sms_template_check(cases[i].template, &f->values, &error);
        assert_int_equal(rc, cases[i].is_checked ? FERRY_INVALID : 0);
        bytes_fini(&out);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values_go_into_their_places), TEST(test_a_url_escapes_values_and_not_itself),
        TEST(test_a_value_is_no_template),      TEST(test_masked_secrets_need_not_be_there),
        TEST(test_what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
