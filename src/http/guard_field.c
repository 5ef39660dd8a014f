/*
 * The guard's header lines, which are those of the trailers, too.
 *
 * Of most lines only the bytes are looked at. The values of four fields are read as they arrive:
 * where the body ends, and to whom the request goes, must have one answer.
 */
#include "guard_parts.h"

static guard_known names[] = {"host", "content-length", "transfer-encoding", "expect"};
_Static_assert(sizeof names / sizeof *names == FIELD_COUNT, "a name for each");

static guard_known chunked[] = {"chunked"};
static guard_known proceed[] = {"100-continue"};

/* Where in a list of transfer codings. */
enum { LIST_BEFORE, LIST_CODING, LIST_AFTER };

/* ---- names ---- */

static void value_start(struct guard *guard)
{
    guard->has_value_ended = false;
    switch ((enum guard_field)guard->field) {
    case FIELD_HOST:
        guard_host_start(&guard->host);
        break;
    case FIELD_CONTENT_LENGTH:
        guard->place = 0;
        break;
    case FIELD_TRANSFER_ENCODING:
        guard->place = LIST_BEFORE;
        break;
    case FIELD_EXPECT:
        guard_word_start(&guard->word);
        break;
    case FIELD_COUNT:
        break;
    }
}

/* The fields of the table may come once, and not in trailers; Expect may come again. */
static void name_end(struct guard *guard)
{
    guard_word_lower(&guard->word);
    guard->field = (unsigned char)guard_word_find(&guard->word, names, FIELD_COUNT);
    guard->field_count += !guard->in_trailer;
    guard->state = STATE_BEFORE_VALUE;
    value_start(guard);
    if (guard->field == FIELD_COUNT)
        return;
    if (guard->in_trailer)
        guard_refuse(guard, 400, "a trailer cannot change where or what the request is");
    else if (guard->seen & 1u << guard->field && guard->field != FIELD_EXPECT)
        guard_refuse(guard, 400, "Host, Content-Length or Transfer-Encoding is there twice");
    guard->seen |= (unsigned char)(1u << guard->field);
}

static size_t name_take(struct guard *guard, const char *data, size_t length)
{
    size_t n = guard_word_pass(&guard->word, data, length);
    if (n == length)
        return n;
    if (data[n] == ':')
        name_end(guard);
    else if (guard_is(data[n], CLASS_BLANK))
        guard_refuse(guard, 400, "a blank in or after a header's name");
    else
        guard_refuse(guard, 400, "a header's name is malformed");
    return n + 1;
}

static size_t field_start(struct guard *guard, const char *data, size_t length)
{
    if (guard_is(*data, CLASS_TOKEN)) {
        guard->state = STATE_NAME;
        guard_word_start(&guard->word);
        return name_take(guard, data, length);
    }
    if (*data == '\r')
        guard->state = STATE_HEAD_LF;
    else if (guard_is(*data, CLASS_BLANK))
        guard_refuse(guard, 400, "a header is folded over lines");
    else
        guard_refuse(guard, 400, "a header's name is missing or malformed");
    return 1;
}

/* ---- values ---- */

static void length_take(struct guard *guard, char c)
{
    if (!guard_is(c, CLASS_DIGIT)) {
        guard_refuse(guard, 400, "Content-Length is not one whole number");
        return;
    }
    uint64_t digit = (uint64_t)(c - '0');
    guard->place = 1;
    guard->body = guard->body > (UINT64_MAX - digit) / 10 ? UINT64_MAX : guard->body * 10 + digit;
}

static void coding_end(struct guard *guard)
{
    bool was_chunked = guard->has_last_chunked;
    guard->has_last_chunked = guard_word_find(&guard->word, chunked, 1) == 0;
    guard->has_other_coding |= !guard->has_last_chunked;
    if (guard->place == LIST_BEFORE)
        guard_refuse(guard, 400, "Transfer-Encoding has an empty element");
    else if (was_chunked)
        guard_refuse(guard, 400, "something follows the coding chunked");
    guard->place = LIST_BEFORE;
}

static void encoding_take(struct guard *guard, char c)
{
    if (c == ',') {
        coding_end(guard);
    } else if (c == ' ' && guard->place != LIST_BEFORE) {
        guard->place = LIST_AFTER;
    } else if (guard_is(c, CLASS_TOKEN) && guard->place != LIST_AFTER) {
        if (guard->place == LIST_BEFORE)
            guard_word_start(&guard->word);
        guard->place = LIST_CODING;
        guard_word_take(&guard->word, ascii_lower(c));
    } else if (c != ' ') {
        guard_refuse(guard, 400, "Transfer-Encoding is malformed");
    }
}

/* A byte of a value that is read; blanks around it are not part of it. */
static void value_read(struct guard *guard, char c)
{
    if (guard->field == FIELD_TRANSFER_ENCODING) {
        encoding_take(guard, c);
        return;
    }
    if (guard_is(c, CLASS_BLANK)) {
        guard->has_value_ended = true;
        return;
    }
    if (guard->field == FIELD_EXPECT)
        guard_word_take(&guard->word, guard->has_value_ended ? ' ' : ascii_lower(c));
    else if (guard->has_value_ended)
        guard_refuse(guard, 400, "Host or Content-Length has more than one value");
    else if (guard->field == FIELD_CONTENT_LENGTH)
        length_take(guard, c);
    else
        guard_refuse(guard, 400, "Host is malformed");
}

/* Of a host all bytes are passed but a blank, and one that makes it malformed. */
static void value_pass(struct guard *guard, const char *data, size_t length)
{
    size_t n = 0;
    if (guard->field == FIELD_HOST && !guard->has_value_ended)
        n = guard_host_pass(&guard->host, data, length);
    for (; n < length && guard->state == STATE_VALUE; n++)
        value_read(guard, data[n]);
}

static void value_end(struct guard *guard)
{
    guard->state = STATE_VALUE_LF;
    switch ((enum guard_field)guard->field) {
    case FIELD_HOST:
        if (!guard_host_is_whole(&guard->host))
            guard_refuse(guard, 400, "Host is malformed");
        break;
    case FIELD_CONTENT_LENGTH:
        if (guard->place == 0)
            guard_refuse(guard, 400, "Content-Length is empty");
        break;
    case FIELD_TRANSFER_ENCODING:
        coding_end(guard);
        break;
    case FIELD_EXPECT:
        if (guard->minor == 1 && guard_word_find(&guard->word, proceed, 1) != 0)
            guard_refuse(guard, 417, "only 100-continue can be expected");
        break;
    case FIELD_COUNT:
        break;
    }
}

static size_t value_take(struct guard *guard, const char *data, size_t length)
{
    size_t n = guard_run(data, length, CLASS_TEXT);
    if (guard->field != FIELD_COUNT)
        value_pass(guard, data, n);
    if (n == length || guard->state != STATE_VALUE)
        return n;
    if (data[n] == '\r')
        value_end(guard);
    else
        guard_refuse(guard, 400, "a control byte in a header");
    return n + 1;
}

static size_t before_value(struct guard *guard, const char *data, size_t length)
{
    if (*data == ' ' || (*data == '\t' && guard->field != FIELD_TRANSFER_ENCODING))
        return 1;
    guard->state = STATE_VALUE;
    return value_take(guard, data, length);
}

/* ---- lines ---- */

static void lf_take(struct guard *guard, char c, bool is_head)
{
    if (c != '\n')
        guard_refuse(guard, 400, "a CR without a LF");
    else if (!is_head)
        guard->state = STATE_FIELD;
    else if (guard->in_trailer)
        guard->state = STATE_DONE;
    else
        guard_body_start(guard);
}

/* Take some of the next bytes, one at least. Returns how many. */
static size_t field_take(struct guard *guard, const char *data, size_t length)
{
    switch ((enum guard_state)guard->state) {
    case STATE_FIELD:
        return field_start(guard, data, length);
    case STATE_NAME:
        return name_take(guard, data, length);
    case STATE_BEFORE_VALUE:
        return before_value(guard, data, length);
    case STATE_VALUE:
        return value_take(guard, data, length);
    default:
        lf_take(guard, *data, guard->state == STATE_HEAD_LF);
        return 1;
    }
}

size_t guard_field_take(struct guard *guard, const char *data, size_t length)
{
    size_t used = 0;
    while (used < length && guard->state >= STATE_FIELD && guard->state < STATE_BODY)
        used += field_take(guard, data + used, length - used);
    return used;
}
