/*
 * The guard's body: what the head says of it, and its chunks.
 */
#include "guard_parts.h"

enum { SIZE_DIGITS = 16, SIZE_LINE_BYTES = 256 };

/* ---- from the head ---- */

static bool has(const struct guard *guard, enum guard_field field)
{
    return guard->seen & 1u << field;
}

/* Return the reason why the head as a whole is malformed, or NULL. */
static const char *head_fault(const struct guard *guard)
{
    bool has_length = has(guard, FIELD_CONTENT_LENGTH);
    bool has_encoding = has(guard, FIELD_TRANSFER_ENCODING);
    bool takes_body = guard->method != GUARD_HEAD_METHOD && guard->method != GUARD_TRACE;
    if (guard->minor == 1 && !has(guard, FIELD_HOST))
        return "there is no Host";
    if (guard->is_absolute && has(guard, FIELD_HOST) && guard->host.hash != guard->authority_hash)
        return "Host is not the host of the target";
    if (has_length && has_encoding)
        return "Content-Length and Transfer-Encoding contradict each other";
    if (has_encoding && guard->minor == 0)
        return "HTTP/1.0 knows no Transfer-Encoding";
    if (has_encoding && !guard->has_last_chunked)
        return "the last transfer coding must be chunked";
    if (!takes_body && (has_encoding || guard->body > 0))
        return "this method takes no body";
    return NULL;
}

void guard_body_start(struct guard *guard)
{
    const char *fault = head_fault(guard);
    guard->is_chunked = has(guard, FIELD_TRANSFER_ENCODING);
    guard->left = guard->body;
    guard->place = 0;
    guard->line_length = 0;
    guard->state = guard->is_chunked ? STATE_SIZE : guard->left > 0 ? STATE_BODY : STATE_DONE;
    if (fault)
        guard_refuse(guard, 400, fault);
    else if (guard->has_other_coding)
        guard_refuse(guard, 501, "only the transfer coding chunked is known here");
    else if (guard->body > guard->body_bytes)
        guard_refuse(guard, 413, "the body is too long");
}

/* ---- chunk extensions ---- */

/* What a byte is to an extension. */
enum {
    BYTE_TOKEN,
    BYTE_BLANK,
    BYTE_SEMICOLON,
    BYTE_EQUALS,
    BYTE_QUOTE,
    BYTE_BACKSLASH,
    BYTE_CR,
    BYTE_TEXT,
    BYTE_BAD,
    BYTE_COUNT
};

static unsigned extension_byte(char c)
{
    switch (c) {
    case ';':
        return BYTE_SEMICOLON;
    case '=':
        return BYTE_EQUALS;
    case '"':
        return BYTE_QUOTE;
    case '\\':
        return BYTE_BACKSLASH;
    case '\r':
        return BYTE_CR;
    default:
        break;
    }
    if (guard_is(c, CLASS_BLANK))
        return BYTE_BLANK;
    if (guard_is(c, CLASS_TOKEN))
        return BYTE_TOKEN;
    return guard_is(c, CLASS_TEXT) ? BYTE_TEXT : BYTE_BAD;
}

static void extension_take(struct guard *guard, char c)
{
    enum {
        NO = STATE_REFUSED,
        IN = STATE_EXTENSION,
        NS = STATE_EXTENSION_NAME_START,
        NA = STATE_EXTENSION_NAME,
        NE = STATE_EXTENSION_NAME_END,
        VS = STATE_EXTENSION_VALUE_START,
        VA = STATE_EXTENSION_VALUE,
        QU = STATE_QUOTED,
        QP = STATE_QUOTED_PAIR,
        QE = STATE_QUOTED_END,
        LF = STATE_SIZE_LF,
    };
    static const unsigned char next[][BYTE_COUNT] = {
        /* token blank ;  =   "   \   CR  text bad */
        {NO, IN, NS, NO, NO, NO, NO, NO, NO}, /* IN */
        {NA, NS, NO, NO, NO, NO, NO, NO, NO}, /* NS */
        {NA, NE, NS, VS, NO, NO, LF, NO, NO}, /* NA */
        {NO, NE, NS, VS, NO, NO, NO, NO, NO}, /* NE */
        {VA, VS, NO, NO, QU, NO, NO, NO, NO}, /* VS */
        {VA, IN, NS, NO, NO, NO, LF, NO, NO}, /* VA */
        {QU, QU, QU, QU, QE, QP, NO, QU, NO}, /* QU */
        {QU, QU, QU, QU, QU, QU, NO, QU, NO}, /* QP */
        {NO, IN, NS, NO, NO, NO, LF, NO, NO}, /* QE */
    };
    guard->state = next[guard->state - IN][extension_byte(c)];
    if (guard->state == NO)
        guard_refuse(guard, 400, "a chunk's extension is malformed");
}

/* ---- chunks ---- */

static unsigned hex_value(char c)
{
    return guard_is(c, CLASS_DIGIT) ? (unsigned)(c - '0') : (unsigned)(ascii_lower(c) - 'a' + 10);
}

static void size_take(struct guard *guard, char c)
{
    if (guard_is(c, CLASS_HEX)) {
        guard->left = guard->left << 4 | hex_value(c);
        if (++guard->place > SIZE_DIGITS)
            guard_refuse(guard, 400, "a chunk's size is too long");
    } else if (guard->place == 0) {
        guard_refuse(guard, 400, "a chunk's size is malformed");
    } else if (c == '\r') {
        guard->state = STATE_SIZE_LF;
    } else {
        guard->state = STATE_EXTENSION;
        extension_take(guard, c);
    }
}

static void size_start(struct guard *guard)
{
    guard->state = STATE_SIZE;
    guard->left = 0;
    guard->place = 0;
    guard->line_length = 0;
}

static void size_end(struct guard *guard)
{
    if (guard->left == 0) {
        guard->state = STATE_FIELD;
        guard->in_trailer = true;
        guard->length = 0;
    } else if (guard->left > guard->body_bytes - guard->body) {
        guard_refuse(guard, 413, "the body is too long");
    } else {
        guard->body += guard->left;
        guard->state = STATE_CHUNK;
    }
}

static void size_line_take(struct guard *guard, char c)
{
    if (++guard->line_length > SIZE_LINE_BYTES)
        guard_refuse(guard, 400, "a chunk's size line is too long");
    else if (guard->state == STATE_SIZE)
        size_take(guard, c);
    else if (guard->state != STATE_SIZE_LF)
        extension_take(guard, c);
    else if (c == '\n')
        size_end(guard);
    else
        guard_refuse(guard, 400, "a CR without a LF");
}

void guard_body_take(struct guard *guard, char c)
{
    if (guard->state != STATE_CHUNK_CR && guard->state != STATE_CHUNK_LF)
        size_line_take(guard, c);
    else if (c != (guard->state == STATE_CHUNK_CR ? '\r' : '\n'))
        guard_refuse(guard, 400, "a chunk is longer than its size");
    else if (guard->state == STATE_CHUNK_CR)
        guard->state = STATE_CHUNK_LF;
    else
        size_start(guard);
}
