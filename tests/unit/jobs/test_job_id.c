/* Ids between text and bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "job_id.h"

static void an_id_survives_the_way_there_and_back(void **ctx)
{
    (void)ctx;
    for (int i = 0; i < 1000; i++) {
        char id[RANDOM_ID_TEXT_SIZE], back[RANDOM_ID_TEXT_SIZE];
        unsigned char bits[RANDOM_ID_BYTES];
        assert_true(job_id_parse(random_id(id), bits));
        job_id_format(bits, back);
        assert_string_equal(back, id);
    }
}

static void ids_of_one_time_are_together_and_differ_by_chance(void **ctx)
{
    (void)ctx;
    char id[RANDOM_ID_TEXT_SIZE], other[RANDOM_ID_TEXT_SIZE];
    job_id_make(id, 0x1234567890abLL);
    job_id_make(other, 0x1234567890abLL);
    assert_memory_equal(id, "567890ab", 8);
    assert_memory_equal(other, "567890ab", 8);
    assert_string_not_equal(id + 8, other + 8);
    unsigned char bits[RANDOM_ID_BYTES];
    assert_true(job_id_parse(id, bits));
}

static void what_is_no_id_is_refused(void **ctx)
{
    (void)ctx;
    static const char *const wrong[] = {
        "",
        "0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789abcdef",
        "0123456789abcdef0123456789abcdeg",
        "0123456789abcdef 123456789abcdef",
        "0123456789abcdef/123456789abcdef", /* beside the digits and the letters */
        "0123456789abcdef0123456789:bcdef",
        "0123456789abcdef0123456789`bcdef",
        "0123456789abcdef0123456789abcde\xb0",
    };
    unsigned char bits[RANDOM_ID_BYTES];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(job_id_parse(wrong[i], bits));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_survives_the_way_there_and_back),
        cmocka_unit_test(ids_of_one_time_are_together_and_differ_by_chance),
        cmocka_unit_test(what_is_no_id_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
