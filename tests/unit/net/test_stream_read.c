/*
 * Reading: how bytes become messages, and how a read fails.
 */
#include "net/fixture.h"

static void split_bytes_make_a_message(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct outcome outcome = {0};
    ferry_future_then(ferry_stream_read_until(f.streams[0], "\r\n", 100), on_outcome, &outcome);
    for (const char *c = "one\rtwo\r\n"; *c; c++) {
        assert_false(outcome.is_done);
        assert_int_equal(send(fd, c, 1, MSG_NOSIGNAL), 1);
        run_turns(f.loop);
    }
    expect_done(f.loop, &outcome);
    expect_outcome_text(&outcome, "one\rtwo\r\n");
    close(fd);
    fixture_close(&f);
}

static void messages_of_one_segment_are_told_apart(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    peer_send(fd, "first\nsecond\n12345678rest");
    expect_text(f.loop, ferry_stream_read_until(stream, "\n", 0), "first\n");
    expect_text(f.loop, ferry_stream_read_until(stream, "\n", 0), "second\n");
    expect_text(f.loop, ferry_stream_read_bytes(stream, 0), "");
    expect_text(f.loop, ferry_stream_read_bytes(stream, 8), "12345678");
    expect_text(f.loop, ferry_stream_read_some(stream, 2), "re");
    expect_text(f.loop, ferry_stream_read_some(stream, 0), "st");
    close(fd);
    fixture_close(&f);
}

static bool has_had(void *arg)
{
    ferry_future *future = arg;
    return ferry_future_is_done(future);
}

static void a_delimiter_may_lie_across_segments(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    peer_send(fd, "ab");
    expect_text(f.loop, ferry_stream_read_bytes(stream, 1), "a"); /* "b" has come as well */
    ferry_future *future = ferry_stream_read_until(stream, "END", 0);
    static const char *const parts[] = {"EE", "N", "EN", "D", "after"};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        peer_send(fd, parts[i]);
        run_turns(f.loop);
    }
    assert_true(run_until(f.loop, has_had, future));
    expect_text(f.loop, future, "bEENEND");
    expect_text(f.loop, ferry_stream_read_bytes(stream, 5), "after");
    close(fd);
    fixture_close(&f);
}

static void past_the_maximum_a_read_fails_and_takes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, &(ferry_stream_options){.max_read_bytes = 16});
    ferry_stream *stream = f.streams[0];
    peer_send(fd, "12345\n");
    expect_code(f.loop, ferry_stream_read_until(stream, "\n", 5), FERRY_TOO_LARGE);
    expect_code(f.loop, ferry_stream_read_until(stream, "#", 6), FERRY_TOO_LARGE);
    expect_text(f.loop, ferry_stream_read_until(stream, "\n", 6), "12345\n");
    expect_code(f.loop, ferry_stream_read_bytes(stream, 17), FERRY_TOO_LARGE);
    peer_send(fd, "0123456789abcdefg");
    expect_code(f.loop, ferry_stream_read_until(stream, "\n", 0), FERRY_TOO_LARGE);
    expect_text(f.loop, ferry_stream_read_some(stream, 0), "0123456789abcdef");
    expect_text(f.loop, ferry_stream_read_some(stream, 0), "g");
    expect_code(f.loop, ferry_stream_read_until(stream, "", 0), FERRY_INVALID);
    expect_code(f.loop, ferry_stream_read_until(stream, NULL, 0), FERRY_INVALID);
    close(fd);
    fixture_close(&f);
}

static void a_read_until_close_has_all(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    peer_send(fd, "all of it");
    shutdown(fd, SHUT_WR);
    expect_code(f.loop, ferry_stream_read_until_close(stream, 8), FERRY_TOO_LARGE);
    expect_text(f.loop, ferry_stream_read_until_close(stream, 9), "all of it");
    expect_text(f.loop, ferry_stream_read_until_close(stream, 9), "");
    close(fd);
    fixture_close(&f);
}

static void without_a_maximum_a_read_has_all_as_well(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, &(ferry_stream_options){.max_read_bytes = SIZE_MAX});
    struct outcome line = {0};
    ferry_future_then(ferry_stream_read_until(f.streams[0], "\n", 0), on_outcome, &line);
    peer_send(fd, "line\nall of it");
    expect_done(f.loop, &line);
    expect_outcome_text(&line, "line\n");
    shutdown(fd, SHUT_WR);
    expect_text(f.loop, ferry_stream_read_until_close(f.streams[0], 0), "all of it");
    close(fd);
    fixture_close(&f);
}

static void what_came_before_the_end_stays(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    peer_send(fd, "whole\npart");
    close(fd);
    expect_text(f.loop, ferry_stream_read_until(stream, "\n", 0), "whole\n");
    expect_code(f.loop, ferry_stream_read_until(stream, "\n", 0), FERRY_GONE);
    expect_code(f.loop, ferry_stream_read_bytes(stream, 5), FERRY_GONE);
    expect_text(f.loop, ferry_stream_read_some(stream, 0), "part");
    expect_code(f.loop, ferry_stream_read_some(stream, 0), FERRY_GONE);
    assert_false(ferry_stream_is_closed(stream));
    fixture_close(&f);
}

static void what_came_before_a_reset_stays(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    peer_send(fd, "part");
    struct outcome outcome = {0};
    ferry_future_then(ferry_stream_read_bytes(stream, 9), on_outcome, &outcome);
    run_turns(f.loop);
    struct linger hard = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    expect_done(f.loop, &outcome);
    assert_int_equal(outcome.error.code, FERRY_TRANSIENT);
    assert_non_null(strstr(outcome.error.message, "reset"));
    assert_true(ferry_stream_is_closed(stream));
    expect_text(f.loop, ferry_stream_read_some(stream, 0), "part");
    expect_code(f.loop, ferry_stream_read_some(stream, 0), FERRY_TRANSIENT);
    expect_code(f.loop, ferry_stream_write(stream, "x", 1), FERRY_TRANSIENT);
    assert_int_equal(ferry_stream_shutdown_write(stream), FERRY_TRANSIENT);
    fixture_close(&f);
}

static void one_read_at_a_time(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct outcome first = {0};
    ferry_future_then(ferry_stream_read_bytes(f.streams[0], 2), on_outcome, &first);
    expect_code(f.loop, ferry_stream_read_some(f.streams[0], 0), FERRY_CONFLICT);
    peer_send(fd, "ok");
    expect_done(f.loop, &first);
    expect_outcome_text(&first, "ok");
    close(fd);
    fixture_close(&f);
}

static void a_read_has_a_deadline_and_takes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, &(ferry_stream_options){.read_timeout_ms = 20});
    ferry_stream *stream = f.streams[0];
    peer_send(fd, "half");
    expect_code(f.loop, ferry_stream_read_until(stream, "\n", 0), FERRY_DEADLINE);
    ferry_stream_set_timeouts(stream, -1, 0);
    peer_send(fd, " whole\n");
    expect_text(f.loop, ferry_stream_read_until(stream, "\n", 0), "half whole\n");
    ferry_stream_set_timeouts(stream, 10, 0);
    expect_code(f.loop, ferry_stream_read_some(stream, 0), FERRY_DEADLINE);
    close(fd);
    fixture_close(&f);
}

static void the_deadline_of_a_read_ends_with_it(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, &(ferry_stream_options){.read_timeout_ms = 20});
    ferry_stream *stream = f.streams[0];
    ferry_future *read = ferry_stream_read_some(stream, 0);
    ferry_future_cancel(read);
    expect_code(f.loop, read, FERRY_CANCELLED);
    expect_code(f.loop, ferry_future_after(f.loop, 40), FERRY_OK); /* past its time */
    read = ferry_stream_read_some(stream, 0);
    close(fd);
    ferry_error error;
    assert_null(ferry_loop_run_sync(f.loop, read, 0, &error)); /* on a busy machine it is late */
    expect_code(f.loop, ferry_future_after(f.loop, 40), FERRY_OK);
    fixture_close(&f);
}

static void a_cancelled_read_makes_way_at_once(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    struct outcome cancelled = {0};
    ferry_future *future = ferry_stream_read_bytes(stream, 3);
    ferry_future_then(future, on_outcome, &cancelled);
    ferry_future_cancel(future);
    ferry_future_cancel(future);
    assert_false(cancelled.is_done); /* told in a later turn */
    peer_send(fd, "abc");
    expect_text(f.loop, ferry_stream_read_bytes(stream, 3), "abc");
    assert_int_equal(cancelled.error.code, FERRY_CANCELLED);
    close(fd);
    fixture_close(&f);
}

/* What nobody reads stays with the peer. */
static bool is_stuck(void *arg)
{
    static char zeros[65536];
    struct drain *peer = arg;
    ssize_t n = send(peer->fd, zeros, sizeof zeros, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        peer->received = 0; /* turns without progress */
    else
        peer->received++;
    peer->wanted += n > 0 ? (size_t)n : 0;
    return peer->received == 20;
}

static void what_nobody_reads_stays_with_the_peer(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct drain peer = {.fd = fd};
    assert_true(run_until(f.loop, is_stuck, &peer));
    size_t sent = peer.wanted, got = 0;
    struct outcome first = await(f.loop, ferry_stream_read_some(f.streams[0], 0));
    ferry_bytes *bytes = first.result;
    assert_non_null(bytes);
    assert_in_range(bytes->length, 64 << 10, 64 << 11); /* what was taken in meanwhile */
    for (got = bytes->length; got < sent; got += bytes->length) {
        ferry_bytes_free(bytes);
        bytes = await(f.loop, ferry_stream_read_some(f.streams[0], 0)).result;
        assert_non_null(bytes);
    }
    ferry_bytes_free(bytes);
    assert_int_equal(got, sent);
    close(fd);
    fixture_close(&f);
}

static void a_large_read_is_taken_in_whole(void **state)
{
    (void)state;
    enum { LENGTH = 13 << 14 }; /* libevent reads 16 KiB a time: the maximum is met exactly */
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    char *text = malloc(LENGTH + 1);
    memset(text, 'x', LENGTH);
    text[LENGTH] = '\0';
    peer_send(fd, text);
    expect_text(f.loop, ferry_stream_read_bytes(f.streams[0], LENGTH), text);
    text[LENGTH - 1] = '\n';
    peer_send(fd, text);
    expect_text(f.loop, ferry_stream_read_until(f.streams[0], "\n", LENGTH), text);
    peer_send(fd, text);
    peer_send(fd, "x");
    expect_code(f.loop, ferry_stream_read_until_close(f.streams[0], LENGTH), FERRY_TOO_LARGE);
    free(text);
    close(fd);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_bytes_make_a_message),
        cmocka_unit_test(messages_of_one_segment_are_told_apart),
        cmocka_unit_test(a_delimiter_may_lie_across_segments),
        cmocka_unit_test(past_the_maximum_a_read_fails_and_takes_nothing),
        cmocka_unit_test(a_read_until_close_has_all),
        cmocka_unit_test(without_a_maximum_a_read_has_all_as_well),
        cmocka_unit_test(what_came_before_the_end_stays),
        cmocka_unit_test(what_came_before_a_reset_stays),
        cmocka_unit_test(one_read_at_a_time),
        cmocka_unit_test(a_read_has_a_deadline_and_takes_nothing),
        cmocka_unit_test(the_deadline_of_a_read_ends_with_it),
        cmocka_unit_test(a_cancelled_read_makes_way_at_once),
        cmocka_unit_test(what_nobody_reads_stays_with_the_peer),
        cmocka_unit_test(a_large_read_is_taken_in_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
