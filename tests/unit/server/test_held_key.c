/* Keys that are held: one holder each, by route. */
#include "held_key.h"

#include "support.h"

static const unsigned char first[JOB_FINGERPRINT_BYTES] = {1}, second[JOB_FINGERPRINT_BYTES] = {2};

static void test_a_key_is_held_by_one_until_it_is_let_go(void **state)
{
    (void)state;
    struct held_keys keys = {0};
    ferry_error error;
    struct held_key *key = held_key_new(&keys, "/r", "k", first, &error);
    assert_non_null(key);
    assert_null(held_key_new(&keys, "/r", "k", first, &error));
    assert_int_equal(error.code, FERRY_CONFLICT);
    assert_null(held_key_new(&keys, "/r", "k", second, &error));
    assert_int_equal(error.code, FERRY_UNPROCESSABLE);
    held_key_free(&keys, key);
    key = held_key_new(&keys, "/r", "k", second, &error);
    assert_non_null(key);
    held_key_free(&keys, key);
    held_key_free(&keys, NULL);
    assert_null(keys.first);
}

static void test_keys_of_other_routes_are_other_keys(void **state)
{
    (void)state;
    struct held_keys keys = {0};
    ferry_error error;
    struct held_key *held[] = {
        held_key_new(&keys, "/r", "k", first, &error),
        held_key_new(&keys, "/rk", "", first, &error),
        held_key_new(&keys, "/", "rk", first, &error),
        held_key_new(&keys, "/r", "K", first, &error),
    };
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        assert_non_null(held[i]);
        held_key_free(&keys, held[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_is_held_by_one_until_it_is_let_go),
        cmocka_unit_test(test_keys_of_other_routes_are_other_keys),
    };
    return cmocka_run_group_tests_name("server/held_key", tests, NULL, NULL);
}
