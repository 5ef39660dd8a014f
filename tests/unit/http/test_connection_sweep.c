/*
 * The sweep of connections, where the loop has no memory for one more timer.
 */
#include <ferry/http_stream.h>

#include "http/kept.h"

enum { SHORT_MS = 50, LONG_MS = 60000 };

/* The loop's table of timers cannot grow any more, and nothing else is that large. */
enum { LARGE_BYTES = 32 << 10 };

static bool has_no_memory;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
    if (size > LARGE_BYTES && __atomic_load_n(&has_no_memory, __ATOMIC_RELAXED))
        return NULL;
    return __real_realloc(memory, size);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void take_all_timers(struct fixture *f)
{
    __atomic_store_n(&has_no_memory, true, __ATOMIC_RELAXED);
    while (ferry_loop_call_later(f->loop, LONG_MS, nothing, NULL))
        ;
}

static void give_memory_back(struct fixture *f)
{
    __atomic_store_n(&has_no_memory, false, __ATOMIC_RELAXED);
    assert_true(ferry_loop_call_later(f->loop, LONG_MS, nothing, NULL));
}

/* Nobody would ever look at it again. */
static void a_connection_that_cannot_be_swept_is_closed(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    take_all_timers(&f);
    char *reply = talk(&f, "");
    assert_string_equal(reply, "");
    free(reply);
    assert_int_equal(fixture_stats(&f).connections, 0);
    give_memory_back(&f);
    reply = ask(&f, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_has(reply, "hello");
    free(reply);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

/* ---- who is told ---- */

static struct fixture *told;
static ferry_reply *reply;
static bool is_told;

static void on_gone(void *arg)
{
    (void)arg;
    is_told = true;
    ferry_loop_stop(told->loop);
}

static void begin_stream(ferry_request *request, void *ctx)
{
    keep(request, ctx);
    ferry_request_on_gone(request, on_gone, NULL);
    reply = ferry_request_reply_begin(request, 200, NULL);
}

static void who_has_left_is_told_of_without_memory(void **state)
{
    (void)state;
    struct fixture f;
    told = &f;
    open_keep(&f);
    fixture_route(&f, "GET", "/stream", begin_stream, NULL);
    int fd = client_connect(f.address);
    client_send(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    ferry_timer patience =
        ferry_loop_call_later(f.loop, (int64_t)PATIENCE_S * 1000, client_stop_loop, f.loop);
    take_all_timers(&f);
    close(fd);
    ferry_loop_run(f.loop);
    assert_true(is_told);
    ferry_reply_end(reply);
    ferry_loop_cancel(f.loop, patience);
    give_memory_back(&f);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_cannot_be_swept_is_closed),
        cmocka_unit_test(who_has_left_is_told_of_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
