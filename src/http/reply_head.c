/*
 * The heads of replies: the status line, the date, what the handler has set, what the framing
 * needs. What a handler has set is not said again.
 */
#include "reply_head.h"

#include <event2/util.h>
#include <string.h>

#include "header_text.h"
#include "status.h"

enum {
    DIGITS = 20,
    HEADERS_BYTES = 120,
    KEPT_MAX_BYTES = 1024,
    HEAD_BYTES = 2048, /* with the body of most */
    DATE_SIZE = sizeof "Sat, 21 Nov 2026 10:09:14 GMT"
};

/* Inline, as the compiler knows the length of most parts. */
static inline void add(struct bytes *text, const char *part, size_t length)
{
    if (!bytes_reserve(text, length))
        return;
    memcpy(text->data + text->length, part, length);
    text->length += length;
}

static inline void add_text(struct bytes *text, const char *part)
{
    add(text, part, strlen(part));
}

static void add_number(struct bytes *text, size_t number)
{
    char digits[DIGITS];
    char *at = digits + DIGITS;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add(text, at, (size_t)(digits + DIGITS - at));
}

static void add_header(struct bytes *text, const char *name, const char *value)
{
    size_t name_length = strlen(name), value_length = strlen(value);
    char *at = bytes_extend(text, name_length + value_length + sizeof ": \r\n" - 1);
    if (!at)
        return;
    at = mempcpy(at, name, name_length);
    at = mempcpy(at, ": ", 2);
    at = mempcpy(at, value, value_length);
    memcpy(at, "\r\n", 2);
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
    headers->has_server |= header_is_same(name, "Server");
    return !headers->text.failed;
}

/* What lacks a header already is not to forget that. */
void reply_headers_begin(struct reply_headers *headers, struct reply_heads *heads)
{
    if (headers->text.data || headers->text.failed)
        return;
    headers->text = heads->kept;
    heads->kept = (struct bytes){0};
}

void reply_headers_end(struct reply_headers *headers, struct reply_heads *heads)
{
    if (!headers->text.data || heads->kept.data || headers->text.capacity > KEPT_MAX_BYTES)
        return;
    heads->kept = headers->text;
    bytes_clear(&heads->kept);
    headers->text = (struct bytes){0};
}

/* Our version, as in refusals: HTTP/1.0 is the client's. */
static void add_status_line(struct bytes *text, const struct reply_facts *facts)
{
    int status = facts->status; /* of three digits */
    const char digits[] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                           (char)('0' + status % 10), ' '};
    add_text(text, "HTTP/1.1 ");
    add(text, digits, sizeof digits);
    add_text(text, status_reason(facts->status));
    add_text(text, "\r\n");
}

static void add_date(struct reply_heads *heads)
{
    time_t now = time(NULL);
    if (now != heads->date_second) {
        char *at = stpcpy(heads->date, "Date: ");
        at += evutil_date_rfc1123(at, DATE_SIZE, NULL);
        stpcpy(at, "\r\n");
    }
    heads->date_second = now;
    add_text(&heads->text, heads->date);
}

static void add_framing(struct bytes *text, const struct reply_headers *set,
                        const struct reply_facts *facts)
{
    bool may_have_body = status_has_body(facts->status);
    if (facts->status == 205) { /* nothing comes, and that has to be said */
        add_header(text, "Content-Length", "0");
    } else if (may_have_body && facts->framing == REPLY_LENGTH) {
        add_text(text, "Content-Length: ");
        add_number(text, facts->length);
        add_text(text, "\r\n");
    }
    if (may_have_body && facts->framing == REPLY_CHUNKED)
        add_header(text, "Transfer-Encoding", "chunked");
    if (may_have_body && facts->content_type && header_is_value(facts->content_type) &&
        !set->has_content_type)
        add_header(text, "Content-Type", facts->content_type);
    if (facts->status == 503 && !set->has_retry_after)
        add_header(text, "Retry-After", "1");
    if (facts->server_name && !set->has_server)
        add_header(text, "Server", facts->server_name);
}

struct bytes *reply_head_make(struct reply_heads *heads, const struct reply_headers *set,
                              const struct reply_facts *facts)
{
    struct bytes *text = &heads->text;
    bytes_clear(text);
    bytes_reserve(text, HEAD_BYTES);
    add_status_line(text, facts);
    if (!set->has_date)
        add_date(heads);
    add(text, bytes_text(&set->text), set->text.length);
    text->failed |= set->text.failed; /* what lacks a header is another reply */
    add_framing(text, set, facts);
    if (facts->is_last)
        add_header(text, "Connection", "close");
    else if (facts->minor == 0)
        add_header(text, "Connection", "keep-alive");
    bytes_append(text, "\r\n", 2); /* and a NUL */
    return text;
}

void reply_heads_fini(struct reply_heads *heads)
{
    bytes_fini(&heads->text);
    bytes_fini(&heads->kept);
}
