/*
 * Whole replies; those whose body comes piece by piece: reply_stream.c.
 *
 * Each goes through reply_send, once a request: it decides what the framing needs, sends it, and
 * ends the request. Where the client's connection is gone, or the server, it only does the latter.
 */
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "bytes.h"
#include "header_text.h"
#include "reply.h"
#include "status.h"

/* ---- headers ---- */

/* Only once; a second reply that comes too early is a fault of the program's. */
bool reply_is_open(const ferry_request *request, const char *what)
{
    if (!request->is_replied && !request->is_streaming)
        return true;
    ferry_log(FERRY_LOG_ERROR, what, "method=%s path=%s", method_name(request->head->method),
              request->head->path);
    return false;
}

int ferry_request_set_header(ferry_request *request, const char *name, const char *value)
{
    LOOP_CHECK(request->loop);
    if (!reply_is_open(request, "a header was set after the reply"))
        return FERRY_INVALID;
    if (!name || !value || !header_is_name(name) || !header_is_value(value) ||
        header_is_framing(name))
        return FERRY_INVALID;
    if (request->all)
        reply_headers_begin(&request->set, &request->all->heads);
    return reply_headers_add(&request->set, name, value) ? 0 : FERRY_INTERNAL;
}

/* ---- framing ---- */

/* Who wants it so, and who cannot do otherwise. */
bool reply_is_last(const ferry_request *request)
{
    const struct head *head = request->head;
    if (request->all->connections->draining || connection_is_used_up(request->connection) ||
        request->set.says_close || head_has_token(head, "Connection", "close"))
        return true;
    return head->minor == 0 && !head_has_token(head, "Connection", "keep-alive");
}

int reply_status(int status)
{
    if (status >= 200 && status <= 599)
        return status;
    ferry_log(FERRY_LOG_ERROR, "a reply's status must be 200 to 599", "status=%d", status);
    return 500;
}

/* ---- the one way out ---- */

enum { COPIED_BYTES = 2048 }; /* up to here to copy a body costs less than another part to send */

static void reply_deliver(ferry_request *request, int status, const char *content_type,
                          const void *body, size_t length, void *owned)
{
    struct requests *all = request->all;
    const struct reply_facts facts = {
        .status = status,
        .minor = request->head->minor,
        .content_type = content_type,
        .length = length,
        .is_last = reply_is_last(request),
        .server_name = all->server_name,
    };
    struct bytes *head = reply_head_make(&all->heads, &request->set, &facts);
    reply_headers_end(&request->set, &all->heads);
    bool has_body = status_has_body(status) && request->head->method != METHOD_HEAD;
    bool is_one = has_body && length <= COPIED_BYTES && length <= head->capacity - head->length;
    if (is_one)
        bytes_append(head, body, length);
    const struct reply_text reply = {
        .head = bytes_text(head),
        .head_length = head->failed ? 0 : head->length,
        .body = body,
        .body_length = has_body && !is_one ? length : 0,
        .owned = owned,
        .is_last = facts.is_last,
    };
    connection_reply(request->connection, &reply);
}

/* `owned` is `body` if it is to be freed, else NULL. */
static void reply_send(ferry_request *request, int status, const char *content_type,
                       const void *body, size_t length, void *owned)
{
    loop_check_thread(request->loop, "ferry_request_reply");
    if (!reply_is_open(request, "a request was replied to twice")) {
        free(owned);
        return;
    }
    status = reply_status(status);
    if (request->connection)
        reply_deliver(request, status, content_type, body, length, owned);
    else
        free(owned);
    request_end(request);
}

void reply_problem(ferry_request *request, int status, ferry_code code, const char *detail)
{
    struct bytes body = {0};
    problem_append(&body, status, code, detail);
    reply_send(request, status, PROBLEM_CONTENT_TYPE, bytes_text(&body), body.length, NULL);
    bytes_fini(&body);
}

/* NULL with a length: whoever made the body has failed to. */
static void reply_bytes(ferry_request *request, int status, const char *content_type,
                        const void *body, size_t length, void *owned)
{
    if (body || length == 0) {
        reply_send(request, status, content_type, body, length, owned);
        return;
    }
    ferry_log(FERRY_LOG_ERROR, "the body of a reply is NULL", "method=%s path=%s",
              method_name(request->head->method), request->head->path);
    reply_problem(request, 500, FERRY_INTERNAL, "the reply could not be made");
}

void ferry_request_reply(ferry_request *request, int status, const char *content_type,
                         const void *body, size_t length)
{
    reply_bytes(request, status, content_type, body, length, NULL);
}

void ferry_request_reply_owned(ferry_request *request, int status, const char *content_type,
                               void *body, size_t length)
{
    reply_bytes(request, status, content_type, body, length, body);
}

void ferry_request_reply_text(ferry_request *request, int status, const char *text)
{
    reply_bytes(request, status, "text/plain; charset=utf-8", text, text ? strlen(text) : 1, NULL);
}

void ferry_request_reply_json(ferry_request *request, int status, const char *json)
{
    reply_bytes(request, status, "application/json", json, json ? strlen(json) : 1, NULL);
}

void ferry_request_reply_error(ferry_request *request, const ferry_error *error)
{
    if (!error || !error->code) {
        ferry_log(FERRY_LOG_ERROR, "an error without a code was replied", "method=%s path=%s",
                  method_name(request->head->method), request->head->path);
        reply_problem(request, 500, FERRY_INTERNAL, "it failed with an error that was not set");
        return;
    }
    reply_problem(request, ferry_code_status(error->code), error->code, error->message);
}
