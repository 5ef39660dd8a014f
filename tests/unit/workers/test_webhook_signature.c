/* Signatures of Standard Webhooks, by the example that its libraries share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "webhook_signature.h"

static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char body[] = "{\"test\": 2432232314}";

static void check_signature(const char *secrets_text, const char *expected)
{
    struct webhook_secrets secrets;
    struct bytes out = {0};
    ferry_error error = {0};
    if (webhook_secrets_parse(&secrets, secrets_text, &error) < 0)
        fail_msg("%s", error.message);
    webhook_sign(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body, strlen(body), &out);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
    webhook_secrets_fini(&secrets);
}

static void test_the_known_example(void **state)
{
    (void)state;
    check_signature(secret, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void test_each_secret_signs(void **state)
{
    (void)state;
    char text[128] = "\n";
    strncat(text, secret, 64);
    strncat(text, "\r\n\r\n", 5);
    strncat(text, secret, 64);
    strncat(text, "\n", 2);
    check_signature(text, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
                          "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void test_a_text_is_a_secret_as_it_stands(void **state)
{
    (void)state;
    struct webhook_secrets secrets;
    assert_int_equal(webhook_secrets_parse(&secrets, "two words\nwhsec_Zm9v\n", NULL), 0);
    assert_int_equal(secrets.count, 2);
    assert_string_equal(bytes_text(&secrets.list[0]), "two words");
    assert_string_equal(bytes_text(&secrets.list[1]), "foo");
    webhook_secrets_fini(&secrets);
}

static void test_secrets_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "no secret"},
        {"\n\n", "no secret"},
        {"whsec_", "not Base64"},
        {"whsec_a b", "not Base64 (line 1)"},
        {"a\nb\nc\nd\ne\nf\ng\nh\ni", "more than 8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct webhook_secrets secrets;
        ferry_error error = {0};
        assert_int_equal(webhook_secrets_parse(&secrets, cases[i].text, &error), FERRY_INVALID);
        assert_non_null(strstr(error.message, cases[i].part));
        webhook_secrets_fini(&secrets);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_known_example),
        cmocka_unit_test(test_each_secret_signs),
        cmocka_unit_test(test_a_text_is_a_secret_as_it_stands),
        cmocka_unit_test(test_secrets_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
