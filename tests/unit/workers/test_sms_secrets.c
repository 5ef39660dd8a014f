/* Secrets: a file's, the environment's, and what a file must look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "sms_secrets.h"

static void test_the_file_comes_before_the_environment(void **state)
{
    (void)state;
    struct sms_secrets secrets = {0};
    const char *path = getenv("PATH");
    assert_non_null(path);
    assert_int_equal(
        sms_secrets_parse(&secrets, "# comment\n\nA=1\r\nAB=two=2 \nEMPTY=\nLAST=x", NULL), 0);
    assert_string_equal(sms_secrets_find(&secrets, "A"), "1");
    assert_string_equal(sms_secrets_find(&secrets, "AB"), "two=2 ");
    assert_string_equal(sms_secrets_find(&secrets, "EMPTY"), "");
    assert_string_equal(sms_secrets_find(&secrets, "LAST"), "x");
    assert_string_equal(sms_secrets_find(&secrets, "PATH"), path);
    assert_null(sms_secrets_find(&secrets, "NO_SUCH_SECRET_ANYWHERE"));
    sms_secrets_fini(&secrets);

    assert_int_equal(sms_secrets_parse(&secrets, "PATH=mine\n", NULL), 0);
    assert_string_equal(sms_secrets_find(&secrets, "PATH"), "mine");
    sms_secrets_fini(&secrets);
}

static void test_a_wrong_line_is_named_and_not_shown(void **state)
{
    (void)state;
    static const char *const texts[] = {"A=1\nsecret-value\n", "A=1\n=secret-value\n"};
    for (size_t i = 0; i < 2; i++) {
        struct sms_secrets secrets = {0};
        ferry_error error = {0};
        assert_int_equal(sms_secrets_parse(&secrets, texts[i], &error), FERRY_INVALID);
        assert_string_equal(error.message, "line 2 is not of the form NAME=VALUE");
        sms_secrets_fini(&secrets);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file_comes_before_the_environment),
        cmocka_unit_test(test_a_wrong_line_is_named_and_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
