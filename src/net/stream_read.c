/*
 * Reading from a stream: one pending read, and what it comes to with the bytes that are there.
 *
 * A read that can be answered at once gives a future that is done. Otherwise it waits in
 * stream->read until bytes, the end, the deadline or a cancel decide it; whichever does takes it
 * out of the stream first, so that a callback may begin the next one. While nothing is asked for,
 * READ_AHEAD bytes are taken in, so that the peer's end is seen; more stays with the kernel, and
 * so with the peer. Loop thread.
 */
#include <stdlib.h>
#include <string.h>

#include "future_base.h"
#include "stream_struct.h"

enum { READ_AHEAD = 64 << 10 };

enum read_kind { READ_UNTIL, READ_BYTES, READ_SOME, READ_UNTIL_CLOSE };

struct stream_read {
    struct mailbox_entry entry; /* posted: it was cancelled, and is not the stream's any more */
    ferry_stream *stream;       /* NULL: cancelled */
    ferry_future *future;
    ferry_timer timer;
    enum read_kind kind;
    size_t count;   /* bytes, or at most */
    size_t scanned; /* bytes without the beginning of a delimiter */
    size_t delimiter_length;
    char delimiter[];
};

/* ---- bytes ---- */

static ferry_bytes *bytes_remove(struct evbuffer *from, size_t length)
{
    ferry_bytes *bytes = malloc(sizeof *bytes + length + 1);
    if (!bytes)
        return NULL;
    bytes->data = (char *)(bytes + 1);
    bytes->length = length;
    evbuffer_remove(from, bytes->data, length);
    bytes->data[length] = '\0';
    return bytes;
}

void ferry_bytes_free(ferry_bytes *bytes)
{
    free(bytes);
}

static void free_result(void *bytes)
{
    ferry_bytes_free(bytes);
}

/* ---- what a read comes to ---- */

enum outcome { OUTCOME_WAIT, OUTCOME_TAKE, OUTCOME_FAIL };

static enum outcome fail(ferry_error *error, ferry_code code, const char *message)
{
    ferry_error_set(error, code, "%s", message);
    return OUTCOME_FAIL;
}

/* Nothing that is there answers it: will there be more? */
static enum outcome outcome_without(const ferry_stream *stream, ferry_error *error)
{
    if (stream->peer_ended)
        return fail(error, FERRY_GONE, "the peer has ended");
    if (!stream->bev)
        return fail(error, stream->why.code, stream->why.message);
    return OUTCOME_WAIT;
}

static enum outcome outcome_of_until(const ferry_stream *stream, struct stream_read *read,
                                     size_t *take, ferry_error *error)
{
    struct evbuffer *input = stream_input(stream);
    size_t have = evbuffer_get_length(input);
    struct evbuffer_ptr from, at;
    if (have >= read->delimiter_length &&
        evbuffer_ptr_set(input, &from, read->scanned, EVBUFFER_PTR_SET) == 0) {
        at = evbuffer_search(input, read->delimiter, read->delimiter_length, &from);
        if (at.pos >= 0) {
            *take = (size_t)at.pos + read->delimiter_length;
            return *take <= read->count
                       ? OUTCOME_TAKE
                       : fail(error, FERRY_TOO_LARGE, "no delimiter within the maximum");
        }
        read->scanned = have - read->delimiter_length + 1;
    }
    if (have >= read->count)
        return fail(error, FERRY_TOO_LARGE, "no delimiter within the maximum");
    return outcome_without(stream, error);
}

static enum outcome outcome_of(const ferry_stream *stream, struct stream_read *read, size_t *take,
                               ferry_error *error)
{
    if (stream->why.code == FERRY_CANCELLED)
        return fail(error, FERRY_CANCELLED, stream->why.message);
    size_t have = evbuffer_get_length(stream_input(stream));
    *take = have < read->count ? have : read->count;
    switch (read->kind) {
    case READ_UNTIL:
        return outcome_of_until(stream, read, take, error);
    case READ_BYTES:
        return have >= read->count ? OUTCOME_TAKE : outcome_without(stream, error);
    case READ_SOME:
        return have > 0 ? OUTCOME_TAKE : outcome_without(stream, error);
    case READ_UNTIL_CLOSE:
        if (have > read->count)
            return fail(error, FERRY_TOO_LARGE, "more came than the maximum");
        return stream->peer_ended ? OUTCOME_TAKE : outcome_without(stream, error);
    }
    return OUTCOME_WAIT;
}

/* ---- the pending read ---- */

/* Take it out of the stream, and tell: the stream may be gone then. */
static void read_resolve(ferry_stream *stream, ferry_bytes *bytes, const ferry_error *error)
{
    struct stream_read *read = stream->read;
    ferry_future *future = read->future;
    stream->read = NULL;
    ferry_loop_cancel(stream->loop, read->timer);
    free(read);
    stream_read_adjust(stream);
    future_resolve(future, bytes, error);
}

void stream_read_try(ferry_stream *stream)
{
    size_t take;
    ferry_error error = {0};
    ferry_bytes *bytes = NULL;
    if (!stream->read)
        return;
    enum outcome outcome = outcome_of(stream, stream->read, &take, &error);
    if (outcome == OUTCOME_WAIT)
        return;
    if (outcome == OUTCOME_TAKE) {
        bytes = bytes_remove(stream_input(stream), take);
        if (!bytes)
            ferry_error_set(&error, FERRY_INTERNAL, "no memory");
    }
    read_resolve(stream, bytes, &error);
}

void stream_read_adjust(ferry_stream *stream)
{
    if (!stream->bev || stream->peer_ended)
        return;
    size_t too_little = READ_AHEAD - 1;
    if (stream->read && stream->read->count > too_little)
        too_little = stream->read->count; /* one more shows that it is too large */
    bool reads = evbuffer_get_length(bufferevent_get_input(stream->bev)) <= too_little;
    if (reads == stream->is_reading)
        return;
    stream->is_reading = reads;
    if (reads)
        bufferevent_enable(stream->bev, EV_READ);
    else
        bufferevent_disable(stream->bev, EV_READ);
}

void stream_read_drop(ferry_stream *stream)
{
    if (!stream->read)
        return;
    future_drop(stream->read->future);
    free(stream->read);
    stream->read = NULL;
}

static void read_fail(ferry_stream *stream, ferry_code code, const char *message)
{
    ferry_error error;
    ferry_error_set(&error, code, "%s", message);
    read_resolve(stream, NULL, &error);
}

static void on_deadline(void *arg)
{
    read_fail(arg, FERRY_DEADLINE, "nothing whole came in time");
}

/* Returns whether there was memory. */
static bool read_watch(ferry_stream *stream)
{
    if (stream->limits.read_ms < 0)
        return true;
    stream->read->timer =
        ferry_loop_call_later(stream->loop, stream->limits.read_ms, on_deadline, stream);
    return stream->read->timer != 0;
}

/* ---- cancelling ---- */

static void on_cancelled(struct mailbox_entry *entry)
{
    struct stream_read *read = (struct stream_read *)entry;
    ferry_future *future = read->future;
    ferry_error error;
    free(read);
    ferry_error_set(&error, FERRY_CANCELLED, "the read was cancelled");
    future_resolve(future, NULL, &error);
}

static void on_cancelled_drop(struct mailbox_entry *entry)
{
    struct stream_read *read = (struct stream_read *)entry;
    future_drop(read->future);
    free(read);
}

/* The stream is free for another read at once; its future is told in a later turn. */
static void read_cancel(void *source)
{
    struct stream_read *read = source;
    ferry_stream *stream = read->stream;
    if (!stream)
        return;
    ferry_loop_cancel(stream->loop, read->timer);
    read->stream = NULL;
    stream->read = NULL;
    read->entry.run = on_cancelled;
    read->entry.drop = on_cancelled_drop;
    loop_post(stream->loop, &read->entry);
    stream_read_adjust(stream);
}

/* ---- starting ---- */

static ferry_future *read_refuse(struct stream_read *read, ferry_code code, const char *message)
{
    ferry_future *future = read->future;
    ferry_error error;
    free(read);
    ferry_error_set(&error, code, "%s", message);
    future_resolve(future, NULL, &error);
    return future;
}

static struct stream_read *read_new(ferry_stream *stream, enum read_kind kind, size_t count,
                                    const char *delimiter)
{
    size_t length = strlen(delimiter);
    struct stream_read *read = calloc(1, sizeof *read + length + 1);
    if (!read)
        return NULL;
    read->future = future_new(stream->loop, free_result, read_cancel, read);
    if (!read->future) {
        free(read);
        return NULL;
    }
    read->stream = stream;
    read->kind = kind;
    read->count = count == 0 && kind != READ_BYTES ? stream->limits.read_bytes : count;
    read->delimiter_length = length;
    memcpy(read->delimiter, delimiter, length + 1);
    return read;
}

static ferry_future *read_start(ferry_stream *stream, enum read_kind kind, size_t count,
                                const char *delimiter)
{
    struct stream_read *read = read_new(stream, kind, count, delimiter);
    if (!read)
        return NULL;
    if (stream->read)
        return read_refuse(read, FERRY_CONFLICT, "a read of this stream is pending");
    if (kind == READ_UNTIL && read->delimiter_length == 0)
        return read_refuse(read, FERRY_INVALID, "a delimiter has at least one byte");
    if (read->count > stream->limits.read_bytes)
        return read_refuse(read, FERRY_TOO_LARGE, "more than max_read_bytes is asked for");
    ferry_future *future = read->future;
    stream->read = read;
    stream_read_try(stream); /* a future that has just been made has nobody to tell */
    if (stream->read && !read_watch(stream))
        read_fail(stream, FERRY_INTERNAL, "no memory for a deadline");
    stream_read_adjust(stream);
    return future;
}

ferry_future *ferry_stream_read_until(ferry_stream *stream, const char *delimiter, size_t max_bytes)
{
    LOOP_CHECK(stream->loop);
    return read_start(stream, READ_UNTIL, max_bytes, delimiter ? delimiter : "");
}

ferry_future *ferry_stream_read_bytes(ferry_stream *stream, size_t count)
{
    LOOP_CHECK(stream->loop);
    return read_start(stream, READ_BYTES, count, "");
}

ferry_future *ferry_stream_read_some(ferry_stream *stream, size_t max_bytes)
{
    LOOP_CHECK(stream->loop);
    return read_start(stream, READ_SOME, max_bytes, "");
}

ferry_future *ferry_stream_read_until_close(ferry_stream *stream, size_t max_bytes)
{
    LOOP_CHECK(stream->loop);
    return read_start(stream, READ_UNTIL_CLOSE, max_bytes, "");
}
