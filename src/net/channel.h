/*
 * Channels: sockets that were accepted, read and written without blocking, as they are or through
 * TLS. Loop thread.
 */
#ifndef NET_CHANNEL_H
#define NET_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "tls.h"

/* Embedded. */
struct channel {
    int fd;   /* -1: closed */
    SSL *ssl; /* NULL: plain */
    /* What the kernel has to be ready for, EV_READ or EV_WRITE, so that more can be read, or
     * written: within TLS each may need the other. */
    short read_needs, write_needs;
    uint64_t plain_bytes; /* that the kernel has taken, without TLS */
};

/* What else reading and writing return. */
enum {
    CHANNEL_LATER = -1,  /* nothing now */
    CHANNEL_BROKEN = -2, /* nothing ever again */
};

/* Begin with a socket that does not block. With `tls` nothing ever goes over it in plain text;
 * the handshake takes place in the first reads and writes, and `protocol`, which is static, is what
 * ALPN may agree on. Owns: the channel, until channel_close, if it returns that there was memory.
 */
bool channel_open(struct channel *channel, int fd, ferry_tls *tls, const char *protocol);
void channel_close(struct channel *channel);

/* Read once. Returns the number of bytes, 0 at the end of what the peer sends, or one of the above.
 * With TLS a room of 16 KiB takes all that has been decrypted. */
ssize_t channel_read(struct channel *channel, void *data, size_t size);

/* Write once, from several parts. Returns the number of bytes, or one of the above: after LATER
 * the same bytes must come again. */
ssize_t channel_write(struct channel *channel, const struct iovec *parts, size_t count);

/* Return how many bytes the kernel has taken so far, those of TLS itself included. */
uint64_t channel_written_bytes(const struct channel *channel);

/* Say that nothing more is written, as far as the kernel takes it now. */
void channel_say_end(struct channel *channel);

/* Return the subject of the peer's certificate, as RFC 2253 writes it, from malloc; NULL when it
 * has shown none that is good. */
char *channel_peer_subject(const struct channel *channel);

#endif
