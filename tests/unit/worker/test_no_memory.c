/* Workers that cannot be opened for want of memory: what was opened is closed, what was handed over
 * is freed. */
#include "failing_memory.h"

#include <pthread.h>

#include "registry.h"
#include "settings.h"
#include "support.h"
#include "thread_state.h"

static unsigned opened, closed;

static int open_one(ferry_settings *settings, void **state, ferry_error *error)
{
    (void)settings, (void)error;
    opened++;
    *state = &opened;
    return 0;
}

static void close_one(void *state)
{
    assert_ptr_equal(state, &opened);
    closed++;
}

static int open_thread(void *state, void **thread_state, ferry_error *error)
{
    return open_one(state, thread_state, error);
}

static const ferry_worker kind = {.name = "k",
                                  .open = open_one,
                                  .close = close_one,
                                  .thread_open = open_thread,
                                  .thread_close = close_one};

static int setup(void **state)
{
    (void)state;
    opened = closed = 0;
    return 0;
}

static void test_a_worker_is_opened_or_all_is_undone(void **state)
{
    (void)state;
    for (struct lack lack = {0}; lack_next(&lack);) {
        struct registry *registry = registry_new();
        ferry_settings *settings = settings_new("w", "state");
        ferry_error error = {0};
        lack_begin(&lack);
        const struct worker *worker = registry_open(registry, "w", &kind, settings, 0, &error);
        lack_end(&lack);
        assert_true(lack.was_lacking == !worker);
        assert_true(worker || error.code == FERRY_INTERNAL);
        assert_ptr_equal(registry_find(registry, "w"), worker);
        registry_free(registry);
        assert_int_equal(opened, closed);
    }
    assert_true(opened > 0);
}

static void test_wrong_settings_without_memory_for_them_are_a_lack_of_memory(void **state)
{
    (void)state;
    const char *value = "x";
    for (struct lack lack = {0}; lack_next(&lack);) {
        struct registry *registry = registry_new();
        ferry_settings *settings = settings_new("w", "state");
        ferry_error error = {0};
        assert_int_equal(settings_add(settings, "unknown", &value, 1, false), 0);
        lack_begin(&lack);
        assert_null(registry_open(registry, "w", &kind, settings, 0, &error));
        lack_end(&lack);
        if (error.code == FERRY_INVALID) /* then they are still readable */
            assert_int_equal(settings_problem_count(settings), 1);
        else
            assert_int_equal(error.code, FERRY_INTERNAL);
        assert_true(lack.was_lacking || error.code == FERRY_INVALID);
        registry_free(registry);
        assert_int_equal(opened, closed);
    }
}

static void test_a_kind_is_known_or_not(void **state)
{
    (void)state;
    for (struct lack lack = {0}; lack_next(&lack);) {
        struct registry *registry = registry_new();
        ferry_error error = {0};
        lack_begin(&lack);
        int rc = registry_add_kind(registry, &kind, &error);
        lack_end(&lack);
        assert_int_equal(rc, lack.was_lacking ? FERRY_INTERNAL : 0);
        assert_ptr_equal(registry_kind(registry, "k"), rc < 0 ? NULL : &kind);
        registry_free(registry);
    }
}

static void *use_states(void *arg)
{
    for (struct lack lack = {0}; lack_next(&lack);) {
        void *state = NULL;
        ferry_error error = {0};
        lack_begin(&lack);
        int rc = thread_state_get(arg, &state, &error);
        lack_end(&lack);
        assert_int_equal(rc, lack.was_lacking ? FERRY_INTERNAL : 0);
        assert_int_equal(opened - closed, rc == 0);
    }
    return NULL;
}

static void test_a_threads_state_is_kept_or_closed(void **state)
{
    (void)state;
    pthread_t thread;
    struct worker worker = {.kind = &kind, .name = (char[]){"w"}};
    assert_int_equal(pthread_create(&thread, NULL, use_states, &worker), 0);
    pthread_join(thread, NULL);
    assert_true(opened > 1);
    assert_int_equal(opened, closed);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_worker_is_opened_or_all_is_undone),
        TEST(test_wrong_settings_without_memory_for_them_are_a_lack_of_memory),
        TEST(test_a_kind_is_known_or_not),
        TEST(test_a_threads_state_is_kept_or_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
