/* Stacks: the guard below each, and how many are kept. */
#include "stack_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "support.h"

enum { SIZE = 64 * 1024 };

static int ends[2];

static int setup(void **state)
{
    (void)state;
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static int teardown(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* The system looks for us, so that nothing crashes. */
static bool is_readable(const char *address)
{
    char c;
    if (write(ends[1], address, 1) == 1)
        return read(ends[0], &c, 1) == 1;
    assert_int_equal(errno, EFAULT);
    return false;
}

static void test_a_guard_lies_below_that_no_array_reaches_over(void **state)
{
    (void)state;
    struct stack_pool pool;
    struct stack stacks[3];
    stack_pool_init(&pool, SIZE - 1, 0); /* whole pages */
    for (size_t i = 0; i < COUNT_OF(stacks); i++) {
        assert_true(stack_pool_get(&pool, &stacks[i]));
        assert_int_equal(stacks[i].bytes % SIZE, 0);
        assert_true(is_readable(stacks[i].bottom));
        assert_true(is_readable(stacks[i].bottom + stacks[i].bytes - 1));
        static const ptrdiff_t below[] = {1, 4096, 4097, 8192, 65536, 100000, 1 << 20};
        for (size_t at = 0; at < COUNT_OF(below); at++)
            assert_false(is_readable(stacks[i].bottom - below[at]));
    }
    for (size_t i = 0; i < COUNT_OF(stacks); i++)
        stack_pool_put(&pool, &stacks[i]);
    assert_false(is_readable(stacks[0].bottom)); /* none is kept */
    stack_pool_fini(&pool);
}

static void test_so_many_are_kept_and_no_more(void **state)
{
    (void)state;
    struct stack_pool pool;
    struct stack stacks[3], again;
    stack_pool_init(&pool, SIZE, 2);
    for (size_t i = 0; i < COUNT_OF(stacks); i++)
        assert_true(stack_pool_get(&pool, &stacks[i]));
    for (size_t i = 0; i < COUNT_OF(stacks); i++)
        stack_pool_put(&pool, &stacks[i]);
    assert_true(is_readable(stacks[0].bottom) && is_readable(stacks[1].bottom));
    assert_false(is_readable(stacks[2].bottom));
    assert_true(stack_pool_get(&pool, &again));
    assert_ptr_equal(again.bottom, stacks[1].bottom);
    stack_pool_put(&pool, &again);
    assert_true(is_readable(again.bottom)); /* its place was free again */
    stack_pool_fini(&pool);
    assert_false(is_readable(stacks[0].bottom) || is_readable(stacks[1].bottom));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_guard_lies_below_that_no_array_reaches_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_so_many_are_kept_and_no_more, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
