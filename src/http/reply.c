/*
 * Whole replies; those whose body comes piece by piece: reply_stream.c.
 *
 * Each goes through reply_send, once a request: it decides what the framing needs, hands the evhttp
 * request back to evhttp, and ends the ferry_request. Where the client's connection is gone, or the
 * server, it only does the latter.
 */
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ferry/log.h>

#include "bytes.h"
#include "header_text.h"
#include "reply.h"
#include "status.h"

/* ---- headers ---- */

/* Only once; a second reply that comes too early is a fault of the program's. */
bool reply_is_open(const ferry_request *request, const char *what)
{
    if (request->ev && !request->is_streaming)
        return true;
    ferry_log(FERRY_LOG_ERROR, what, "method=%s path=%s", method_name(request->method),
              request->text);
    return false;
}

int ferry_request_set_header(ferry_request *request, const char *name, const char *value)
{
    LOOP_CHECK(request->loop);
    if (!reply_is_open(request, "a header was set after the reply"))
        return FERRY_INVALID;
    if (!header_is_name(name) || !header_is_value(value) || header_is_framing(name))
        return FERRY_INVALID;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request->ev);
    return evhttp_add_header(headers, name, value) == 0 ? 0 : FERRY_INTERNAL;
}

/* ---- framing ---- */

/* Headers of one name are one list. */
static bool has_connection_token(const struct evkeyvalq *headers, const char *token)
{
    for (const struct evkeyval *at = headers->tqh_first; at; at = at->next.tqe_next) {
        if (strcasecmp(at->key, "Connection") == 0 && header_has_token(at->value, token))
            return true;
    }
    return false;
}

/* Tell whether the connection ends with this reply: who wants it so, and who cannot do otherwise.
 */
static bool is_last(const ferry_request *request)
{
    const struct evhttp_request *ev = request->ev;
    if (request->all->connections->draining || connection_is_used_up(request->connection) ||
        has_connection_token(ev->input_headers, "close") ||
        has_connection_token(ev->output_headers, "close"))
        return true;
    return ev->minor == 0 && !has_connection_token(ev->input_headers, "keep-alive");
}

static void forget_connection_headers(struct evhttp_request *ev)
{
    while (evhttp_remove_header(ev->input_headers, "Connection") == 0)
        ;
}

/* Tell evhttp, and the client. evhttp wants to see exactly "close", and adds a keep-alive of its
 * own to the reply when a client of HTTP/1.0 asked for one. */
static void make_last(struct evhttp_request *ev)
{
    evhttp_remove_header(ev->output_headers, "Connection");
    evhttp_add_header(ev->output_headers, "Connection", "close");
    if (ev->minor == 0)
        forget_connection_headers(ev);
}

/* Of what a client of HTTP/1.0 says, evhttp looks at the beginning of the first header only. */
static void make_kept(struct evhttp_request *ev)
{
    if (ev->minor > 0)
        return;
    forget_connection_headers(ev);
    evhttp_add_header(ev->input_headers, "Connection", "keep-alive");
}

bool reply_prepare(ferry_request *request, bool must_close)
{
    bool last = must_close || is_last(request);
    if (last)
        make_last(request->ev);
    else
        make_kept(request->ev);
    return last;
}

int reply_status(int status)
{
    if (status >= 200 && status <= 599)
        return status;
    ferry_log(FERRY_LOG_ERROR, "a reply's status must be 200 to 599", "status=%d", status);
    return 500;
}

/* ---- the one way out ---- */

static void reply_deliver(ferry_request *request, int status, const char *content_type,
                          const void *body, size_t length, void *owned)
{
    struct requests *all = request->all;
    struct reply_facts facts = {
        .status = status,
        .content_type = content_type,
        .length = length,
        .is_last = reply_prepare(request, false),
        .server_name = all->server_name,
    };
    const struct bytes *head = reply_head_make(&all->heads, request->ev, &facts);
    bool has_body = status != 204 && status != 304 && request->method != METHOD_HEAD;
    struct reply_text reply = {
        .head = bytes_text(head),
        .head_length = head->failed ? 0 : head->length,
        .body = body,
        .body_length = has_body ? length : 0,
        .owned = owned,
    };
    connection_send(request->connection, request->ev, facts.is_last);
    connection_write(request->connection, request->ev, &reply);
}

/* `owned` is `body` if it is to be freed, else NULL. */
static void reply_send(ferry_request *request, int status, const char *content_type,
                       const void *body, size_t length, void *owned)
{
    LOOP_CHECK(request->loop);
    if (!reply_is_open(request, "a request was replied to twice")) {
        free(owned);
        return;
    }
    status = reply_status(status);
    if (request->connection) {
        reply_deliver(request, status, content_type, body, length, owned);
    } else {
        free(owned);
        evhttp_request_free(request->ev);
    }
    request_end(request);
}

void ferry_request_reply(ferry_request *request, int status, const char *content_type,
                         const void *body, size_t length)
{
    reply_send(request, status, content_type, body, length, NULL);
}

void ferry_request_reply_owned(ferry_request *request, int status, const char *content_type,
                               void *body, size_t length)
{
    reply_send(request, status, content_type, body, length, body);
}

void ferry_request_reply_text(ferry_request *request, int status, const char *text)
{
    reply_send(request, status, "text/plain; charset=utf-8", text, strlen(text), NULL);
}

void ferry_request_reply_json(ferry_request *request, int status, const char *json)
{
    reply_send(request, status, "application/json", json, strlen(json), NULL);
}

void reply_problem(ferry_request *request, int status, ferry_code code, const char *detail)
{
    struct bytes body = {0};
    problem_append(&body, status, code, detail);
    reply_send(request, status, PROBLEM_CONTENT_TYPE, bytes_text(&body), body.length, NULL);
    bytes_fini(&body);
}

void ferry_request_reply_error(ferry_request *request, const ferry_error *error)
{
    reply_problem(request, ferry_code_status(error->code), error->code, error->message);
}
