/* What a caller asks of sms. */
#include "sms_fixture.h"

#include <stdlib.h>

#include "sms_request.h"

static int parse(struct sms_request *request, const struct sms_fixture *f, const char *body,
                 ferry_error *error)
{
    return sms_request_parse(request, f->gateway, body, strlen(body), error);
}

static void test_numbers_and_text(void **state)
{
    (void)state;
    struct sms_fixture f;
    struct sms_request request;
    ferry_error error = {0};
    SMS_FIXTURE(&f, SMS_URL);
    assert_int_equal(parse(&request, &f, "{\"to\": \"+4915112345678\", \"text\": \"\"}", &error),
                     0);
    assert_false(request.is_list);
    assert_int_equal(request.count, 1);
    assert_string_equal(request.numbers[0], "+4915112345678");
    assert_string_equal(request.text, "");
    sms_request_fini(&request);

    assert_int_equal(parse(&request, &f,
                           "{\"to\": [\"+4915112345678\", \"+1202555010\", \"+4915112345678\"],"
                           " \"text\": \"t\", \"more\": {\"is\": [\"fine\"]}}",
                           &error),
                     0);
    assert_true(request.is_list);
    assert_int_equal(request.count, 2); /* nobody gets it twice */
    assert_string_equal(request.numbers[1], "+1202555010");
    sms_request_fini(&request);
    sms_fixture_close(&f);
}

static void test_numbers_match_as_a_whole(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",          "+0123456789",  "4915112345678",  "+49 151 1234567", "+49151123456789012",
        "+49151123", " +4915112345", "+4915112345\\n", "+4915112345x",    "+4915112345+4915112345",
    };
    struct sms_fixture f;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "numbers", {"\\+[1-9][0-9]{9,11}|"}});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sms_request request;
        ferry_error error = {0};
        char *body = text_printf("{\"to\": \"%s\", \"text\": \"t\"}", cases[i]);
        int rc = parse(&request, &f, body, &error);
        if (rc != (*cases[i] ? FERRY_INVALID : 0)) /* the expression allows for none */
            fail_msg("%s: %d", cases[i], rc);
        sms_request_fini(&request);
        free(body);
    }
    sms_fixture_close(&f);
}

static void test_length_is_in_characters(void **state)
{
    (void)state;
    struct sms_fixture f;
    struct sms_request request;
    ferry_error error = {0};
    SMS_FIXTURE(&f, SMS_URL, {NULL, "max_length", {"2"}});
    assert_int_equal(parse(&request, &f,
                           "{\"to\": \"+4915112345678\", \"text\": \"\xC3\xA4\xF0\x9F\x98\x80\"}",
                           &error),
                     0);
    sms_request_fini(&request);
    assert_int_equal(parse(&request, &f, "{\"to\": \"+4915112345678\", \"text\": \"abc\"}", &error),
                     FERRY_INVALID);
    assert_string_equal(error.message, "text: 3 characters, at most 2");
    sms_request_fini(&request);
    sms_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_and_text),
        cmocka_unit_test(test_numbers_match_as_a_whole),
        cmocka_unit_test(test_length_is_in_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
