/* libevent's reserve: small pieces can be had when malloc has none. */
#include "event_memory.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>

#include "support.h"

static bool malloc_fails;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    return malloc_fails ? NULL : __real_malloc(size);
}

static void a_small_piece_can_be_had_without_memory(void **state)
{
    (void)state;
    event_memory_take();
    malloc_fails = true;
    struct evbuffer *buffers[100];
    for (size_t i = 0; i < 100; i++) {
        buffers[i] = evbuffer_new();
        assert_non_null(buffers[i]);
        assert_int_equal(evbuffer_add(buffers[i], "small", 5), 0);
    }
    malloc_fails = false;
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(evbuffer_get_length(buffers[i]), 5);
        assert_memory_equal(evbuffer_pullup(buffers[i], -1), "small", 5);
        evbuffer_free(buffers[i]);
    }
}

static void a_large_piece_cannot(void **state)
{
    (void)state;
    static const char large[64 << 10];
    struct evbuffer *buffer = evbuffer_new();
    malloc_fails = true;
    assert_int_equal(evbuffer_add(buffer, large, sizeof large), -1);
    malloc_fails = false;
    assert_int_equal(evbuffer_add(buffer, large, sizeof large), 0);
    evbuffer_free(buffer);
}

static void what_is_given_back_can_be_had_again(void **state)
{
    (void)state;
    malloc_fails = true;
    for (size_t i = 0; i < 100000; i++) {
        struct evbuffer *buffer = evbuffer_new();
        assert_non_null(buffer);
        evbuffer_free(buffer);
    }
    malloc_fails = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_piece_can_be_had_without_memory),
        cmocka_unit_test(a_large_piece_cannot),
        cmocka_unit_test(what_is_given_back_can_be_had_again),
    };
    return cmocka_run_group_tests_name("loop/event_memory", tests, NULL, NULL);
}
