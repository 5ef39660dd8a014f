/*
 * The heads of replies: the status line, the date, what the handler has set, what the framing
 * needs. What is set by a handler stands before the same of ours.
 */
#include "reply_head.h"

#include <event2/util.h>
#include <string.h>

#include "header_text.h"
#include "status.h"

enum { DIGITS = 20, HEADERS_BYTES = 120 };

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
    char *at = bytes_extend(text, strlen(name) + strlen(value) + sizeof ": \r\n" - 1);
    if (at)
        stpcpy(stpcpy(stpcpy(stpcpy(at, name), ": "), value), "\r\n");
}

bool reply_headers_add(struct reply_headers *headers, const char *name, const char *value)
{
    if (header_is_same(name, "Connection")) {
        headers->says_close |= header_has_token(value, "close");
        return true; /* what else it may say is the server's to say */
    }
    if (!headers->text.data)
        bytes_reserve(&headers->text, HEADERS_BYTES);
    add_header(&headers->text, name, value);
    headers->has_date |= header_is_same(name, "Date");
    headers->has_content_type |= header_is_same(name, "Content-Type");
    headers->has_retry_after |= header_is_same(name, "Retry-After");
    return !headers->text.failed;
}

/* The guard lets through HTTP/1.x alone. */
static void add_status_line(struct bytes *text, const struct reply_facts *facts)
{
    bytes_append_text(text, facts->minor == 0 ? "HTTP/1.0 " : "HTTP/1.1 ");
    add_number(text, (size_t)facts->status);
    bytes_append_char(text, ' ');
    bytes_append_text(text, status_reason(facts->status));
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

static void add_framing(struct bytes *text, const struct reply_headers *set,
                        const struct reply_facts *facts)
{
    bool may_have_body = facts->status != 204 && facts->status != 304;
    if (may_have_body && facts->framing == REPLY_LENGTH) {
        bytes_append_text(text, "Content-Length: ");
        add_number(text, facts->length);
        bytes_append(text, "\r\n", 2);
    }
    if (may_have_body && facts->framing == REPLY_CHUNKED)
        add_header(text, "Transfer-Encoding", "chunked");
    if (may_have_body && facts->content_type && header_is_value(facts->content_type) &&
        !set->has_content_type)
        add_header(text, "Content-Type", facts->content_type);
    if (facts->status == 503 && !set->has_retry_after)
        add_header(text, "Retry-After", "1");
    if (facts->server_name)
        add_header(text, "Server", facts->server_name);
}

const struct bytes *reply_head_make(struct reply_heads *heads, const struct reply_headers *set,
                                    const struct reply_facts *facts)
{
    struct bytes *text = &heads->text;
    bytes_clear(text);
    add_status_line(text, facts);
    if (!set->has_date)
        add_date(heads);
    bytes_append(text, bytes_text(&set->text), set->text.length);
    text->failed |= set->text.failed; /* what lacks a header is another reply */
    add_framing(text, set, facts);
    if (facts->is_last)
        add_header(text, "Connection", "close");
    else if (facts->minor == 0)
        add_header(text, "Connection", "keep-alive");
    bytes_append(text, "\r\n", 2);
    return text;
}

void reply_heads_fini(struct reply_heads *heads)
{
    bytes_fini(&heads->text);
}
