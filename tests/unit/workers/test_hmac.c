/* HMAC by the examples of RFC 4231 and RFC 2202, Base64 by those of RFC 4648. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hmac.h"

static void check_hmac(enum hmac_hash hash, const char *key, const char *data, const char *expected)
{
    unsigned char signature[HMAC_SIZE_MAX];
    struct bytes hex = {0};
    size_t size = hmac_sign(hash, key, strlen(key), data, strlen(data), signature);
    bytes_append_hex(&hex, signature, size);
    assert_string_equal(bytes_text(&hex), expected);
    bytes_fini(&hex);
}

static void test_signatures(void **state)
{
    (void)state;
    const char *data = "what do ya want for nothing?";
    check_hmac(HMAC_HASH_SHA256, "Jefe", data,
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    check_hmac(HMAC_HASH_SHA1, "Jefe", data, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

static void test_base64_there_and_back(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xFF\xBE", "+/++"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes out = {0}, back = {0};
        const char *text = cases[i][1];
        bytes_append_base64(&out, cases[i][0], strlen(cases[i][0]));
        assert_string_equal(bytes_text(&out), text);
        assert_true(bytes_append_unbase64(&back, text, strlen(text)));
        assert_string_equal(bytes_text(&back), cases[i][0]);
        bytes_clear(&back);
        assert_true(bytes_append_unbase64(&back, text, strcspn(text, "=")));
        assert_string_equal(bytes_text(&back), cases[i][0]);
        bytes_fini(&out);
        bytes_fini(&back);
    }
}

static void test_what_is_not_base64(void **state)
{
    (void)state;
    static const char *const cases[] = {"Z", "Zm9vZ", "Zm 9", "Zm-_", "Z=g=", "\n"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes out = {0};
        assert_false(bytes_append_unbase64(&out, cases[i], strlen(cases[i])));
        bytes_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_base64_there_and_back),
        cmocka_unit_test(test_what_is_not_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
