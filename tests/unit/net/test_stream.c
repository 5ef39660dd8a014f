/*
 * The life of a stream: closing and freeing, at any time and by anybody.
 */
#include "net/fixture.h"

struct closing {
    unsigned calls;
    ferry_code why;
    bool frees;
};

static void on_close(ferry_stream *stream, const ferry_error *why, void *arg)
{
    struct closing *closing = arg;
    closing->calls++;
    closing->why = why->code;
    if (closing->frees)
        ferry_stream_free(stream);
}

static bool was_told(void *arg)
{
    return ((struct closing *)arg)->calls > 0;
}

static char much[4 << 20];

static void a_close_fails_what_is_pending(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    struct closing closing = {0};
    ferry_stream_set_on_close(stream, on_close, &closing);
    struct outcome read = {0}, write = {0};
    peer_send(fd, "unread");
    run_turns(f.loop);
    ferry_future_then(ferry_stream_read_bytes(stream, 7), on_outcome, &read);
    ferry_future_then(ferry_stream_write(stream, much, sizeof much), on_outcome, &write);
    ferry_stream_close(stream);
    ferry_stream_close(stream);
    assert_true(ferry_stream_is_closed(stream));
    assert_false(read.is_done || write.is_done || closing.calls); /* all in a later turn */
    expect_done(f.loop, &write);
    assert_true(read.is_done);
    assert_int_equal(read.error.code, FERRY_CANCELLED);
    assert_int_equal(write.error.code, FERRY_CANCELLED);
    assert_true(run_until(f.loop, was_told, &closing));
    assert_int_equal(closing.calls, 1);
    assert_int_equal(closing.why, FERRY_CANCELLED);
    expect_code(f.loop, ferry_stream_read_some(stream, 0), FERRY_CANCELLED);
    expect_code(f.loop, ferry_stream_write(stream, "x", 1), FERRY_CANCELLED);
    assert_int_equal(ferry_stream_shutdown_write(stream), FERRY_CANCELLED);
    assert_int_equal(ferry_stream_unsent_bytes(stream), 0);
    expect_end(f.loop, fd);
    close(fd);
    fixture_close(&f);
}

static void after_a_close_nothing_is_read(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    peer_send(fd, "unread");
    shutdown(fd, SHUT_WR);
    run_turns(f.loop);
    ferry_stream_close(f.streams[0]);
    expect_code(f.loop, ferry_stream_read_some(f.streams[0], 0), FERRY_CANCELLED);
    expect_code(f.loop, ferry_stream_read_bytes(f.streams[0], 0), FERRY_CANCELLED);
    expect_code(f.loop, ferry_stream_read_until_close(f.streams[0], 0), FERRY_CANCELLED);
    close(fd);
    fixture_close(&f);
}

static void a_free_fails_what_is_pending(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct closing closing = {0};
    ferry_stream_set_on_close(f.streams[0], on_close, &closing);
    struct outcome read = {0};
    ferry_future_then(ferry_stream_read_some(f.streams[0], 0), on_outcome, &read);
    ferry_stream_free(f.streams[0]);
    f.streams[0] = NULL;
    expect_done(f.loop, &read);
    assert_int_equal(read.error.code, FERRY_CANCELLED);
    expect_end(f.loop, fd);
    assert_int_equal(closing.calls, 0);
    close(fd);
    fixture_close(&f);
}

static void free_stream(ferry_future *future, void *arg)
{
    struct fixture *f = arg;
    ferry_future_error(future);
    ferry_bytes_free(ferry_future_take(future));
    ferry_stream_free(f->streams[0]);
    f->streams[0] = NULL;
}

static bool is_freed(void *arg)
{
    return !((struct fixture *)arg)->streams[0];
}

static void a_stream_may_be_freed_by_its_own_read(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_future_then(ferry_stream_read_some(f.streams[0], 0), free_stream, &f);
    struct outcome write = {0};
    ferry_future_then(ferry_stream_write(f.streams[0], much, sizeof much), on_outcome, &write);
    peer_send(fd, "x");
    assert_true(run_until(f.loop, is_freed, &f));
    expect_done(f.loop, &write);
    assert_int_equal(write.error.code, FERRY_CANCELLED);
    close(fd);
    fixture_close(&f);
}

static void a_stream_may_be_freed_by_its_own_write(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct outcome second = {0};
    ferry_future_then(ferry_stream_write(f.streams[0], "1", 1), free_stream, &f);
    ferry_future_then(ferry_stream_write(f.streams[0], "2", 1), on_outcome, &second);
    assert_true(run_until(f.loop, is_freed, &f));
    expect_done(f.loop, &second); /* sent as well, but told after the free */
    expect_end(f.loop, fd);
    close(fd);
    fixture_close(&f);
}

static void a_stream_may_be_freed_by_its_on_close(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct closing closing = {.frees = true};
    ferry_stream_set_on_close(f.streams[0], on_close, &closing);
    struct linger hard = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    assert_true(run_until(f.loop, was_told, &closing));
    assert_int_equal(closing.why, FERRY_TRANSIENT);
    f.streams[0] = NULL;
    fixture_close(&f);
}

static void who_asks_late_is_told_of_the_close(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream_close(f.streams[0]);
    run_turns(f.loop);
    struct closing closing = {0};
    ferry_stream_set_on_close(f.streams[0], on_close, &closing);
    assert_int_equal(closing.calls, 0);
    assert_true(run_until(f.loop, was_told, &closing));
    assert_int_equal(closing.why, FERRY_CANCELLED);
    close(fd);
    fixture_close(&f);
}

static void the_end_of_both_sides_is_a_close(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct closing closing = {0};
    ferry_stream_set_on_close(f.streams[0], on_close, &closing);
    shutdown(fd, SHUT_WR);
    run_turns(f.loop);
    assert_int_equal(closing.calls, 0); /* it can still be written to */
    assert_int_equal(ferry_stream_shutdown_write(f.streams[0]), 0);
    assert_true(run_until(f.loop, was_told, &closing));
    assert_int_equal(closing.why, FERRY_GONE);
    close(fd);
    fixture_close(&f);
}

/* What is pending when the loop is freed goes with it, untold. */
static void a_loop_may_be_freed_before_it_has_told(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct outcome read = {0}, cancelled = {0}, write = {0};
    ferry_future *first = ferry_stream_read_some(f.streams[0], 0);
    ferry_future_then(first, on_outcome, &cancelled);
    ferry_future_cancel(first);
    ferry_future_then(ferry_stream_read_some(f.streams[0], 0), on_outcome, &read);
    ferry_future_then(ferry_stream_write(f.streams[0], much, sizeof much), on_outcome, &write);
    close(fd);
    fixture_close(&f);
    assert_false(read.is_done || cancelled.is_done || write.is_done);
}

static void a_peer_has_an_address(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct address own = {.length = sizeof own.local};
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(getsockname(fd, &own.any, &own.length), 0);
    assert_string_equal(ferry_stream_peer(f.streams[0]), address_format(&own, text, sizeof text));
    close(fd);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close_fails_what_is_pending),
        cmocka_unit_test(after_a_close_nothing_is_read),
        cmocka_unit_test(a_free_fails_what_is_pending),
        cmocka_unit_test(a_stream_may_be_freed_by_its_own_read),
        cmocka_unit_test(a_stream_may_be_freed_by_its_own_write),
        cmocka_unit_test(a_stream_may_be_freed_by_its_on_close),
        cmocka_unit_test(who_asks_late_is_told_of_the_close),
        cmocka_unit_test(the_end_of_both_sides_is_a_close),
        cmocka_unit_test(a_loop_may_be_freed_before_it_has_told),
        cmocka_unit_test(a_peer_has_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
