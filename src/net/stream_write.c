/*
 * Writing to a stream: bytes go to the bufferevent's output, and each write waits for the kernel to
 * take its last one.
 *
 * A write knows where it ends in the stream of all bytes; what has left is what was written less
 * what is still in the output. One timer watches for progress while anything is unsent.
 * Loop thread.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "future_base.h"
#include "stream_struct.h"

struct stream_write {
    struct stream_write *next;
    ferry_future *future;
    uint64_t end; /* in stream->written */
};

static size_t unsent(const ferry_stream *stream)
{
    return stream->bev ? evbuffer_get_length(bufferevent_get_output(stream->bev)) : 0;
}

/* ---- progress ---- */

/* Take out the first write, and tell: hold a reference. */
static void write_resolve(ferry_stream *stream, const ferry_error *error)
{
    struct stream_write *write = stream->writes;
    ferry_future *future = write->future;
    stream->writes = write->next;
    if (!stream->writes)
        stream->writes_end = &stream->writes;
    free(write);
    future_resolve(future, NULL, error);
}

/* End our side. TLS has a message for it, which reaches further than the FIN. */
static void finish(ferry_stream *stream)
{
    stream->is_finished = true;
    if (!stream->ssl || SSL_shutdown(stream->ssl) < 0)
        shutdown(bufferevent_getfd(stream->bev), SHUT_WR);
    if (stream->ssl)
        ERR_clear_error();
    if (stream->peer_ended)
        stream_end(stream, FERRY_GONE, "both sides have ended");
}

static void finish_if_due(ferry_stream *stream)
{
    if (stream->bev && stream->wants_finish && !stream->is_finished && unsent(stream) == 0)
        finish(stream);
}

void stream_write_progress(ferry_stream *stream)
{
    stream->progress_ms = ferry_loop_now_ms(stream->loop);
    uint64_t sent = stream->written - unsent(stream);
    while (stream->bev && stream->writes && stream->writes->end <= sent)
        write_resolve(stream, NULL);
    finish_if_due(stream);
}

void stream_write_fail(ferry_stream *stream)
{
    while (stream->writes)
        write_resolve(stream, &stream->why);
}

void stream_write_drop(ferry_stream *stream)
{
    while (stream->writes) {
        struct stream_write *write = stream->writes;
        stream->writes = write->next;
        future_drop(write->future);
        free(write);
    }
}

/* ---- the deadline ---- */

static void on_deadline(void *arg);

/* Look again when the time since the last progress may be up. Returns whether there was memory; the
 * timer that has run, or is put off, leaves its place to the next. */
static bool watch(ferry_stream *stream)
{
    int64_t write_ms = stream->limits.write_ms;
    ferry_loop_cancel(stream->loop, stream->write_timer);
    stream->write_timer = 0;
    if (write_ms < 0 || write_ms > INT64_MAX / 2) /* for ever */
        return true;
    stream->write_timer =
        ferry_loop_call_at(stream->loop, stream->progress_ms + write_ms, on_deadline, stream);
    return stream->write_timer != 0;
}

static void on_deadline(void *arg)
{
    ferry_stream *stream = arg;
    int64_t idle_ms = ferry_loop_now_ms(stream->loop) - stream->progress_ms;
    stream->write_timer = 0;
    if (unsent(stream) == 0)
        return;
    if (stream->limits.write_ms >= 0 && idle_ms >= stream->limits.write_ms)
        stream_end(stream, FERRY_DEADLINE, "the peer took nothing in time");
    else
        watch(stream);
}

/* ---- writing ---- */

static int write_bytes(ferry_stream *stream, const void *data, size_t length, ferry_error *error)
{
    if (!stream->bev)
        return ferry_error_set(error, stream->why.code, "%s", stream->why.message);
    if (stream->wants_finish)
        return ferry_error_set(error, FERRY_CONFLICT, "the sending side was shut down");
    if (!data && length > 0)
        return ferry_error_set(error, FERRY_INVALID, "what is to be written is NULL");
    size_t before = unsent(stream);
    if (length > stream->limits.unsent_bytes - before)
        return ferry_error_set(error, FERRY_REJECTED,
                               "more than max_unsent_bytes would be unsent: wait for a write");
    if (before == 0)
        stream->progress_ms = ferry_loop_now_ms(stream->loop);
    if (!watch(stream) || evbuffer_add(bufferevent_get_output(stream->bev), data, length) < 0)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    stream->written += length;
    return 0;
}

static void write_wait(ferry_stream *stream, struct stream_write *write)
{
    write->end = stream->written;
    *stream->writes_end = write;
    stream->writes_end = &write->next;
}

/* What was written stands among other bytes and cannot be taken back. But where a loop closes
 * nothing is sent any more, and what a coroutine awaits has to end. */
static void write_cancel(void *source)
{
    ferry_stream *stream = source;
    if (loop_is_closing(stream->loop))
        ferry_stream_close(stream);
}

ferry_future *ferry_stream_write(ferry_stream *stream, const void *data, size_t length)
{
    LOOP_CHECK(stream->loop);
    ferry_error error = {0};
    struct stream_write *write = calloc(1, sizeof *write);
    ferry_future *future = write ? future_new(stream->loop, NULL, write_cancel, stream) : NULL;
    if (!future) {
        free(write);
        return NULL;
    }
    write->future = future;
    if (write_bytes(stream, data, length, &error) == 0 && unsent(stream) > 0) {
        write_wait(stream, write);
    } else {
        free(write);
        future_resolve(future, NULL, &error);
    }
    return future;
}

int ferry_stream_shutdown_write(ferry_stream *stream)
{
    LOOP_CHECK(stream->loop);
    if (!stream->bev)
        return stream->why.code;
    stream->wants_finish = true;
    finish_if_due(stream);
    return 0;
}

size_t ferry_stream_unsent_bytes(const ferry_stream *stream)
{
    LOOP_CHECK(stream->loop);
    return unsent(stream);
}
