/*
 * Replies whose body comes piece by piece.
 *
 * Between begin and end the request stays in flight, and the connection watches for its end. When
 * it dies the request is told; from then on there is only the end to wait for. An empty piece is
 * left out, which in chunks would be the end.
 */
#include <ferry/http_stream.h>
#include <ferry/log.h>

#include "reply.h"
#include "request.h"
#include "status.h"

static ferry_request *request_of(const ferry_reply *reply)
{
    return (ferry_request *)((char *)reply - offsetof(ferry_request, reply));
}

static bool has_body(const ferry_request *request, int status)
{
    return request->head->method != METHOD_HEAD && status_has_body(status);
}

/* Who has gone gets nothing: what came without its pieces would look whole. */
static void reply_start(ferry_request *request, int status, const char *content_type)
{
    struct requests *all = request->all;
    bool is_chunked = request->head->minor > 0 && request->reply.takes_body;
    const struct reply_facts facts = {
        .status = status,
        .minor = request->head->minor,
        .content_type = content_type,
        .framing = is_chunked ? REPLY_CHUNKED : REPLY_CLOSED,
        .is_last = request->head->minor == 0 || reply_is_last(request),
        .server_name = all->server_name,
    };
    const struct bytes *head = reply_head_make(&all->heads, &request->set, &facts);
    const struct reply_text text = {
        .head = bytes_text(head),
        .head_length = head->failed || request->is_gone ? 0 : head->length,
        .is_last = facts.is_last,
    };
    connection_stream(request->connection, &text, is_chunked);
}

ferry_reply *ferry_request_reply_begin(ferry_request *request, int status, const char *content_type)
{
    LOOP_CHECK(request->loop);
    ferry_reply *reply = &request->reply;
    if (!reply_is_open(request, "a request was replied to twice"))
        return reply;
    status = reply_status(status);
    request->is_streaming = true;
    reply->takes_body = !request->is_gone && has_body(request, status);
    if (request->connection)
        reply_start(request, status, content_type);
    return reply;
}

void request_drained(void *arg)
{
    const ferry_request *request = arg;
    struct requests *all = request->all;
    all->inside++;
    if (request->reply.on_drained)
        request->reply.on_drained(request->reply.on_drained_arg);
    all->inside--;
}

int ferry_reply_write(ferry_reply *reply, const void *data, size_t length)
{
    ferry_request *request = request_of(reply);
    LOOP_CHECK(request->loop);
    if (!request->connection || !reply->takes_body)
        return FERRY_CANCELLED;
    if (!data && length > 0)
        return FERRY_INVALID;
    if (connection_unsent_bytes(request->connection) >= request->all->unsent_limit_bytes)
        return FERRY_REJECTED;
    return connection_stream_piece(request->connection, data, length) ? 0 : FERRY_INTERNAL;
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
    if (!request->is_streaming || request->is_replied) {
        ferry_log(FERRY_LOG_ERROR, "a reply was ended twice", "path=%s", request->head->path);
        return;
    }
    if (request->connection)
        connection_stream_end(request->connection);
    request_end(request);
}
