/*
 * Streams: TCP and unix sockets, read and written through futures. Tornado's IOStream and
 * TCPServer, in C.
 *
 *     static void on_stream(ferry_stream_listener *listener, ferry_stream *stream, void *ctx)
 *     {
 *         ferry_future_then(ferry_stream_read_until(stream, "\n", 1024), on_line, stream);
 *     }
 *     ferry_stream_listen(loop, "127.0.0.1:8888", NULL, on_stream, NULL, &error);
 *
 * Everything here is called on the loop's thread, and freed before the loop. Nothing blocks. A
 * future is NULL only without memory. An address is "127.0.0.1:8888", "[::1]:8888", ":8888" (every
 * address) or "unix:/run/x.sock". The process should ignore SIGPIPE.
 *
 * How an operation fails:
 *   FERRY_GONE       the peer has ended before what was asked for had come
 *   FERRY_TOO_LARGE  it did not come within the maximum
 *   FERRY_DEADLINE   it did not come in time
 *   FERRY_CANCELLED  the stream was closed here, or the future was cancelled
 *   FERRY_TRANSIENT  the connection broke
 *   FERRY_CONFLICT   a read is pending already; a write after ferry_stream_shutdown_write
 *   FERRY_REJECTED   too much is unsent
 *   FERRY_INTERNAL   no memory
 * A read that fails takes nothing: bytes that had come stay, for the next read. So the rest of what
 * a peer sent before it ended, or broke, is had by ferry_stream_read_some.
 */
#ifndef FERRY_STREAM_H
#define FERRY_STREAM_H

#include <ferry/executor.h>
#include <ferry/future.h>
#include <ferry/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_stream ferry_stream;
typedef struct ferry_stream_listener ferry_stream_listener;

/* The result of a read. A NUL stands behind the last byte, and is not counted. */
typedef struct ferry_bytes {
    char *data;
    size_t length;
} ferry_bytes;

/* Free bytes that were taken from a future; both parts at once. NULL is allowed. Thread: any. */
FERRY_API void ferry_bytes_free(ferry_bytes *bytes);

/* What a stream may hold, and how long it waits. Zero means the default in every field. */
typedef struct ferry_stream_options {
    size_t max_read_bytes;    /* that one read may ask for; 64 MiB */
    size_t max_unsent_bytes;  /* written and not yet taken by the kernel; 8 MiB */
    int64_t read_timeout_ms;  /* each read, from its start to its end; 60 s; -1: for ever */
    int64_t write_timeout_ms; /* without a byte that could be sent; 60 s; -1: for ever */
} ferry_stream_options;

/* ---- a server ---- */

typedef struct ferry_stream_listen_options {
    ferry_stream_options stream;  /* of every connection */
    unsigned max_connections;     /* open at once; 10000; past it new ones wait in the backlog */
    ferry_tls *tls;               /* NULL: none; kept as long as it is needed */
    int64_t handshake_timeout_ms; /* of TLS; 10 s; -1: for ever */
} ferry_stream_listen_options;

/* Called for each connection, once its handshake is done. `stream` is the callee's, who must free
 * it. The listener may be freed here. */
typedef void ferry_stream_handler(ferry_stream_listener *listener, ferry_stream *stream, void *ctx);

/*
 * Listen; port 0 picks one. A socket file that nobody listens on any more is replaced. TCP_NODELAY
 * and keepalive are set. `options` may be NULL.
 * Thread: loop. Owns: the caller, until ferry_stream_listener_free; `ctx` stays the caller's.
 * Errors: NULL and `error`: FERRY_INVALID the address does not parse (no name is looked up) or is
 * not of this machine, or `tls` is that of a client, FERRY_CONFLICT the address is in use,
 * FERRY_FORBIDDEN no permission, FERRY_INTERNAL.
 */
FERRY_API ferry_stream_listener *ferry_stream_listen(ferry_loop *loop, const char *address,
                                                     const ferry_stream_listen_options *options,
                                                     ferry_stream_handler *on_stream, void *ctx,
                                                     ferry_error *error);

/* Stop listening. Streams live on; handshakes in progress end. Thread: loop. NULL is allowed. */
FERRY_API void ferry_stream_listener_free(ferry_stream_listener *listener);

/* Return the address as it is bound, and how many connections are open. Thread: loop. */
FERRY_API const char *ferry_stream_listener_address(const ferry_stream_listener *listener);
FERRY_API unsigned ferry_stream_listener_connections(const ferry_stream_listener *listener);

/* ---- a client ---- */

typedef struct ferry_stream_connect_options {
    ferry_stream_options stream;
    ferry_executor *resolver; /* looks up names, which blocks; NULL: addresses only; must outlive
                                 the connecting */
    int64_t timeout_ms;       /* look-up, connecting and handshake together; 30 s; -1: for ever */
    ferry_tls *tls;           /* NULL: none */
    const char *tls_name;     /* whose certificate it must be; the address's host */
} ferry_stream_connect_options;

/*
 * Connect to "localhost:8888" or an address. The addresses of a name are tried in turn, each for
 * its share of the time that is left. `options` may be NULL; what it names is copied or kept.
 * Thread: loop. Owns: the result is a ferry_stream; take it (ferry_future_take) and free it.
 * ferry_future_cancel gives up.
 * Errors: FERRY_INVALID the address does not parse or `tls` is a server's, FERRY_NOT_FOUND no such
 * name, FERRY_TRANSIENT refused, unreachable or broken, FERRY_UNAUTHORIZED the certificate is not
 * trusted or not the host's, FERRY_DEADLINE, FERRY_CANCELLED, FERRY_REJECTED the resolver's queue
 * is full.
 */
FERRY_API ferry_future *ferry_stream_connect(ferry_loop *loop, const char *address,
                                             const ferry_stream_connect_options *options);

/* ---- reading: one at a time; the result is a ferry_bytes ---- */

/* Read to the end of the first `delimiter`, at most `max_bytes` with it (0: max_read_bytes).
 * Thread: loop. Owns: the delimiter is copied. Errors: above; FERRY_INVALID it is empty or NULL.
 */
FERRY_API ferry_future *ferry_stream_read_until(ferry_stream *stream, const char *delimiter,
                                                size_t max_bytes);

/* Read exactly `count` bytes. Thread: loop. Errors: above. */
FERRY_API ferry_future *ferry_stream_read_bytes(ferry_stream *stream, size_t count);

/* Read what there is, at least one byte and at most `max_bytes` (0: max_read_bytes). At the end
 * FERRY_GONE. Thread: loop. Errors: above. */
FERRY_API ferry_future *ferry_stream_read_some(ferry_stream *stream, size_t max_bytes);

/* Read all that comes until the peer ends, at most `max_bytes` (0: max_read_bytes); nothing is a
 * result too. Thread: loop. Errors: above. */
FERRY_API ferry_future *ferry_stream_read_until_close(ferry_stream *stream, size_t max_bytes);

/* ---- writing ---- */

/*
 * Write bytes behind those written before. The future is done, with NULL, when the kernel has taken
 * the last of them; it cannot be cancelled. Write more when it is done: that is the backpressure.
 * A peer that takes nothing for write_timeout_ms is given up: the stream closes with
 * FERRY_DEADLINE. Thread: loop. Owns: the bytes are copied. Errors: above; FERRY_INVALID NULL with
 * a length.
 */
FERRY_API ferry_future *ferry_stream_write(ferry_stream *stream, const void *data, size_t length);

/* End the sending side once all that was written is sent; reading goes on. A second call does
 * nothing. Thread: loop. Errors: that of the stream when it is closed. */
FERRY_API int ferry_stream_shutdown_write(ferry_stream *stream);

/* ---- the stream itself ---- */

/*
 * Close: what is unsent and unread is dropped, so wait for the last write first. To a peer whose
 * bytes are unread TCP says that the connection broke, and what was written last may be lost to it:
 * end with ferry_stream_shutdown_write and read what it sends where that matters. What is pending
 * fails with FERRY_CANCELLED, in the next turn. The stream stays valid until ferry_stream_free,
 * which closes as well. Both may be called at any time, also by what a future of the stream calls.
 * Thread: loop. free: NULL is allowed, and on_close is not called any more.
 */
FERRY_API void ferry_stream_close(ferry_stream *stream);
FERRY_API void ferry_stream_free(ferry_stream *stream);

/* The stream has closed: FERRY_CANCELLED, it was closed here; FERRY_GONE, both sides have ended;
 * FERRY_TRANSIENT, it broke; FERRY_DEADLINE, the peer took nothing. `why` is valid during the
 * call, which may free the stream. */
typedef void ferry_stream_on_close(ferry_stream *stream, const ferry_error *why, void *arg);

/*
 * Call fn once when the stream closes, in a later turn if it has; NULL: nobody. A peer that has
 * ended its side can still be written to, and so does not close the stream: a read tells, with
 * FERRY_GONE. Thread: loop. Owns: `arg` stays the caller's.
 */
FERRY_API void ferry_stream_set_on_close(ferry_stream *stream, ferry_stream_on_close *fn,
                                         void *arg);

/* Set the timeouts of what is started from now on, in milliseconds; 0 leaves one as it is, -1 is
 * for ever. So an operation can have its own. Thread: loop. */
FERRY_API void ferry_stream_set_timeouts(ferry_stream *stream, int64_t read_ms, int64_t write_ms);

/* Tell whether the stream is closed, for whatever reason. Thread: loop. */
FERRY_API bool ferry_stream_is_closed(const ferry_stream *stream);

/* Return how many bytes are written and not yet taken by the kernel. Thread: loop. */
FERRY_API size_t ferry_stream_unsent_bytes(const ferry_stream *stream);

/* Return the peer's address, "127.0.0.1:54321", or "unix". Thread: loop. Owns: the stream. */
FERRY_API const char *ferry_stream_peer(const ferry_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
