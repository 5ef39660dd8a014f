/* Digests: the ones that everybody else makes. */
#include "digest.h"

#include <string.h>

#include "bytes.h"
#include "support.h"

static void expect_hex(const unsigned char digest[DIGEST_BYTES], const char *expected)
{
    struct bytes text = {0};
    bytes_append_hex(&text, digest, DIGEST_BYTES);
    assert_string_equal(bytes_text(&text), expected);
    bytes_fini(&text);
}

static void test_a_digest_is_sha256(void **state)
{
    (void)state;
    unsigned char digest[DIGEST_BYTES];
    assert_true(digest_make("", 0, digest));
    expect_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_true(digest_make("abc", 3, digest));
    expect_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_a_keyed_one_is_hmac(void **state)
{
    (void)state;
    unsigned char key[DIGEST_BYTES], digest[DIGEST_BYTES];
    memset(key, 0x0b, sizeof key);
    assert_true(digest_make_keyed(key, "Hi There", 8, digest));
    expect_hex(digest, "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7");
}

static void test_what_differs_anywhere_is_not_the_same(void **state)
{
    (void)state;
    assert_true(digest_is_same("secret", "secret", 6));
    assert_true(digest_is_same("", "x", 0));
    assert_false(digest_is_same("Secret", "secret", 6));
    assert_false(digest_is_same("secreT", "secret", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_digest_is_sha256),
        cmocka_unit_test(test_a_keyed_one_is_hmac),
        cmocka_unit_test(test_what_differs_anywhere_is_not_the_same),
    };
    return cmocka_run_group_tests_name("server/digest", tests, NULL, NULL);
}
