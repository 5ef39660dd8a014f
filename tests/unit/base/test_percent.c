/* Percent-encoding: what is valid, and both ways. */
#include "percent.h"

#include <string.h>

#include "support.h"

static void test_an_escape_has_two_digits_and_is_no_nul(void **state)
{
    (void)state;
    const char *const good[] = {"", "a", "%20", "a%2Fb%2f", "%C3%A9"};
    const char *const bad[] = {"%", "%2", "%zz", "a%2", "%00", "%%20"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(percent_is_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(percent_is_valid(bad[i], strlen(bad[i])));
    assert_false(percent_is_valid("%20", 2));
}

static void test_a_path_is_decoded(void **state)
{
    (void)state;
    char out[16];
    assert_ptr_equal(percent_decode("a%2Fb+c", 7, out), out + 5);
    assert_string_equal(out, "a/b+c");
}

static void test_a_form_is_decoded_leniently(void **state)
{
    (void)state;
    char text[] = "a+b%20c%zz%2";
    form_decode(text);
    assert_string_equal(text, "a b c%zz%2");
}

static void test_what_is_encoded_is_decoded_to_the_same(void **state)
{
    (void)state;
    static const char text[] = "/a b?c=d&e#f%g+\xC3\xA9";
    struct bytes out = {0};
    percent_encode(&out, text);
    assert_string_equal(bytes_text(&out), "/a%20b%3Fc%3Dd%26e%23f%25g%2B%C3%A9");
    form_decode(out.data);
    assert_string_equal(out.data, text);
    bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_escape_has_two_digits_and_is_no_nul),
        cmocka_unit_test(test_a_path_is_decoded),
        cmocka_unit_test(test_a_form_is_decoded_leniently),
        cmocka_unit_test(test_what_is_encoded_is_decoded_to_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
