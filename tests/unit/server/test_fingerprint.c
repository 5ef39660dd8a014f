/* Fingerprints: the same for the same parts, and for no others. */
#include "fingerprint.h"

#include <string.h>

#include "support.h"

static void make(const char *const *parts, unsigned char out[JOB_FINGERPRINT_BYTES])
{
    struct fingerprint *fingerprint = fingerprint_new();
    assert_non_null(fingerprint);
    for (; *parts; parts++)
        fingerprint_add_text(fingerprint, *parts);
    assert_true(fingerprint_end(fingerprint, out));
}

static void test_the_same_parts_have_one_fingerprint(void **state)
{
    (void)state;
    unsigned char a[JOB_FINGERPRINT_BYTES], b[JOB_FINGERPRINT_BYTES];
    make((const char *const[]){"POST", "/x", "body", NULL}, a);
    make((const char *const[]){"POST", "/x", "body", NULL}, b);
    assert_memory_equal(a, b, sizeof a);
}

static void test_other_parts_have_others(void **state)
{
    (void)state;
    const char *const table[][4] = {{"a", "bc"}, {"ab", "c"}, {"abc"},     {"a", "b", "c"},
                                    {"bc", "a"}, {"a", "bC"}, {"abc", ""}, {NULL}};
    unsigned char made[COUNT_OF(table)][JOB_FINGERPRINT_BYTES];
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        make(table[i], made[i]);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(made[i], made[j], JOB_FINGERPRINT_BYTES);
    }
}

static void test_a_missing_fingerprint_has_no_memory(void **state)
{
    (void)state;
    unsigned char out[JOB_FINGERPRINT_BYTES];
    assert_false(fingerprint_end(NULL, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_parts_have_one_fingerprint),
        cmocka_unit_test(test_other_parts_have_others),
        cmocka_unit_test(test_a_missing_fingerprint_has_no_memory),
    };
    return cmocka_run_group_tests_name("server/fingerprint", tests, NULL, NULL);
}
