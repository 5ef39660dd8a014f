/* Contexts: what a switch preserves, and that a backtrace ends where a stack begins. */
#include "context.h"

#include <execinfo.h>
#include <fenv.h>

#include "support.h"

static struct context here, there;
static struct stack_pool pool;
static struct stack stack;
static double in_there;
static int frames;

static int setup(void **state)
{
    (void)state;
    stack_pool_init(&pool, 64 * 1024, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stack_pool_fini(&pool);
    return 0;
}

static void run(void (*entry)(void *arg))
{
    assert_true(stack_pool_get(&pool, &stack));
    context_init(&there, &stack, entry, NULL);
    context_switch(&here, &there);
}

static void end(void)
{
    context_fini(&there);
    stack_pool_put(&pool, &stack);
}

static void round_up_there(void *arg)
{
    (void)arg;
    context_entered(&here);
    for (volatile double three = 3;;) {
        fesetround(FE_UPWARD);
        in_there = 1 / three;
        context_switch(&there, &here);
        in_there = fegetround() == FE_UPWARD ? 1 / three : 0;
        context_leave(&there, &here);
    }
}

static void test_rounding_is_each_contexts_own(void **state)
{
    (void)state;
    volatile double three = 3;
    const double nearest = 1 / three;
    run(round_up_there);
    assert_true(in_there > nearest);
    assert_int_equal(fegetround(), FE_TONEAREST);
    assert_true(1 / three == nearest);
    in_there = 0;
    context_switch(&here, &there);
    assert_true(in_there > nearest);
    assert_int_equal(fegetround(), FE_TONEAREST);
    end();
}

static void count_frames(void *arg)
{
    (void)arg;
    context_entered(&here);
    void *addresses[64];
    frames = backtrace(addresses, COUNT_OF(addresses));
    context_leave(&there, &here);
}

static void test_a_backtrace_ends(void **state)
{
    (void)state;
    run(count_frames);
    assert_in_range(frames, 1, 6);
    end();
}

/* Registers that a called function preserves hold their values over any number of switches. */
static void churn(void *arg)
{
    (void)arg;
    context_entered(&here);
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
    for (int i = 0; i < 1000; i++) {
        a += b, b ^= c, c += d, d ^= e, e += f, f ^= a;
        context_switch(&there, &here);
    }
    in_there = (double)(a ^ b ^ c ^ d ^ e ^ f);
    context_leave(&there, &here);
}

static void test_registers_are_each_contexts_own(void **state)
{
    (void)state;
    run(churn);
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
    for (int i = 0; i < 1000; i++) {
        a += b, b ^= c, c += d, d ^= e, e += f, f ^= a;
        context_switch(&here, &there);
    }
    assert_true(in_there == (double)(a ^ b ^ c ^ d ^ e ^ f));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rounding_is_each_contexts_own, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_backtrace_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registers_are_each_contexts_own, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
