/*
 * Channels over pairs of sockets, plain and with TLS. The peer's end does not block either, so that
 * the two take turns in one thread. No test ignores SIGPIPE: a channel must not raise one.
 */
#include "certificate.h"

#include <event2/event.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

#include "channel.h"

enum { MANY_BYTES = 3 << 20, TURNS = 100000 };

static bool has_no_ssl;

static SSL *(*real_SSL_new)(SSL_CTX *context);

static SSL *new_or_none(SSL_CTX *context)
{
    return has_no_ssl ? NULL : real_SSL_new(context);
}

static int make(void **state)
{
    assert_null(libssl_load());
    real_SSL_new = libssl.SSL_new_;
    libssl.SSL_new_ = new_or_none;
    return certificate_make(state);
}

/* ---- both ends ---- */

struct ends {
    struct channel channel;
    int fd;           /* the peer's */
    SSL *ssl;         /* the peer's; NULL: plain */
    SSL_CTX *context; /* of that */
};

static void open_sockets(struct ends *ends, int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    *ends = (struct ends){.fd = fds[1]};
}

static void open_plain(struct ends *ends)
{
    int fds[2];
    open_sockets(ends, fds);
    assert_true(channel_open(&ends->channel, fds[0], NULL, NULL));
}

static void open_tls(struct ends *ends, bool shows)
{
    int fds[2];
    open_sockets(ends, fds);
    ferry_tls *tls = certificate_tls(true);
    assert_true(channel_open(&ends->channel, fds[0], tls, "http/1.1"));
    ferry_tls_free(tls);
    ends->context = certificate_client(shows);
    ends->ssl = real_SSL_new(ends->context);
    SSL_set_fd(ends->ssl, ends->fd);
    SSL_set_connect_state(ends->ssl);
}

static void close_peer(struct ends *ends)
{
    SSL_free(ends->ssl);
    SSL_CTX_free(ends->context);
    ends->ssl = NULL;
    ends->context = NULL;
    if (ends->fd >= 0)
        close(ends->fd);
    ends->fd = -1;
}

static void close_both(struct ends *ends)
{
    channel_close(&ends->channel);
    close_peer(ends);
}

/* Read as the peer: how many bytes, 0 for none now or its end. */
static size_t peer_read(struct ends *ends, void *data, size_t size)
{
    if (!ends->ssl) {
        ssize_t n = recv(ends->fd, data, size, 0);
        return n > 0 ? (size_t)n : 0;
    }
    size_t n = 0;
    ERR_clear_error();
    return SSL_read_ex(ends->ssl, data, size, &n) == 1 ? n : 0;
}

/* Shake hands: nobody has bytes to read, so both only do that. */
static void shake_hands(struct ends *ends)
{
    char c;
    for (int i = 0; i < TURNS && !SSL_is_init_finished(ends->channel.ssl); i++) {
        SSL_do_handshake(ends->ssl);
        assert_int_equal(channel_read(&ends->channel, &c, 1), CHANNEL_LATER);
        assert_int_equal(ends->channel.read_needs, EV_READ);
    }
    assert_true(SSL_is_init_finished(ends->channel.ssl));
}

static ssize_t write_text(struct channel *channel, const char *text)
{
    const struct iovec part = {.iov_base = (void *)text, .iov_len = strlen(text)};
    return channel_write(channel, &part, 1);
}

/* ---- reading and writing ---- */

static void assert_talks(struct ends *ends)
{
    char text[64];
    assert_int_equal(channel_read(&ends->channel, text, sizeof text), CHANNEL_LATER);
    if (ends->ssl)
        assert_int_equal(SSL_write(ends->ssl, "hello", 5), 5);
    else
        assert_int_equal(send(ends->fd, "hello", 5, 0), 5);
    assert_int_equal(channel_read(&ends->channel, text, sizeof text), 5);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(channel_read(&ends->channel, text, sizeof text), CHANNEL_LATER);
    assert_int_equal(write_text(&ends->channel, "there"), 5);
    assert_int_equal(peer_read(ends, text, sizeof text), 5);
    assert_memory_equal(text, "there", 5);
}

static void what_is_sent_arrives(void **state)
{
    (void)state;
    struct ends ends;
    open_plain(&ends);
    assert_talks(&ends);
    assert_int_equal(channel_written_bytes(&ends.channel), 5);
    close_both(&ends);
}

static void what_is_sent_over_tls_arrives(void **state)
{
    (void)state;
    struct ends ends;
    open_tls(&ends, false);
    shake_hands(&ends);
    assert_talks(&ends);
    assert_int_equal(channel_written_bytes(&ends.channel), BIO_number_read(SSL_get_rbio(ends.ssl)));
    close_both(&ends);
}

static void parts_go_in_one_write(void **state)
{
    (void)state;
    struct ends ends;
    open_plain(&ends);
    struct iovec parts[] = {{.iov_base = (char[]){"one "}, .iov_len = 4},
                            {.iov_base = (char[]){"two"}, .iov_len = 3}};
    char text[64];
    assert_int_equal(channel_write(&ends.channel, parts, 2), 7);
    assert_int_equal(peer_read(&ends, text, sizeof text), 7);
    assert_memory_equal(text, "one two", 7);
    close_both(&ends);
}

/* The handshake may be left to the writes: they wait for what the peer has to say. */
static void a_write_shakes_hands_as_well(void **state)
{
    (void)state;
    struct ends ends;
    open_tls(&ends, false);
    ssize_t n = CHANNEL_LATER;
    char text[64];
    for (int i = 0; i < TURNS && n == CHANNEL_LATER; i++) {
        n = write_text(&ends.channel, "hello");
        assert_int_equal(ends.channel.write_needs, n == CHANNEL_LATER ? EV_READ : EV_WRITE);
        SSL_do_handshake(ends.ssl);
    }
    assert_int_equal(n, 5);
    assert_int_equal(peer_read(&ends, text, sizeof text), 5);
    close_both(&ends);
}

/* Fill what the channel's socket takes, past TLS; returns how much that is. */
static size_t fill(const struct ends *ends)
{
    static const char filling[4096];
    size_t length = 0;
    ssize_t n;
    while ((n = send(ends->channel.fd, filling, sizeof filling, MSG_DONTWAIT)) > 0)
        length += (size_t)n;
    return length;
}

static void drain(const struct ends *ends, size_t length)
{
    char part[4096];
    while (length > 0) {
        ssize_t n = recv(ends->fd, part, length < sizeof part ? length : sizeof part, 0);
        assert_true(n > 0);
        length -= (size_t)n;
    }
}

/* A read that has something to say first, here the handshake's end, waits until that can be sent;
 * the next one waits for bytes again. */
static void a_read_waits_for_room_where_it_has_to_write(void **state)
{
    (void)state;
    struct ends ends;
    char text[64];
    open_tls(&ends, false);
    SSL_do_handshake(ends.ssl);
    assert_int_equal(channel_read(&ends.channel, text, sizeof text), CHANNEL_LATER);
    size_t filled = fill(&ends);
    SSL_do_handshake(ends.ssl);
    assert_true(SSL_is_init_finished(ends.ssl));
    assert_int_equal(SSL_write(ends.ssl, "hello", 5), 5);
    assert_int_equal(channel_read(&ends.channel, text, sizeof text), CHANNEL_LATER);
    assert_int_equal(ends.channel.read_needs, EV_WRITE);
    drain(&ends, filled);
    assert_int_equal(channel_read(&ends.channel, text, sizeof text), 5);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(ends.channel.read_needs, EV_READ);
    close_both(&ends);
}

/* Each attempt has the bytes elsewhere: those of one that failed are taken from there, and no more
 * than there were. */
static void assert_many_arrive(struct ends *ends)
{
    static unsigned char out[2][MANY_BYTES], in[MANY_BYTES];
    for (size_t i = 0; i < MANY_BYTES; i++)
        out[0][i] = out[1][i] = (unsigned char)(i * 7 + i / 251);
    size_t sent = 0, received = 0;
    unsigned full = 0;
    for (int i = 0; i < TURNS && received < MANY_BYTES; i++) {
        struct iovec rest = {.iov_base = out[i % 2] + sent, .iov_len = MANY_BYTES - sent};
        ssize_t n = rest.iov_len > 0 ? channel_write(&ends->channel, &rest, 1) : CHANNEL_LATER;
        assert_int_not_equal(n, CHANNEL_BROKEN);
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        full += sent < MANY_BYTES;
        assert_int_equal(ends->channel.write_needs, EV_WRITE);
        received += peer_read(ends, in + received, MANY_BYTES - received);
    }
    assert_int_equal(received, MANY_BYTES);
    assert_memory_equal(out[0], in, MANY_BYTES);
    assert_true(full > 0);
    assert_true(channel_written_bytes(&ends->channel) >= MANY_BYTES);
}

static void a_full_socket_takes_the_rest_later(void **state)
{
    (void)state;
    struct ends ends;
    open_plain(&ends);
    assert_many_arrive(&ends);
    assert_int_equal(channel_written_bytes(&ends.channel), MANY_BYTES);
    close_both(&ends);
    open_tls(&ends, false);
    shake_hands(&ends);
    assert_many_arrive(&ends);
    close_both(&ends);
}

/* ---- ends ---- */

static void the_end_of_what_the_peer_sends_is_read(void **state)
{
    (void)state;
    struct ends ends;
    char c;
    open_plain(&ends);
    shutdown(ends.fd, SHUT_WR);
    assert_int_equal(channel_read(&ends.channel, &c, 1), 0);
    close_both(&ends);
    for (int i = 0; i < 2; i++) { /* as TLS says it, and without a word */
        open_tls(&ends, false);
        shake_hands(&ends);
        if (i == 0)
            SSL_shutdown(ends.ssl);
        shutdown(ends.fd, SHUT_WR);
        assert_int_equal(channel_read(&ends.channel, &c, 1), 0);
        assert_int_equal(write_text(&ends.channel, "still"), 5);
        close_both(&ends);
    }
}

static void an_end_is_said_once(void **state)
{
    (void)state;
    struct ends ends;
    char c;
    open_tls(&ends, false);
    channel_say_end(&ends.channel); /* too early: there is nothing to say yet */
    assert_int_equal(channel_written_bytes(&ends.channel), 0);
    shake_hands(&ends);
    peer_read(&ends, &c, 1);
    channel_say_end(&ends.channel);
    uint64_t written = channel_written_bytes(&ends.channel);
    channel_say_end(&ends.channel);
    assert_int_equal(channel_written_bytes(&ends.channel), written);
    assert_int_equal(peer_read(&ends, &c, 1), 0);
    assert_true(SSL_get_shutdown(ends.ssl) & SSL_RECEIVED_SHUTDOWN);
    assert_int_equal(channel_read(&ends.channel, &c, 1), CHANNEL_LATER); /* the peer may go on */
    assert_int_equal(ERR_peek_error(), 0);
    close_both(&ends);
}

static void a_peer_that_has_gone_raises_no_signal(void **state)
{
    (void)state;
    struct ends ends;
    open_plain(&ends);
    close_peer(&ends);
    assert_int_equal(write_text(&ends.channel, "x"), CHANNEL_BROKEN);
    close_both(&ends);
    open_tls(&ends, false);
    shake_hands(&ends);
    close_peer(&ends);
    assert_int_equal(write_text(&ends.channel, "x"), CHANNEL_BROKEN);
    channel_say_end(&ends.channel);
    assert_int_equal(ERR_peek_error(), 0);
    close_both(&ends);
}

/* ---- TLS or nothing ---- */

static void plain_bytes_break_a_channel_with_tls(void **state)
{
    (void)state;
    struct ends ends;
    int fds[2];
    char text[256];
    open_sockets(&ends, fds);
    ferry_tls *tls = certificate_tls(false);
    assert_true(channel_open(&ends.channel, fds[0], tls, "http/1.1"));
    ferry_tls_free(tls);
    assert_int_equal(send(ends.fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
    assert_int_equal(channel_read(&ends.channel, text, sizeof text), CHANNEL_BROKEN);
    assert_int_equal(write_text(&ends.channel, "HTTP/1.1 200 OK\r\n"), CHANNEL_BROKEN);
    channel_say_end(&ends.channel);
    assert_int_equal(ERR_peek_error(), 0);
    size_t n = peer_read(&ends, text, sizeof text);
    assert_null(memmem(text, n, "HTTP", 4));
    close_both(&ends);
}

static void without_memory_the_socket_stays_the_callers(void **state)
{
    (void)state;
    struct ends ends;
    int fds[2];
    open_sockets(&ends, fds);
    ferry_tls *tls = certificate_tls(false);
    has_no_ssl = true;
    assert_false(channel_open(&ends.channel, fds[0], tls, "http/1.1"));
    has_no_ssl = false;
    ferry_tls_free(tls);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    close(fds[0]);
    close_peer(&ends);
}

/* ---- who is there ---- */

static void assert_subject(bool shows, const char *subject)
{
    struct ends ends;
    open_tls(&ends, shows);
    assert_null(channel_peer_subject(&ends.channel));
    shake_hands(&ends);
    char *text = channel_peer_subject(&ends.channel);
    if (subject)
        assert_string_equal(text, subject);
    else
        assert_null(text);
    free(text);
    close_both(&ends);
}

static void a_peer_is_known_by_its_certificate(void **state)
{
    (void)state;
    struct ends ends;
    assert_subject(true, "CN=here");
    assert_subject(false, NULL);
    open_plain(&ends);
    assert_null(channel_peer_subject(&ends.channel));
    close_both(&ends);
}

static long not_verified(const SSL *ssl)
{
    (void)ssl;
    return X509_V_ERR_CERT_UNTRUSTED;
}

/* A handshake with such a one fails already: this is the second lock. */
static void a_certificate_that_nobody_vouches_for_names_nobody(void **state)
{
    (void)state;
    const struct libssl real = libssl;
    libssl.SSL_get_verify_result_ = not_verified;
    assert_subject(true, NULL);
    libssl = real;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_arrives),
        cmocka_unit_test(what_is_sent_over_tls_arrives),
        cmocka_unit_test(parts_go_in_one_write),
        cmocka_unit_test(a_write_shakes_hands_as_well),
        cmocka_unit_test(a_read_waits_for_room_where_it_has_to_write),
        cmocka_unit_test(a_full_socket_takes_the_rest_later),
        cmocka_unit_test(the_end_of_what_the_peer_sends_is_read),
        cmocka_unit_test(an_end_is_said_once),
        cmocka_unit_test(a_peer_that_has_gone_raises_no_signal),
        cmocka_unit_test(plain_bytes_break_a_channel_with_tls),
        cmocka_unit_test(without_memory_the_socket_stays_the_callers),
        cmocka_unit_test(a_peer_is_known_by_its_certificate),
        cmocka_unit_test(a_certificate_that_nobody_vouches_for_names_nobody),
    };
    return cmocka_run_group_tests(tests, make, certificate_remove);
}
