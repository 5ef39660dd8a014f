/*
 * Streams: their life, from a connected bufferevent to the close.
 *
 * libevent's callbacks, timers and posted entries are the top of a turn: only there futures are
 * resolved, and only there user code runs, which may close or free the stream. Each holds a
 * reference meanwhile. A close that user code asks for posts `entry`, and what is pending is told
 * in a later turn. One that was freed keeps its memory until then.
 *
 * Reading is switched on and off with bufferevent_enable and _disable, not with a watermark: that
 * suspends a TLS bufferevent with decrypted bytes inside, and nothing wakes it.
 *
 * Loop thread. Nothing is locked.
 */
#include "stream_struct.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- references ---- */

static void stream_ref(ferry_stream *stream)
{
    stream->references++;
}

static void stream_unref(ferry_stream *stream)
{
    if (--stream->references > 0)
        return;
    evbuffer_free(stream->rest);
    free(stream);
}

/* ---- closing ---- */

static void on_posted(struct mailbox_entry *entry)
{
    ferry_stream *stream = (ferry_stream *)entry;
    stream->is_posted = false;
    stream_read_try(stream);
    stream_write_fail(stream);
    ferry_stream_on_close *fn = stream->on_close;
    stream->on_close = NULL;
    if (fn && !loop_is_closing(stream->loop))
        fn(stream, &stream->why, stream->on_close_arg);
    stream_unref(stream);
}

static void on_loop_closed(struct mailbox_entry *entry)
{
    ferry_stream *stream = (ferry_stream *)entry;
    stream_read_drop(stream);
    stream_write_drop(stream);
    stream_unref(stream);
}

static void stream_post(ferry_stream *stream)
{
    if (stream->is_posted)
        return;
    stream->is_posted = true;
    stream_ref(stream);
    stream->entry.run = on_posted;
    stream->entry.drop = on_loop_closed;
    loop_post(stream->loop, &stream->entry);
}

void stream_end(ferry_stream *stream, ferry_code code, const char *message)
{
    if (!stream->bev)
        return;
    ferry_error_set(&stream->why, code, "%s", message);
    if (code != FERRY_CANCELLED)
        evbuffer_add_buffer(stream->rest, bufferevent_get_input(stream->bev));
    if (stream->ssl && code == FERRY_CANCELLED && ferry_stream_unsent_bytes(stream) == 0) {
        SSL_shutdown(stream->ssl); /* the peer has all: say so, if the kernel takes it */
        ERR_clear_error();
    }
    /* One that has just written in TLS lives on until libevent has told of it, to nobody. */
    bufferevent_disable(stream->bev, EV_READ | EV_WRITE);
    bufferevent_free(stream->bev);
    stream->bev = NULL;
    stream->ssl = NULL;
    ferry_loop_cancel(stream->loop, stream->write_timer);
    if (stream->on_end)
        stream->on_end(stream->on_end_arg);
    stream_post(stream);
}

/* ---- events ---- */

static void on_readable(struct bufferevent *bev, void *arg)
{
    (void)bev;
    ferry_stream *stream = arg;
    stream_ref(stream);
    stream_read_try(stream);
    stream_read_adjust(stream);
    stream_unref(stream);
}

static void on_writable(struct bufferevent *bev, void *arg)
{
    (void)bev;
    ferry_stream *stream = arg;
    stream_ref(stream);
    stream_write_progress(stream);
    stream_unref(stream);
}

static void peer_has_ended(ferry_stream *stream)
{
    stream->peer_ended = true;
    stream->is_reading = false;
    bufferevent_disable(stream->bev, EV_READ);
    bufferevent_enable(stream->bev, EV_WRITE); /* TLS has stopped both */
    if (stream->is_finished)
        stream_end(stream, FERRY_GONE, "both sides have ended");
    stream_read_try(stream);
}

static void has_broken(ferry_stream *stream)
{
    char message[160];
    int number = EVUTIL_SOCKET_ERROR();
    unsigned long tls = stream->ssl ? bufferevent_get_openssl_error(stream->bev) : 0;
    const char *reason = tls ? ERR_reason_error_string(tls) : number ? strerror(number) : NULL;
    snprintf(message, sizeof message, "the connection broke: %s", reason ? reason : "no reason");
    stream_end(stream, FERRY_TRANSIENT, message);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    ferry_stream *stream = arg;
    stream_ref(stream);
    if (what & BEV_EVENT_EOF)
        peer_has_ended(stream);
    else if (what & BEV_EVENT_ERROR)
        has_broken(stream);
    stream_unref(stream);
}

/* ---- life ---- */

static struct stream_limits limits_of(const ferry_stream_options *options)
{
    const int64_t minute_ms = 60000;
    return (struct stream_limits){
        .read_bytes = options->max_read_bytes ? options->max_read_bytes : 64 << 20,
        .unsent_bytes = options->max_unsent_bytes ? options->max_unsent_bytes : 8 << 20,
        .read_ms = options->read_timeout_ms ? options->read_timeout_ms : minute_ms,
        .write_ms = options->write_timeout_ms ? options->write_timeout_ms : minute_ms,
    };
}

static void peer_format(const struct address *peer, char *text)
{
    if (peer->any.sa_family == AF_UNIX)
        snprintf(text, ADDRESS_TEXT_SIZE, "unix");
    else
        address_format(peer, text, ADDRESS_TEXT_SIZE);
}

ferry_stream *stream_new(ferry_loop *loop, struct bufferevent *bev,
                         const ferry_stream_options *options, const struct address *peer)
{
    ferry_stream *stream = calloc(1, sizeof *stream);
    if (stream)
        stream->rest = evbuffer_new();
    if (!stream || !stream->rest) {
        bufferevent_free(bev);
        free(stream);
        return NULL;
    }
    stream->loop = loop;
    stream->references = 1;
    stream->limits = limits_of(options);
    stream->bev = bev;
    stream->ssl = libssl_is_loaded() ? bufferevent_openssl_get_ssl(bev) : NULL;
    stream->writes_end = &stream->writes;
    peer_format(peer, stream->peer);
    bufferevent_setcb(bev, on_readable, on_writable, on_event, stream);
    bufferevent_setwatermark(bev, EV_WRITE, SIZE_MAX, 0); /* tell of every progress */
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    stream->is_reading = true;
    return stream;
}

void stream_on_end(ferry_stream *stream, ferry_callback *fn, void *arg)
{
    stream->on_end = fn;
    stream->on_end_arg = arg;
}

struct evbuffer *stream_input(const ferry_stream *stream)
{
    return stream->bev ? bufferevent_get_input(stream->bev) : stream->rest;
}

void ferry_stream_close(ferry_stream *stream)
{
    LOOP_CHECK(stream->loop);
    stream_end(stream, FERRY_CANCELLED, "the stream was closed");
}

void ferry_stream_free(ferry_stream *stream)
{
    if (!stream)
        return;
    ferry_stream_close(stream);
    stream->on_close = NULL;
    stream_unref(stream);
}

void ferry_stream_set_on_close(ferry_stream *stream, ferry_stream_on_close *fn, void *arg)
{
    LOOP_CHECK(stream->loop);
    stream->on_close = fn;
    stream->on_close_arg = arg;
    if (!stream->bev && fn)
        stream_post(stream);
}

void ferry_stream_set_timeouts(ferry_stream *stream, int64_t read_ms, int64_t write_ms)
{
    LOOP_CHECK(stream->loop);
    if (read_ms)
        stream->limits.read_ms = read_ms;
    if (write_ms)
        stream->limits.write_ms = write_ms;
}

bool ferry_stream_is_closed(const ferry_stream *stream)
{
    LOOP_CHECK(stream->loop);
    return !stream->bev;
}

const char *ferry_stream_peer(const ferry_stream *stream)
{
    LOOP_CHECK(stream->loop);
    return stream->peer;
}
