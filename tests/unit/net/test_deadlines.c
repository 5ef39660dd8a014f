/*
 * What has a deadline does not begin where the loop has no memory for one: it would wait for ever.
 */
#include "net/fixture.h"

#include "certificate.h"

enum { LARGE_BYTES = 32 << 10, LONG_MS = 60000 };

/* The loop's table of timers cannot grow any more, and nothing else is that large. */
static bool has_no_memory;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
    return size > LARGE_BYTES && has_no_memory ? NULL : __real_realloc(memory, size);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* The last of them, which makes room for one more. */
static ferry_timer take_all_timers(ferry_loop *loop)
{
    ferry_timer last = 0;
    has_no_memory = true;
    for (ferry_timer timer; (timer = ferry_loop_call_later(loop, LONG_MS, nothing, NULL));)
        last = timer;
    return last;
}

static void give_memory_back(ferry_loop *loop)
{
    has_no_memory = false;
    assert_true(ferry_loop_call_later(loop, LONG_MS, nothing, NULL));
}

static void expect_internal(ferry_future *future)
{
    assert_true(ferry_future_is_done(future));
    assert_int_equal(ferry_future_error(future)->code, FERRY_INTERNAL);
    ferry_future_free(future);
}

static void a_read_and_a_write(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    int fd = peer_open(fixture_address(&f));
    assert_true(run_until(f.loop, has_stream, &f));
    ferry_stream *stream = f.streams[0];
    take_all_timers(f.loop);
    expect_internal(ferry_stream_read_some(stream, 0));
    expect_internal(ferry_stream_write(stream, "x", 1));
    assert_int_equal(ferry_stream_unsent_bytes(stream), 0);
    give_memory_back(f.loop);
    send(fd, "abc", 3, MSG_NOSIGNAL);
    expect_text(f.loop, ferry_stream_read_some(stream, 0), "abc");
    assert_int_equal(await(f.loop, ferry_stream_write(stream, "x", 1)).error.code, FERRY_OK);
    close(fd);
    fixture_close(&f);
}

static void a_connect(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    ferry_executor *resolver = ferry_executor_new(&(ferry_executor_options){.threads = 1});
    const ferry_stream_connect_options options = {.resolver = resolver};
    take_all_timers(f.loop);
    expect_internal(ferry_stream_connect(f.loop, fixture_address(&f), NULL));
    expect_internal(ferry_stream_connect(f.loop, "localhost:1", &options));
    give_memory_back(f.loop);
    assert_int_equal(ferry_executor_shutdown(resolver, LONG_MS), 0);
    ferry_executor_free(resolver);
    fixture_close(&f);
}

static bool has_none(void *arg)
{
    const struct fixture *f = arg;
    return ferry_stream_listener_connections(f->listener) == 0;
}

static void a_handshake(void **state)
{
    (void)state;
    struct fixture f;
    ferry_tls *tls = certificate_tls(false);
    fixture_open(&f, &(ferry_stream_listen_options){.tls = tls});
    ferry_tls_free(tls);
    int fd = peer_open(fixture_address(&f));
    ferry_timer last = take_all_timers(f.loop);
    ferry_loop_cancel(f.loop, last); /* run_until needs one */
    run_turns(f.loop);
    give_memory_back(f.loop);
    assert_true(has_none(&f));
    char byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_and_a_write),
        cmocka_unit_test(a_connect),
        cmocka_unit_test(a_handshake),
    };
    return cmocka_run_group_tests(tests, certificate_make, certificate_remove);
}
