/*
 * What a connection sends.
 *
 * It goes to the socket at once and without a copy, as the socket takes it nearly always. What it
 * does not take is kept, and goes when the socket is ready again.
 */
#include <event2/buffer.h>
#include <stdlib.h>

#include <ferry/log.h>

#include "connection_parts.h"

enum {
    PARTS_AT_ONCE = 8,
    COPIED_BYTES =
        8 << 10, /* a body that is shorter is kept behind its head: with TLS, one record */
};

size_t connection_unsent_bytes(const struct connection *connection)
{
    return connection->output ? evbuffer_get_length(connection->output) : 0;
}

/* ---- keeping ---- */

static bool connection_has_output(struct connection *connection)
{
    if (!connection->output)
        connection->output = evbuffer_new();
    return connection->output != NULL;
}

static void drop_output(struct connection *connection)
{
    if (connection->output)
        evbuffer_free(connection->output);
    connection->output = NULL;
}

static void free_body(const void *data, size_t length, void *owned)
{
    (void)data, (void)length;
    free(owned);
}

/* Keep what was not sent of a body. Returns whether there was memory; takes `owned` over. */
static bool keep_body(struct evbuffer *output, const char *rest, size_t length, void *owned)
{
    bool is_copied = !owned || length < COPIED_BYTES;
    if (!is_copied && evbuffer_add_reference(output, rest, length, free_body, owned) == 0)
        return true;
    bool done = is_copied && evbuffer_add(output, rest, length) == 0;
    free(owned);
    return done;
}

/* The same for a whole text. */
static bool keep_rest(struct connection *connection, const struct reply_text *text, size_t sent)
{
    size_t of_head = sent < text->head_length ? sent : text->head_length;
    size_t of_body = sent - of_head;
    if (!connection_has_output(connection) ||
        evbuffer_add(connection->output, text->head + of_head, text->head_length - of_head) < 0) {
        free(text->owned);
        return false;
    }
    if (of_body < text->body_length)
        return keep_body(connection->output, (const char *)text->body + of_body,
                         text->body_length - of_body, text->owned);
    free(text->owned);
    return true;
}

/* ---- sending ---- */

/* Send what is kept, as far as the socket takes it. Returns false when the connection is broken. */
static bool send_output(struct connection *connection)
{
    struct iovec parts[PARTS_AT_ONCE];
    ssize_t sent = 0;
    while (sent >= 0 && connection_unsent_bytes(connection) > 0) {
        int count = evbuffer_peek(connection->output, -1, NULL, parts, PARTS_AT_ONCE);
        sent = channel_write(&connection->channel, parts,
                             (size_t)(count < PARTS_AT_ONCE ? count : PARTS_AT_ONCE));
        if (sent > 0)
            evbuffer_drain(connection->output, (size_t)sent);
    }
    if (connection_unsent_bytes(connection) == 0)
        drop_output(connection);
    return sent != CHANNEL_BROKEN;
}

/* Send a text, and keep what is left of it. Returns false when the connection is broken, or there
 * was no memory; takes `owned` over. What TLS has begun with must come again: so it begins with
 * what is kept. */
static bool connection_send(struct connection *connection, const struct reply_text *text)
{
    const struct iovec parts[] = {
        {.iov_base = (void *)text->head, .iov_len = text->head_length},
        {.iov_base = (void *)text->body, .iov_len = text->body_length},
    };
    bool is_direct = !connection->channel.ssl && !connection->output;
    ssize_t sent = CHANNEL_LATER;
    if (is_direct)
        sent = channel_write(&connection->channel, parts, text->body_length > 0 ? 2 : 1);
    if (sent == (ssize_t)(text->head_length + text->body_length) || sent == CHANNEL_BROKEN) {
        free(text->owned);
        return sent != CHANNEL_BROKEN;
    }
    return keep_rest(connection, text, sent > 0 ? (size_t)sent : 0) &&
           (is_direct || send_output(connection));
}

bool connection_put(struct connection *connection, const char *text, size_t length)
{
    const struct reply_text put = {.head = text, .head_length = length};
    bool done = length > 0 && connection_send(connection, &put);
    connection_await(connection);
    return done;
}

/* ---- replies ---- */

/* All of a reply is with the kernel. */
static void connection_replied(struct connection *connection)
{
    struct connections *all = connection->all;
    bool has_more = connection->waiting.length > 0;
    all->unsent_bytes -= connection->unsent_bytes;
    connection->unsent_bytes = 0;
    if (connection->is_last || (!has_more && (connection->has_ended || all->draining))) {
        connection_linger(connection);
        return;
    }
    connection_expect(connection);
    connection_enter(connection, has_more ? PHASE_HEADER : PHASE_IDLE);
    if (has_more)
        connection_make_due(connection);
    connection_await(connection);
}

/* From here on the request is nobody's. */
static void connection_finish_request(struct connection *connection, bool is_last)
{
    connection->request = NULL;
    connection->is_drained = false;
    connection->is_last = is_last;
    if (connection_is_used_up(connection)) {
        connection->all->counts.over_requests++;
        ferry_log(FERRY_LOG_DEBUG, "a connection has had all its requests", NULL);
    }
}

static void connection_finish_reply(struct connection *connection)
{
    if (!connection->output) {
        connection_replied(connection);
        return;
    }
    connection_enter(connection, PHASE_SENDING);
    connection_await(connection);
}

void connection_reply(struct connection *connection, const struct reply_text *reply)
{
    connection_finish_request(connection, reply->is_last);
    if (reply->head_length == 0)
        free(reply->owned);
    if (reply->head_length > 0 && connection_send(connection, reply))
        connection_finish_reply(connection);
    else
        connection_end(connection);
}

/* ---- replies piece by piece ---- */

/* Nothing may be called from within the reply, so whoever waits is told when the turn ends. */
static void connection_tell_drained(struct connection *connection)
{
    connection->is_drained = true;
    connection_make_due(connection);
}

void connection_stream(struct connection *connection, const struct reply_text *head,
                       bool is_chunked)
{
    connection->is_last = head->is_last;
    connection->is_chunked = is_chunked;
    connection_enter(connection, PHASE_STREAMING);
    if (!connection_put(connection, head->head, head->head_length))
        connection_end(connection);
}

/* Put a piece behind what is kept: all of it, or without memory nothing. */
static bool keep_piece(struct connection *connection, const void *data, size_t length)
{
    bool is_chunked = connection->is_chunked;
    struct evbuffer *piece = evbuffer_new();
    bool done = piece && connection_has_output(connection) &&
                (!is_chunked || evbuffer_add_printf(piece, "%zx\r\n", length) > 0) &&
                evbuffer_add(piece, data, length) == 0 &&
                (!is_chunked || evbuffer_add(piece, "\r\n", 2) == 0) &&
                evbuffer_add_buffer(connection->output, piece) == 0;
    if (piece)
        evbuffer_free(piece);
    return done;
}

bool connection_stream_piece(struct connection *connection, const void *data, size_t length)
{
    bool done = length == 0 || connection->is_over || keep_piece(connection, data, length);
    if (!connection->is_over && !send_output(connection))
        connection_end(connection);
    if (done && !connection->output)
        connection_tell_drained(connection);
    connection_await(connection);
    return done;
}

void connection_stream_end(struct connection *connection)
{
    static const char end[] = "0\r\n\r\n";
    connection_finish_request(connection, connection->is_last);
    if (connection->is_over)
        return;
    if (connection->is_chunked && !connection_put(connection, end, sizeof end - 1))
        connection_end(connection);
    else
        connection_finish_reply(connection);
}

/* ---- when the socket is ready ---- */

void connection_flush(struct connection *connection)
{
    if (!send_output(connection)) {
        connection_end(connection);
        return;
    }
    if (!connection->output) {
        switch (connection->phase) {
        case PHASE_SENDING:
            connection_replied(connection);
            break;
        case PHASE_STREAMING:
            connection_tell_drained(connection);
            break;
        case PHASE_CLOSING:
            connection_answered(connection);
            break;
        default:
            break;
        }
    }
    connection_await(connection);
}
