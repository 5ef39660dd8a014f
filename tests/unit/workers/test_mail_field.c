/* Header fields of the caller's own: what may be set, and what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail_field.h"

static void test_fields_are_taken_in_their_order(void **state)
{
    (void)state;
    struct mail_field fields[MAIL_FIELDS_MAX];
    ferry_error error = {0};
    size_t count;
    json_t *object = json_loads("{\"X-Campaign\": \"spring\", \"In-Reply-To\": \"<a@b>\","
                                " \"Auto-Submitted\": \"\"}",
                                0, NULL);
    assert_int_equal(mail_fields_parse(fields, &count, object, &error), 0);
    assert_int_equal(count, 3);
    assert_string_equal(fields[0].name, "X-Campaign");
    assert_string_equal(fields[0].value, "spring");
    assert_string_equal(fields[1].name, "In-Reply-To");
    assert_string_equal(fields[2].value, "");
    json_decref(object);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"[]", "must be an object"},
        {"{\"X-A\": 1}", "X-A: must be a string"},
        {"{\"X-A\": \"a\\r\\nBcc: x@y\"}", "X-A: must be a string without line breaks"},
        {"{\"X-A\": \"a\\n\"}", "X-A: must be"},
        {"{\"\": \"a\"}", "a name has"},
        {"{\"X A\": \"a\"}", "a name has"},
        {"{\"X-A:\": \"a\"}", "a name has"},
        {"{\"X-A\\r\\nBcc\": \"a\"}", "a name has"},
        {"{\"X-\xC3\xA4\": \"a\"}", "a name has"},
        {"{\"from\": \"a@b\"}", "from cannot be set"},
        {"{\"BCC\": \"a@b\"}", "BCC cannot be set"},
        {"{\"Subject\": \"a\"}", "Subject cannot be set"},
        {"{\"Reply-To\": \"a@b\"}", "see reply_to"},
        {"{\"Message-Id\": \"<a@b>\"}", "cannot be set"},
        {"{\"content-type\": \"text/html\"}", "cannot be set"},
        {"{\"Content-Anything\": \"x\"}", "cannot be set"},
        {"{\"Resent-To\": \"a@b\"}", "cannot be set"},
        {"{\"MIME-Version\": \"2.0\"}", "cannot be set"},
        {"{\"Sender\": \"a@b\"}", "cannot be set"},
        {"{\"Delivered-To\": \"a@b\"}", "cannot be set"}, /* a loop, to who delivers to it */
        {"{\"authentication-results\": \"b; spf=pass\"}", "cannot be set"},
        {"{\"Received-SPF\": \"pass\"}", "cannot be set"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mail_field fields[MAIL_FIELDS_MAX];
        ferry_error error = {0};
        size_t count;
        json_t *object = json_loads(cases[i].text, 0, NULL);
        assert_int_equal(mail_fields_parse(fields, &count, object, &error), FERRY_INVALID);
        if (!strstr(error.message, cases[i].part))
            fail_msg("\"%s\" has no \"%s\"", error.message, cases[i].part);
        json_decref(object);
    }
}

static void test_number_and_length_are_bounded(void **state)
{
    (void)state;
    struct mail_field fields[MAIL_FIELDS_MAX];
    ferry_error error = {0};
    size_t count;
    char name[16], value[902];
    json_t *object = json_object();
    for (int i = 0; i < MAIL_FIELDS_MAX; i++) {
        snprintf(name, sizeof name, "X-%d", i);
        json_object_set_new(object, name, json_string("v"));
    }
    assert_int_equal(mail_fields_parse(fields, &count, object, &error), 0);
    json_object_set_new(object, "X-More", json_string("v"));
    assert_int_equal(mail_fields_parse(fields, &count, object, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "more than 30 headers"));
    json_decref(object);

    memset(value, 'x', 901);
    value[901] = '\0';
    object = json_pack("{ss}", "X-Long", value);
    assert_int_equal(mail_fields_parse(fields, &count, object, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "X-Long: more than 900 bytes"));
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_taken_in_their_order),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_number_and_length_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
