/*
 * Writing: flushed means that the kernel has it; backpressure, half-close, deadlines.
 */
#include "certificate.h"

#include <fcntl.h>

#include <ferry/coroutine.h>

#include "libssl.h"
#include "loop/watchdog.h"
#include "net/fixture.h"

enum { MUCH = 8 << 20 };

static char much[MUCH];

static void a_write_is_done_when_it_is_sent(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    ferry_future *first = ferry_stream_write(stream, "hello ", 6);
    ferry_future *second = ferry_stream_write(stream, "there", 5);
    assert_false(ferry_future_is_done(first));
    assert_int_equal(ferry_stream_unsent_bytes(stream), 11);
    expect_code(f.loop, second, FERRY_OK);
    assert_true(ferry_future_is_done(first));
    ferry_future_free(first);
    assert_int_equal(ferry_stream_unsent_bytes(stream), 0);
    peer_expect(fd, "hello there");
    expect_code(f.loop, ferry_stream_write(stream, NULL, 0), FERRY_OK);
    close(fd);
    fixture_close(&f);
}

static void a_slow_peer_holds_writes_back(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    struct outcome large = {0}, last = {0};
    ferry_future_then(ferry_stream_write(stream, much, MUCH - 1), on_outcome, &large);
    ferry_future_then(ferry_stream_write(stream, ".", 1), on_outcome, &last);
    expect_code(f.loop, ferry_stream_write(stream, much, MUCH), FERRY_REJECTED);
    struct drain drain = {.fd = fd, .wanted = 1 << 20};
    assert_true(run_until(f.loop, drain_some, &drain));
    assert_false(last.is_done);
    assert_true(ferry_stream_unsent_bytes(stream) > 0);
    drain.wanted = MUCH;
    assert_true(run_until(f.loop, drain_some, &drain));
    assert_int_equal(drain.received, MUCH);
    expect_done(f.loop, &last);
    assert_true(large.is_done);
    assert_int_equal(large.error.code, FERRY_OK);
    assert_int_equal(last.error.code, FERRY_OK);
    expect_code(f.loop, ferry_stream_write(stream, "x", 1), FERRY_OK); /* there is room again */
    close(fd);
    fixture_close(&f);
}

static void the_bound_of_unsent_bytes_is_exact(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, &(ferry_stream_options){.max_unsent_bytes = 10});
    ferry_stream *stream = f.streams[0];
    expect_code(f.loop, ferry_stream_write(stream, much, 11), FERRY_REJECTED);
    ferry_future *fits = ferry_stream_write(stream, "12345", 5);
    struct outcome over = {0};
    ferry_future_then(ferry_stream_write(stream, "123456", 6), on_outcome, &over);
    expect_code(f.loop, ferry_stream_write(stream, "67890", 5), FERRY_OK);
    assert_int_equal(over.error.code, FERRY_REJECTED);
    ferry_future_free(fits);
    peer_expect(fd, "1234567890");
    close(fd);
    fixture_close(&f);
}

static void both_sides_end_one_after_the_other(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    expect_code(f.loop, ferry_stream_write(stream, NULL, 6), FERRY_INVALID);
    expect_code(f.loop, ferry_stream_write(stream, NULL, 0), FERRY_OK);
    peer_send(fd, "question");
    shutdown(fd, SHUT_WR);
    expect_text(f.loop, ferry_stream_read_until_close(stream, 0), "question");
    assert_false(ferry_stream_is_closed(stream));
    ferry_future *answer = ferry_stream_write(stream, "answer", 6);
    assert_int_equal(ferry_stream_shutdown_write(stream), 0);
    assert_int_equal(ferry_stream_shutdown_write(stream), 0);
    expect_code(f.loop, ferry_stream_write(stream, "more", 4), FERRY_CONFLICT);
    expect_code(f.loop, answer, FERRY_OK);
    peer_expect(fd, "answer");
    expect_end(f.loop, fd);
    assert_true(ferry_stream_is_closed(stream));
    close(fd);
    fixture_close(&f);
}

static void after_our_end_reading_goes_on(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_stream *stream = f.streams[0];
    assert_int_equal(ferry_stream_shutdown_write(stream), 0);
    expect_end(f.loop, fd);
    peer_send(fd, "late");
    expect_text(f.loop, ferry_stream_read_bytes(stream, 4), "late");
    assert_false(ferry_stream_is_closed(stream));
    peer_send(fd, "last");
    close(fd);
    expect_text(f.loop, ferry_stream_read_until_close(stream, 0), "last");
    assert_true(ferry_stream_is_closed(stream));
    expect_code(f.loop, ferry_stream_read_some(stream, 0), FERRY_GONE);
    expect_code(f.loop, ferry_stream_write(stream, "x", 1), FERRY_GONE);
    fixture_close(&f);
}

/* ---- our end, over TLS ---- */

/* A peer that speaks TLS by itself, step by step while the loop runs. */
struct tls_peer {
    SSL_CTX *context;
    SSL *ssl;
    char got[64];
    size_t length;
    int ended; /* of SSL_get_error */
};

static bool has_shaken_hands(void *arg)
{
    struct tls_peer *peer = arg;
    return SSL_do_handshake(peer->ssl) == 1;
}

static bool has_read_to_the_end(void *arg)
{
    struct tls_peer *peer = arg;
    int n = SSL_read(peer->ssl, peer->got + peer->length, (int)(sizeof peer->got - peer->length));
    peer->length += n > 0 ? (size_t)n : 0;
    peer->ended = n > 0 ? SSL_ERROR_NONE : SSL_get_error(peer->ssl, n);
    return peer->ended != SSL_ERROR_NONE && peer->ended != SSL_ERROR_WANT_READ;
}

static void tls_peer_open(struct tls_peer *peer, struct fixture *f)
{
    const ferry_stream_listen_options options = {.tls = certificate_tls(false)};
    fixture_open(f, &options);
    ferry_tls_free(options.tls);
    int fd = peer_open(fixture_address(f));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    *peer = (struct tls_peer){.context = certificate_client(false)};
    peer->ssl = SSL_new(peer->context);
    SSL_set_fd(peer->ssl, fd);
    SSL_set_connect_state(peer->ssl);
    assert_true(run_until(f->loop, has_shaken_hands, peer));
    assert_true(run_until(f->loop, has_stream, f));
}

static void tls_peer_close(struct tls_peer *peer)
{
    close(SSL_get_fd(peer->ssl));
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
}

/* Without that word nobody could tell it from one who cuts the connection. */
static void our_end_is_said_in_tls_and_reading_goes_on(void **state)
{
    (void)state;
    struct fixture f;
    struct tls_peer peer;
    tls_peer_open(&peer, &f);
    ferry_future_free(ferry_stream_write(f.streams[0], "answer", 6));
    assert_int_equal(ferry_stream_shutdown_write(f.streams[0]), 0);
    assert_true(run_until(f.loop, has_read_to_the_end, &peer));
    assert_memory_equal(peer.got, "answer", 6);
    assert_int_equal(peer.ended, SSL_ERROR_ZERO_RETURN);
    assert_int_equal(SSL_write(peer.ssl, "late", 4), 4);
    expect_text(f.loop, ferry_stream_read_bytes(f.streams[0], 4), "late");
    tls_peer_close(&peer);
    fixture_close(&f);
}

static int no_shutdown(SSL *ssl)
{
    (void)ssl;
    return -1;
}

static void an_end_that_cannot_be_said_in_tls_is_the_sockets(void **state)
{
    (void)state;
    struct fixture f;
    struct tls_peer peer;
    tls_peer_open(&peer, &f);
    const struct libssl real = libssl;
    libssl.SSL_shutdown_ = no_shutdown;
    assert_int_equal(ferry_stream_shutdown_write(f.streams[0]), 0);
    libssl = real;
    assert_true(run_until(f.loop, has_read_to_the_end, &peer));
    assert_int_not_equal(peer.ended, SSL_ERROR_ZERO_RETURN);
    tls_peer_close(&peer);
    fixture_close(&f);
}

static void stop(void *arg)
{
    ferry_loop_stop(arg);
}

static void note_error(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)line, (void)length;
    *(bool *)arg |= level == FERRY_LOG_ERROR;
}

/* libevent tells of a write in TLS later in the turn, and holds the connection until it has. */
static void a_stream_that_has_just_written_in_tls_leaves_nothing_to_a_loop_that_ends(void **state)
{
    (void)state;
    struct fixture f;
    struct tls_peer peer;
    tls_peer_open(&peer, &f);
    ferry_future *write = ferry_stream_write(f.streams[0], "last", 4);
    ferry_loop_call_later(f.loop, 0, stop, f.loop);
    assert_int_equal(ferry_loop_run(f.loop), 0);
    assert_int_equal(ferry_stream_unsent_bytes(f.streams[0]), 0);
    assert_false(ferry_future_is_done(write));
    ferry_future_free(write);
    tls_peer_close(&peer);
    bool has_error = false;
    ferry_log_set_sink(note_error, &has_error);
    fixture_close(&f);
    ferry_log_set_sink(NULL, NULL);
    assert_false(has_error); /* and what has leaked is for the sanitizer to tell */
}

/* ---- peers that take nothing, or little ---- */

static void note_reason(ferry_stream *stream, const ferry_error *why, void *arg)
{
    assert_true(ferry_stream_is_closed(stream));
    *(ferry_code *)arg = why->code;
}

static void a_peer_that_takes_nothing_is_given_up(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, &(ferry_stream_options){.write_timeout_ms = 30});
    ferry_stream *stream = f.streams[0];
    ferry_code why = FERRY_OK;
    ferry_stream_set_on_close(stream, note_reason, &why);
    struct outcome read = {0};
    ferry_future_then(ferry_stream_read_some(stream, 0), on_outcome, &read);
    expect_code(f.loop, ferry_stream_write(stream, much, MUCH), FERRY_DEADLINE);
    expect_done(f.loop, &read);
    assert_int_equal(read.error.code, FERRY_DEADLINE);
    assert_true(ferry_stream_is_closed(stream));
    assert_int_equal(why, FERRY_DEADLINE);
    close(fd);
    fixture_close(&f);
}

struct slow_peer {
    struct drain drain;
    ferry_loop *loop;
    int64_t next_ms;
};

/* Takes 128 KiB every 40 ms: more than twice the write's timeout in all, but never still. */
static bool drain_slowly(void *arg)
{
    struct slow_peer *peer = arg;
    int64_t now_ms = ferry_loop_now_ms(peer->loop);
    if (now_ms < peer->next_ms)
        return false;
    peer->next_ms = now_ms + 40;
    size_t end = peer->drain.received + (128 << 10);
    for (int i = 0; i < 32 && peer->drain.received < end && !drain_some(&peer->drain); i++)
        ;
    return peer->drain.received >= peer->drain.wanted || peer->drain.has_ended;
}

/* Over a unix socket: its buffer does not grow. */
static void a_deadline_may_be_as_far_off_as_can_be_said(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, &(ferry_stream_options){.write_timeout_ms = INT64_MAX});
    struct outcome outcome = {0};
    ferry_future_then(ferry_stream_write(f.streams[0], much, MUCH), on_outcome, &outcome);
    struct drain drain = {.fd = fd, .wanted = MUCH};
    assert_true(run_until(f.loop, drain_some, &drain));
    expect_done(f.loop, &outcome);
    assert_int_equal(outcome.error.code, FERRY_OK);
    close(fd);
    fixture_close(&f);
}

static void progress_moves_the_deadline(void **state)
{
    (void)state;
    struct fixture f;
    char folder[] = "/tmp/ferry-net-XXXXXX", address[64];
    assert_non_null(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/socket", folder);
    fixture_open(&f, NULL);
    ferry_stream_listener_free(f.listener);
    fixture_listen(&f, address,
                   &(ferry_stream_listen_options){.stream = {.write_timeout_ms = 1200}});
    int fd = peer_open(address);
    assert_true(run_until(f.loop, has_stream, &f));
    struct outcome write = {0};
    ferry_future_then(ferry_stream_write(f.streams[0], much, MUCH), on_outcome, &write);
    struct slow_peer peer = {.drain = {.fd = fd, .wanted = MUCH}, .loop = f.loop};
    assert_true(run_until(f.loop, drain_slowly, &peer));
    assert_int_equal(peer.drain.received, MUCH);
    expect_done(f.loop, &write);
    assert_int_equal(write.error.code, FERRY_OK);
    close(fd);
    fixture_close(&f);
    assert_int_equal(rmdir(folder), 0);
}

static void a_broken_connection_fails_a_write(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct outcome write = {0};
    ferry_future_then(ferry_stream_write(f.streams[0], much, MUCH), on_outcome, &write);
    struct drain drain = {.fd = fd, .wanted = 1};
    assert_true(run_until(f.loop, drain_some, &drain));
    close(fd); /* with unread bytes: a reset */
    expect_done(f.loop, &write);
    assert_int_equal(write.error.code, FERRY_TRANSIENT);
    fixture_close(&f);
}

static void *write_for_ever(void *arg, ferry_error *error)
{
    struct fixture *f = arg;
    while (!error->code)
        ferry_await(ferry_stream_write(f->streams[0], much, MUCH), error);
    ferry_await(ferry_stream_write(f->streams[0], much, MUCH), error);
    assert_int_equal(error->code, FERRY_CANCELLED);
    ferry_stream_free(f->streams[0]);
    f->streams[0] = NULL;
    return NULL;
}

static bool is_unsent(void *stream)
{
    return ferry_stream_unsent_bytes(stream) > 0;
}

static void a_coroutine_that_writes_ends_with_its_loop(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    ferry_future_free(ferry_spawn(f.loop, write_for_ever, &f, NULL));
    assert_true(run_until(f.loop, is_unsent, f.streams[0]));
    ferry_stream_listener_free(f.listener);
    ferry_loop_free(f.loop);
    assert_null(f.streams[0]);
    close(fd);
}

static int make(void **state)
{
    assert_null(libssl_load());
    return certificate_make(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_done_when_it_is_sent),
        cmocka_unit_test(a_slow_peer_holds_writes_back),
        cmocka_unit_test(the_bound_of_unsent_bytes_is_exact),
        cmocka_unit_test(both_sides_end_one_after_the_other),
        cmocka_unit_test(after_our_end_reading_goes_on),
        cmocka_unit_test(our_end_is_said_in_tls_and_reading_goes_on),
        cmocka_unit_test(an_end_that_cannot_be_said_in_tls_is_the_sockets),
        cmocka_unit_test(a_stream_that_has_just_written_in_tls_leaves_nothing_to_a_loop_that_ends),
        cmocka_unit_test(a_peer_that_takes_nothing_is_given_up),
        cmocka_unit_test(a_deadline_may_be_as_far_off_as_can_be_said),
        cmocka_unit_test(progress_moves_the_deadline),
        cmocka_unit_test(a_broken_connection_fails_a_write),
        WATCHED(a_coroutine_that_writes_ends_with_its_loop),
    };
    return cmocka_run_group_tests(tests, make, certificate_remove);
}
