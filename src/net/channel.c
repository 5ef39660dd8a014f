/*
 * Channels. No state but their own, and how OpenSSL writes to a socket, which is made once.
 *
 * There is no way from TLS to plain text: a channel with an SSL speaks TLS, or nothing. A record
 * that was encrypted and not yet sent is OpenSSL's; it wants to see the same bytes again, not the
 * same buffer.
 *
 * A peer that has gone is no reason for a SIGPIPE, which would end a process that does not expect
 * it. OpenSSL's own socket raises one, so that of a channel is the same but for the writing.
 */
#include "channel.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- what OpenSSL reads and writes ---- */

static pthread_once_t quiet_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *quiet; /* NULL: no memory */

static int quiet_write(BIO *bio, const char *data, int length)
{
    int fd = -1;
    BIO_get_fd(bio, &fd);
    BIO_clear_retry_flags(bio);
    ssize_t n = send(fd, data, (size_t)length, MSG_NOSIGNAL);
    if (n <= 0 && BIO_sock_should_retry((int)n))
        BIO_set_retry_write(bio);
    return (int)n;
}

static void quiet_init(void)
{
    const BIO_METHOD *loud = BIO_s_socket();
    quiet = BIO_meth_new(BIO_TYPE_SOCKET, "quiet socket");
    if (quiet && BIO_meth_set_write(quiet, quiet_write) == 1 &&
        BIO_meth_set_read(quiet, BIO_meth_get_read(loud)) == 1 &&
        BIO_meth_set_ctrl(quiet, BIO_meth_get_ctrl(loud)) == 1 &&
        BIO_meth_set_create(quiet, BIO_meth_get_create(loud)) == 1 &&
        BIO_meth_set_destroy(quiet, BIO_meth_get_destroy(loud)) == 1)
        return;
    BIO_meth_free(quiet);
    quiet = NULL;
}

/* The socket stays the channel's. Returns whether there was memory. */
static bool use_socket(SSL *ssl, int fd)
{
    pthread_once(&quiet_once, quiet_init);
    BIO *bio = quiet ? BIO_new(quiet) : NULL;
    if (!bio)
        return false;
    BIO_set_fd(bio, fd, BIO_NOCLOSE);
    SSL_set_bio(ssl, bio, bio);
    return true;
}

/* ---- life ---- */

bool channel_open(struct channel *channel, int fd, ferry_tls *tls, const char *protocol)
{
    *channel = (struct channel){.fd = fd, .read_needs = EV_READ, .write_needs = EV_WRITE};
    if (!tls)
        return true;
    SSL *ssl = tls_connection_new(tls, NULL);
    if (!ssl || !use_socket(ssl, fd)) {
        SSL_free(ssl);
        ERR_clear_error();
        return false;
    }
    SSL_set_app_data(ssl, (char *)protocol);
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_accept_state(ssl);
    channel->ssl = ssl;
    return true;
}

void channel_close(struct channel *channel)
{
    if (channel->ssl)
        SSL_free(channel->ssl);
    channel->ssl = NULL;
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
}

static bool is_passing(int number)
{
    return number == EAGAIN || number == EINTR || number == ENOBUFS || number == ENOMEM;
}

/* ---- TLS ---- */

/* What it means that OpenSSL did nothing. */
static ssize_t tls_outcome(const struct channel *channel, int rc, short *needs)
{
    int outcome = SSL_get_error(channel->ssl, rc);
    ERR_clear_error();
    switch (outcome) {
    case SSL_ERROR_WANT_READ:
        *needs = EV_READ;
        return CHANNEL_LATER;
    case SSL_ERROR_WANT_WRITE:
        *needs = EV_WRITE;
        return CHANNEL_LATER;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return CHANNEL_BROKEN;
    }
}

static ssize_t tls_read(struct channel *channel, void *data, size_t size)
{
    size_t n = 0;
    ERR_clear_error();
    int rc = SSL_read_ex(channel->ssl, data, size, &n);
    channel->read_needs = EV_READ;
    return rc > 0 ? (ssize_t)n : tls_outcome(channel, rc, &channel->read_needs);
}

static ssize_t tls_write(struct channel *channel, const struct iovec *part)
{
    size_t n = 0;
    ERR_clear_error();
    int rc = SSL_write_ex(channel->ssl, part->iov_base, part->iov_len, &n);
    channel->write_needs = EV_WRITE;
    ssize_t outcome = rc > 0 ? (ssize_t)n : tls_outcome(channel, rc, &channel->write_needs);
    return outcome == 0 ? CHANNEL_BROKEN : outcome;
}

/* ---- both ---- */

ssize_t channel_read(struct channel *channel, void *data, size_t size)
{
    if (channel->ssl)
        return tls_read(channel, data, size);
    ssize_t n = recv(channel->fd, data, size, MSG_DONTWAIT);
    if (n >= 0)
        return n;
    return is_passing(errno) ? CHANNEL_LATER : CHANNEL_BROKEN;
}

ssize_t channel_write(struct channel *channel, const struct iovec *parts, size_t count)
{
    if (channel->ssl)
        return tls_write(channel, parts);
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = count};
    ssize_t n = count == 1 ? send(channel->fd, parts->iov_base, parts->iov_len, flags)
                           : sendmsg(channel->fd, &message, flags);
    if (n < 0)
        return is_passing(errno) ? CHANNEL_LATER : CHANNEL_BROKEN;
    channel->plain_bytes += (uint64_t)n;
    return n;
}

uint64_t channel_written_bytes(const struct channel *channel)
{
    return channel->ssl ? BIO_number_written(SSL_get_wbio(channel->ssl)) : channel->plain_bytes;
}

void channel_say_end(struct channel *channel)
{
    SSL *ssl = channel->ssl;
    if (!ssl)
        return;
    if (SSL_is_init_finished(ssl) && !(SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN))
        SSL_shutdown(ssl);
    ERR_clear_error();
}

/* ---- who is there ---- */

/* The text of a name; control bytes and what is not ASCII are escaped. */
static char *name_text(const X509_NAME *name)
{
    char *text = NULL, *data;
    BIO *out = BIO_new(BIO_s_mem());
    if (out && X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) >= 0 &&
        BIO_write(out, "", 1) == 1 && BIO_get_mem_data(out, &data) > 1)
        text = strdup(data);
    BIO_free(out);
    return text;
}

char *channel_peer_subject(const struct channel *channel)
{
    X509 *certificate = channel->ssl ? SSL_get1_peer_certificate(channel->ssl) : NULL;
    if (!certificate)
        return NULL;
    char *text = SSL_get_verify_result(channel->ssl) == X509_V_OK
                     ? name_text(X509_get_subject_name(certificate))
                     : NULL;
    X509_free(certificate);
    ERR_clear_error();
    return text;
}
