/* Posted callbacks: their blocks outlive threads, and nothing of them is left over. What is lost or
 * freed too early is the sanitizers' to see. */
#include "posted.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "support.h"
#include "watchdog.h"

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static bool memory_is_out;

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return memory_is_out ? NULL : __real_aligned_alloc(alignment, size);
}

enum {
    MANY = 1000,         /* some blocks, and a part of one */
    FLOOD = 100000,      /* more than is kept */
    KEPT_MAX = 257 * 63, /* what is kept of blocks that are free, and the thread's own */
};

static unsigned ran, freed;
static bool in_order;

static int setup(void **state)
{
    memory_is_out = false;
    ran = freed = 0;
    in_order = true;
    *state = ferry_loop_new();
    assert_non_null(*state);
    return watchdog_start(state);
}

static int teardown(void **state)
{
    ferry_loop_free(*state);
    return watchdog_stop(state);
}

static void count_ran(void *arg)
{
    in_order = in_order && (uintptr_t)arg == ran;
    ran++;
}

static void count_freed(void *arg)
{
    (void)arg;
    freed++;
}

static void stop(void *arg)
{
    ferry_loop_stop(arg);
}

static void run_all(ferry_loop *loop)
{
    assert_int_equal(ferry_loop_add_callback(loop, stop, loop, NULL), 0);
    assert_int_equal(ferry_loop_run(loop), 0);
}

static void post(ferry_loop *loop, unsigned count)
{
    for (uintptr_t i = 0; i < count; i++)
        assert_int_equal(ferry_loop_add_callback(loop, count_ran, (void *)i, count_freed), 0);
}

static void *post_many(void *loop)
{
    post(loop, MANY);
    return NULL;
}

static void in_a_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fn, arg), 0);
    pthread_join(thread, NULL);
}

static void test_what_is_posted_outlives_its_thread(void **state)
{
    in_a_thread(post_many, *state);
    run_all(*state);
    assert_int_equal(ran, MANY);
    assert_true(in_order);
    assert_int_equal(freed, 0);
}

static void test_a_loop_that_closes_frees_what_outlived_its_thread(void **state)
{
    in_a_thread(post_many, *state);
    ferry_loop_free(*state);
    *state = NULL;
    assert_int_equal(freed, MANY);
    assert_int_equal(ran, 0);
}

struct two_loops {
    ferry_loop *first, *second;
};

static void *post_in_turns(void *arg)
{
    struct two_loops *loops = arg;
    for (uintptr_t i = 0; i < MANY; i++) {
        ferry_loop_add_callback(loops->first, count_ran, (void *)i, NULL);
        ferry_loop_add_callback(loops->second, count_freed, NULL, NULL);
    }
    return NULL;
}

static void test_a_thread_posts_to_two_loops(void **state)
{
    struct two_loops loops = {*state, ferry_loop_new()};
    in_a_thread(post_in_turns, &loops);
    run_all(loops.second);
    ferry_loop_free(loops.second);
    assert_int_equal(ran, 0);
    assert_int_equal(freed, MANY);
    run_all(loops.first);
    assert_int_equal(ran, MANY);
    assert_true(in_order);
}

static void *use_up_a_block(void *arg)
{
    (void)arg;
    enum { BLOCK_ENTRIES = 63 };
    ferry_loop *loop = ferry_loop_new();
    post(loop, BLOCK_ENTRIES - 1);
    run_all(loop);
    ferry_loop_free(loop);
    return NULL;
}

/* The one that is run is kept for others, when its thread ends, too: not twice, as the memory that
 * is kept would have no end then (test_without_memory). */
static void test_a_thread_ends_after_its_last_block(void **state)
{
    (void)state;
    in_a_thread(use_up_a_block, NULL);
    assert_int_equal(ran, 62);
}

/* ---- what a thread posts while it ends ---- */

static pthread_key_t late_key;
static ferry_loop *late_loop;

static void post_late(void *round)
{
    post(late_loop, 1);
    if ((uintptr_t)round < 2)
        pthread_setspecific(late_key, (void *)((uintptr_t)round + 1));
}

static void *post_and_end(void *loop)
{
    post(loop, 1);
    pthread_setspecific(late_key, (void *)1);
    return NULL;
}

static void test_destructors_of_a_thread_may_post(void **state)
{
    late_loop = *state;
    assert_int_equal(pthread_key_create(&late_key, post_late), 0);
    in_a_thread(post_and_end, *state);
    run_all(*state);
    assert_int_equal(ran, 3);
    pthread_key_delete(late_key);
}

/* ---- what is kept ---- */

static void *post_flood(void *loop)
{
    post(loop, FLOOD);
    return NULL;
}

static void test_a_flood_is_run_in_order(void **state)
{
    in_a_thread(post_flood, *state);
    run_all(*state);
    assert_int_equal(ran, FLOOD);
    assert_true(in_order);
}

/* ---- what can fail ---- */

static void ignore(void *arg)
{
    (void)arg;
}

static void *post_without_memory(void *loop)
{
    memory_is_out = true;
    unsigned kept = 0; /* blocks that were used before need no memory */
    while (ferry_loop_add_callback(loop, ignore, NULL, NULL) == 0)
        kept++;
    assert_true(kept < KEPT_MAX);
    assert_int_equal(ferry_loop_add_callback(loop, count_ran, NULL, count_freed), FERRY_INTERNAL);
    memory_is_out = false;
    assert_int_equal(freed, 1);
    post(loop, 1);
    return NULL;
}

static void test_without_memory_the_argument_is_freed(void **state)
{
    in_a_thread(post_without_memory, *state);
    run_all(*state);
    assert_int_equal(ran, 1);
}

#ifdef WRAPS_SETSPECIFIC
int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);

static bool values_are_out;

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    return values_are_out ? ENOMEM : __real_pthread_setspecific(key, value);
}

static void *post_without_values(void *loop)
{
    values_are_out = true;
    post(loop, MANY);
    values_are_out = false;
    return NULL;
}

static void test_where_a_threads_end_is_not_told_posts_are_kept_apart(void **state)
{
    in_a_thread(post_without_values, *state);
    run_all(*state);
    assert_int_equal(ran, MANY);
    assert_true(in_order);
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_posted_outlives_its_thread),
        TEST(test_a_loop_that_closes_frees_what_outlived_its_thread),
        TEST(test_a_thread_posts_to_two_loops),
        TEST(test_destructors_of_a_thread_may_post),
        TEST(test_a_thread_ends_after_its_last_block),
        TEST(test_a_flood_is_run_in_order), /* the next one sees how much of it is kept */
        TEST(test_without_memory_the_argument_is_freed),
#ifdef WRAPS_SETSPECIFIC
        TEST(test_where_a_threads_end_is_not_told_posts_are_kept_apart),
#endif
    };
    return cmocka_run_group_tests_name("loop/posted", tests, NULL, NULL);
}
