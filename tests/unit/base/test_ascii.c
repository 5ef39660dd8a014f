#include "ascii.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "turkish.h"

static void test_a_letter_is_one_of_52(void **state)
{
    (void)state;
    for (int c = -128; c < 256; c++) {
        bool is_big = c >= 'A' && c <= 'Z', is_small = c >= 'a' && c <= 'z';
        bool is_digit = c >= '0' && c <= '9';
        assert_int_equal(ascii_is_letter((char)c), is_big || is_small);
        assert_int_equal(ascii_is_alnum((char)c), is_big || is_small || is_digit);
        assert_int_equal(ascii_is_space((char)c), c == 32 || (c >= 9 && c <= 13));
        assert_int_equal(ascii_lower((char)c), (char)(is_big ? c + 32 : c));
    }
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static void test_comparing_is_as_the_c_locale_has_it(void **state)
{
    (void)state;
    static const char *const words[] = {"",         "I", "i",   "ID",       "id",   "Id-",  "[",
                                        "`",        "a", "Z",   "_",        "idle", "\xfc", "\xdc",
                                        "\xdc\xfd", "@", "I\n", "If-Match", "if",   "iF-m"};
    setlocale(LC_ALL, "C");
    for (size_t a = 0; a < COUNT_OF(words); a++) {
        for (size_t b = 0; b < COUNT_OF(words); b++) {
            assert_int_equal(sign(ascii_compare(words[a], words[b])),
                             sign(strcasecmp(words[a], words[b])));
            for (size_t n = 0; n < 4; n++)
                assert_int_equal(sign(ascii_compare_n(words[a], words[b], n)),
                                 sign(strncasecmp(words[a], words[b], n)));
        }
    }
}

static void test_a_locale_changes_nothing(void **state)
{
    (void)state;
    char text[32], *end;
    use_turkish();
    assert_true(strtod("0,5", NULL) == 0.5 && tolower('I') != 'i' && isalpha(0xfc));
    test_a_letter_is_one_of_52(state);
    assert_int_equal(ascii_compare("IF-MATCH", "if-match"), 0);
    assert_true(ascii_to_double("1.5,", &end) == 1.5);
    assert_string_equal(end, ",");
    assert_int_equal(ascii_printf(text, sizeof text, "%.4g %.2f", 0.25, 1234.5), 12);
    assert_string_equal(text, "0.25 1234.50");
    snprintf(text, sizeof text, "%.1f", 0.5);
    assert_string_equal(text, "0,5"); /* for the one who wants it, it is as it was */
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_letter_is_one_of_52),
        cmocka_unit_test(test_comparing_is_as_the_c_locale_has_it),
        cmocka_unit_test(test_a_locale_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
