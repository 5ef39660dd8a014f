/* Random ids and numbers: shape and range; chance itself is the kernel's. */
#include "random.h"

#include <pthread.h>
#include <string.h>

#include "support.h"

static void test_an_id_is_32_hexadecimal_digits(void **state)
{
    (void)state;
    char text[RANDOM_ID_TEXT_SIZE], again[RANDOM_ID_TEXT_SIZE];
    assert_ptr_equal(random_id(text), text);
    assert_int_equal(strlen(text), 32);
    assert_int_equal(strspn(text, "0123456789abcdef"), 32);
    assert_string_not_equal(random_id(again), text);
}

static void test_bytes_are_filled_to_the_last_and_no_further(void **state)
{
    (void)state;
    unsigned char data[66];
    int changed_first = 0, changed_last = 0;
    for (int i = 0; i < 64; i++) { /* that all 64 leave one byte as it was does not happen */
        memset(data, 0x5A, sizeof data);
        random_bytes(data + 1, 64);
        assert_int_equal(data[0], 0x5A);
        assert_int_equal(data[65], 0x5A);
        changed_first += data[1] != 0x5A;
        changed_last += data[64] != 0x5A;
    }
    assert_true(changed_first > 0 && changed_last > 0);
    random_bytes(NULL, 0);
}

static void test_no_bytes_are_given_twice(void **state)
{
    (void)state;
    static uint64_t seen[3000];
    unsigned char large[4000];
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        if (i % 100 == 0)
            random_bytes(large, sizeof large); /* what a stock does not hold */
        random_bytes(&seen[i], sizeof seen[i]);
        for (size_t j = 0; j < i; j++)
            assert_true(seen[j] != seen[i]);
    }
}

static void *draw(void *arg)
{
    random_bytes(arg, 32);
    return NULL;
}

static void test_threads_do_not_draw_the_same(void **state)
{
    (void)state;
    unsigned char mine[32], theirs[32];
    pthread_t thread;
    draw(mine);
    assert_int_equal(pthread_create(&thread, NULL, draw, theirs), 0);
    pthread_join(thread, NULL);
    assert_memory_not_equal(mine, theirs, sizeof mine);
}

static void test_below_gives_every_number_and_none_other(void **state)
{
    (void)state;
    unsigned seen[5] = {0};
    for (int i = 0; i < 1000; i++) {
        uint64_t number = random_below(5);
        assert_true(number < 5);
        seen[number]++;
    }
    for (size_t i = 0; i < COUNT_OF(seen); i++)
        assert_true(seen[i] > 0);
}

static void test_below_at_its_edges(void **state)
{
    (void)state;
    assert_int_equal(random_below(0), 0);
    assert_int_equal(random_below(1), 0);
    for (int i = 0; i < 100; i++)
        assert_true(random_below(UINT64_MAX) < UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_is_32_hexadecimal_digits),
        cmocka_unit_test(test_bytes_are_filled_to_the_last_and_no_further),
        cmocka_unit_test(test_no_bytes_are_given_twice),
        cmocka_unit_test(test_threads_do_not_draw_the_same),
        cmocka_unit_test(test_below_gives_every_number_and_none_other),
        cmocka_unit_test(test_below_at_its_edges),
    };
    return cmocka_run_group_tests_name("base/random", tests, NULL, NULL);
}
