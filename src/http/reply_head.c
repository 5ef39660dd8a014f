/*
 * The heads of whole replies: the status line, the date, what the handler has set, what the framing
 * needs. What is set by a handler stands before the same of ours.
 */
#include "reply_head.h"

#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>
#include <string.h>

#include "header_text.h"
#include "status.h"

enum { DIGITS = 20 };

static void add_number(struct bytes *text, size_t number)
{
    char digits[DIGITS];
    char *at = digits + DIGITS;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    bytes_append(text, at, (size_t)(digits + DIGITS - at));
}

static void add_header(struct bytes *text, const char *name, const char *value)
{
    bytes_append_text(text, name);
    bytes_append(text, ": ", 2);
    bytes_append_text(text, value);
    bytes_append(text, "\r\n", 2);
}

/* The guard lets through HTTP/1.x alone. */
static void add_status_line(struct bytes *text, const struct evhttp_request *ev, int status)
{
    bytes_append_text(text, "HTTP/1.");
    bytes_append_char(text, (char)('0' + ev->minor));
    bytes_append_char(text, ' ');
    add_number(text, (size_t)status);
    bytes_append_char(text, ' ');
    bytes_append_text(text, status_reason(status));
    bytes_append(text, "\r\n", 2);
}

static void add_date(struct reply_heads *heads)
{
    time_t now = time(NULL);
    if (now != heads->date_second)
        evutil_date_rfc1123(heads->date, sizeof heads->date, NULL);
    heads->date_second = now;
    add_header(&heads->text, "Date", heads->date);
}

static bool has(const struct evkeyvalq *headers, const char *name)
{
    return headers->tqh_first && evhttp_find_header(headers, name);
}

static void add_framing(struct bytes *text, const struct evkeyvalq *set,
                        const struct reply_facts *facts)
{
    if (facts->status != 204 && facts->status != 304) {
        bytes_append_text(text, "Content-Length: ");
        add_number(text, facts->length);
        bytes_append(text, "\r\n", 2);
        if (facts->content_type && header_is_value(facts->content_type) &&
            !has(set, "Content-Type"))
            add_header(text, "Content-Type", facts->content_type);
    }
    if (facts->status == 503 && !has(set, "Retry-After"))
        add_header(text, "Retry-After", "1");
    if (facts->server_name)
        add_header(text, "Server", facts->server_name);
}

const struct bytes *reply_head_make(struct reply_heads *heads, const struct evhttp_request *ev,
                                    const struct reply_facts *facts)
{
    struct bytes *text = &heads->text;
    bytes_clear(text);
    add_status_line(text, ev, facts->status);
    if (!has(ev->output_headers, "Date"))
        add_date(heads);
    for (const struct evkeyval *at = ev->output_headers->tqh_first; at; at = at->next.tqe_next)
        add_header(text, at->key, at->value);
    add_framing(text, ev->output_headers, facts);
    if (!facts->is_last && ev->minor == 0)
        add_header(text, "Connection", "keep-alive");
    bytes_append(text, "\r\n", 2);
    return text;
}

void reply_heads_fini(struct reply_heads *heads)
{
    bytes_fini(&heads->text);
}
