/*
 * Replies whose body comes piece by piece.
 *
 * Between begin and end the request is evhttp's and ours: evhttp writes and watches for the end of
 * the connection, the request stays in flight. When the connection dies evhttp lets go of the
 * request, which request_lost takes over; from then on there is only the end to wait for.
 *
 * evhttp calls on_written when its buffer has run empty, from the loop and never within a write. It
 * leaves out an empty piece, which in chunks would be the end.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#include <ferry/http_stream.h>
#include <ferry/log.h>

#include "header_text.h"
#include "reply.h"
#include "request.h"
#include "status.h"

static ferry_request *request_of(const ferry_reply *reply)
{
    return (ferry_request *)((char *)reply - offsetof(ferry_request, reply));
}

static bool has_body(const ferry_request *request, int status)
{
    return request->method != METHOD_HEAD && status != 204 && status != 304;
}

static void add_headers(const ferry_request *request, int status, const char *content_type)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request->ev);
    if (status != 204 && status != 304 && content_type && header_is_value(content_type) &&
        !evhttp_find_header(headers, "Content-Type"))
        evhttp_add_header(headers, "Content-Type", content_type);
    if (status == 503 && !evhttp_find_header(headers, "Retry-After"))
        evhttp_add_header(headers, "Retry-After", "1");
    if (request->all->server_name)
        evhttp_add_header(headers, "Server", request->all->server_name);
}

ferry_reply *ferry_request_reply_begin(ferry_request *request, int status, const char *content_type)
{
    LOOP_CHECK(request->loop);
    ferry_reply *reply = &request->reply;
    if (!reply_is_open(request, "a request was replied to twice"))
        return reply;
    status = reply_status(status);
    request->is_streaming = true;
    reply->takes_body = request->connection && has_body(request, status);
    if (!request->connection)
        return reply;
    bool is_old = request->ev->major == 1 && request->ev->minor == 0;
    add_headers(request, status, content_type);
    bool is_last = reply_prepare(request, is_old);
    connection_stream(request->connection, is_last);
    evhttp_send_reply_start(request->ev, status, status_reason(status));
    return reply;
}

static void on_written(struct evhttp_connection *evcon, void *arg)
{
    (void)evcon;
    const ferry_reply *reply = arg;
    if (reply->on_drained)
        reply->on_drained(reply->on_drained_arg);
}

int ferry_reply_write(ferry_reply *reply, const void *data, size_t length)
{
    ferry_request *request = request_of(reply);
    LOOP_CHECK(request->loop);
    if (!request->connection || !reply->takes_body)
        return FERRY_CANCELLED;
    if (connection_unsent_bytes(request->connection) >= request->all->unsent_limit_bytes)
        return FERRY_REJECTED;
    struct evbuffer *piece = evbuffer_new();
    if (!piece || evbuffer_add(piece, data, length) < 0) {
        if (piece)
            evbuffer_free(piece);
        return FERRY_INTERNAL;
    }
    evhttp_send_reply_chunk_with_cb(request->ev, piece, on_written, reply);
    evbuffer_free(piece);
    return 0;
}

void ferry_reply_on_drained(ferry_reply *reply, ferry_callback *fn, void *arg)
{
    LOOP_CHECK(request_of(reply)->loop);
    reply->on_drained = fn;
    reply->on_drained_arg = arg;
}

size_t ferry_reply_unsent_bytes(const ferry_reply *reply)
{
    const ferry_request *request = request_of(reply);
    LOOP_CHECK(request->loop);
    return request->connection ? connection_unsent_bytes(request->connection) : 0;
}

void ferry_reply_end(ferry_reply *reply)
{
    ferry_request *request = request_of(reply);
    LOOP_CHECK(request->loop);
    if (!request->is_streaming || !request->ev) {
        ferry_log(FERRY_LOG_ERROR, "a reply was ended twice", "path=%s", request->text);
        return;
    }
    if (request->connection) {
        connection_send(request->connection, request->ev, request->connection->is_last);
        evhttp_send_reply_end(request->ev);
    } else {
        evhttp_request_free(request->ev);
    }
    request_end(request);
}
