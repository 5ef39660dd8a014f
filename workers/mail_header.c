/*
 * Writing header fields. A field is a row of tokens with single spaces between them; a line is
 * folded at such a space. What cannot be written as plain tokens becomes encoded words, each of at
 * most 75 characters and of whole characters. Any thread; nothing is shared.
 */
#include "mail_header.h"

#include <string.h>

#include "ascii.h"

enum {
    /* RFC 2047's, for lines with encoded words; RFC 5322 would allow 78. With the space before it
     * a word has at most 75, as it must. */
    LINE_MAX_CHARS = 76,
    WORD_FRAME = sizeof "=?utf-8?q?"
                        "?=" -
                 1,
    CHARACTER_MAX_Q = 12, /* four bytes, each as =XX */
};

/* A field in the making. */
struct field {
    struct bytes *message;
    size_t column;
    bool has_token; /* the line holds one: it may be folded behind it */
};

/* ---- characters ---- */

/* Length of the UTF-8 character at `s`, which ends with a NUL; 0 if it is not one. */
static size_t character_length(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80)
        return 1;
    size_t length = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    bool bad = s[0] < 0xC2 || s[0] > 0xF4 || (s[0] == 0xE0 && s[1] < 0xA0) ||
               (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
               (s[0] == 0xF4 && s[1] > 0x8F);
    for (size_t i = 1; i < length && !bad; i++)
        bad = (s[i] & 0xC0) != 0x80; /* a NUL is bad, too: it ends the loop */
    return bad ? 0 : length;
}

bool mail_header_is_clean(const char *text)
{
    while (*text) {
        unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];
        size_t length = character_length(text);
        if (length == 0 || first < ' ' || first == 0x7F || (first == 0xC2 && second < 0xA0))
            return false; /* 0xC2 0x80 to 0x9F: the other control characters, U+0085 among them */
        text += length;
    }
    return true;
}

/* ---- fields, lines, tokens ---- */

static struct field field_begin(struct bytes *message, const char *name)
{
    bytes_append_text(message, name);
    bytes_append_char(message, ':');
    return (struct field){.message = message, .column = strlen(name) + 1};
}

static void field_fold(struct field *field)
{
    bytes_append_text(field->message, "\r\n");
    field->column = 0;
    field->has_token = false;
}

static void field_token(struct field *field, const char *token, size_t length)
{
    if (field->has_token && field->column + 1 + length > LINE_MAX_CHARS)
        field_fold(field);
    bytes_append_char(field->message, ' ');
    bytes_append(field->message, token, length);
    field->column += 1 + length;
    field->has_token = true;
}

static void field_end(struct field *field)
{
    bytes_append_text(field->message, "\r\n");
}

/* ---- encoded words ---- */

/* What stands for itself in the Q encoding, everywhere that an encoded word may stand. */
static bool is_q_literal(char c)
{
    return ascii_is_alnum(c) || (c && strchr("!*+-/", c));
}

static size_t q_length(const char *text, size_t length)
{
    size_t total = 0;
    for (size_t i = 0; i < length; i++)
        total += is_q_literal(text[i]) || text[i] == ' ' ? 1 : 3;
    return total;
}

static size_t b_length(size_t length)
{
    return (length + 2) / 3 * 4;
}

/* "=C3" or "%C3" */
static void append_escaped(struct bytes *word, char mark, char c)
{
    static const char digits[] = "0123456789ABCDEF";
    bytes_append_char(word, mark);
    bytes_append_char(word, digits[(unsigned char)c >> 4]);
    bytes_append_char(word, digits[(unsigned char)c & 15]);
}

static void append_q(struct bytes *word, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == ' ')
            bytes_append_char(word, '_');
        else if (is_q_literal(text[i]))
            bytes_append_char(word, text[i]);
        else
            append_escaped(word, '=', text[i]);
    }
}

static void append_b(struct bytes *word, const char *text, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned bits = (unsigned)s[i] << 16;
        bits |= left > 1 ? (unsigned)s[i + 1] << 8 : 0;
        bits |= left > 2 ? s[i + 2] : 0;
        bytes_append_char(word, digits[bits >> 18]);
        bytes_append_char(word, digits[bits >> 12 & 63]);
        bytes_append_char(word, left > 1 ? digits[bits >> 6 & 63] : '=');
        bytes_append_char(word, left > 2 ? digits[bits & 63] : '=');
    }
}

/* How much of the text, in whole characters, an encoded word of `room` characters holds. */
static size_t word_fit(const char *text, size_t length, bool base64, size_t room)
{
    size_t fit = 0;
    while (fit < length) {
        size_t more = fit + character_length(text + fit);
        if ((base64 ? b_length(more) : q_length(text, more)) + WORD_FRAME > room)
            break;
        fit = more;
    }
    return fit;
}

/* How long an encoded word may be on this line. */
static size_t word_room(const struct field *field)
{
    return field->column + 1 < LINE_MAX_CHARS ? LINE_MAX_CHARS - field->column - 1 : 0;
}

static void field_words(struct field *field, const char *text)
{
    size_t length = strlen(text);
    bool base64 = q_length(text, length) > 2 * length; /* q is readable while most is ASCII */
    struct bytes word = {0};
    while (length > 0) {
        if (word_room(field) < WORD_FRAME + CHARACTER_MAX_Q)
            field_fold(field); /* also behind a long name: a word holds a character at least */
        size_t fit = word_fit(text, length, base64, word_room(field));
        bytes_clear(&word);
        bytes_append_text(&word, base64 ? "=?utf-8?b?" : "=?utf-8?q?");
        base64 ? append_b(&word, text, fit) : append_q(&word, text, fit);
        bytes_append_text(&word, "?=");
        field_token(field, bytes_text(&word), word.length);
        text += fit;
        length -= fit;
    }
    if (word.failed)
        field->message->failed = true;
    bytes_fini(&word);
}

/* ---- text ---- */

/* Tell whether text can stand as it is: ASCII, single spaces (others do not survive folding),
 * words that fit a line, and nothing that looks like an encoded word. */
static bool is_plain(const char *text)
{
    size_t word = 0;
    if (strstr(text, "=?") || *text == ' ')
        return false;
    for (; *text; text++) {
        if ((unsigned char)*text > 0x7E || (*text == ' ' && (text[1] == ' ' || !text[1])))
            return false;
        word = *text == ' ' ? 0 : word + 1;
        if (word > LINE_MAX_CHARS / 2)
            return false;
    }
    return true;
}

static void field_text(struct field *field, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, " ");
        field_token(field, text, length);
        text += length + (text[length] == ' ');
    }
}

void mail_header_text(struct bytes *message, const char *name, const char *text)
{
    struct field field = field_begin(message, name);
    if (is_plain(text))
        field_text(&field, text);
    else
        field_words(&field, text);
    field_end(&field);
}

static bool is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x7F)
        text++;
    return !*text;
}

void mail_header_value(struct bytes *message, const char *name, const char *value)
{
    struct field field = field_begin(message, name);
    if (!is_ascii(value)) {
        field_words(&field, value);
        value = "";
    }
    for (value += strspn(value, " "); *value; value += strspn(value, " ")) {
        size_t length = strcspn(value, " ");
        field_token(&field, value, length);
        value += length;
    }
    field_end(&field);
}

/* ---- parameters ---- */

enum { PARAMETER_MAX_CHARS = LINE_MAX_CHARS - 1 }; /* without the ';' */

static void append_quoted(struct bytes *out, const char *text)
{
    bytes_append_char(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            bytes_append_char(out, '\\');
        bytes_append_char(out, *text);
    }
    bytes_append_char(out, '"');
}

/* What stands for itself in RFC 2231's form. */
static bool is_attribute_char(char c)
{
    return ascii_is_alnum(c) || (c && strchr("!#$&+-.^_`|~", c));
}

/* Append whole characters of `value` while the line has room. Returns what is left of it. */
static const char *append_percent(struct bytes *line, const char *value)
{
    while (*value) {
        size_t length = character_length(value), room = 0;
        for (size_t i = 0; i < length; i++)
            room += is_attribute_char(value[i]) ? 1 : 3;
        if (line->failed || line->length + room > PARAMETER_MAX_CHARS)
            break;
        for (size_t i = 0; i < length; i++, value++) {
            if (is_attribute_char(*value))
                bytes_append_char(line, *value);
            else
                append_escaped(line, '%', *value);
        }
    }
    return value;
}

/* " name*0*=utf-8''begin;\r\n name*1*=end" */
static void append_continued(struct bytes *message, struct bytes *line, const char *name,
                             const char *value)
{
    for (unsigned i = 0; *value && !line->failed; i++) {
        bytes_clear(line);
        bytes_printf(line, " %s*%u*=%s", name, i, i == 0 ? "utf-8''" : "");
        value = append_percent(line, value);
        bytes_printf(message, "%s%s", i == 0 ? "" : ";\r\n", bytes_text(line));
    }
}

void mail_header_parameter(struct bytes *message, const char *name, const char *value)
{
    struct bytes line = {0};
    bool is_done = is_ascii(value);
    bytes_append_text(message, ";\r\n");
    if (is_done) {
        bytes_printf(&line, " %s=", name);
        append_quoted(&line, value);
        is_done = line.length <= PARAMETER_MAX_CHARS;
    }
    if (!is_done) {
        bytes_clear(&line);
        bytes_printf(&line, " %s*=utf-8''", name);
        is_done = *append_percent(&line, value) == '\0';
    }
    if (is_done)
        bytes_append(message, bytes_text(&line), line.length);
    else
        append_continued(message, &line, name, value);
    if (line.failed)
        message->failed = true;
    bytes_fini(&line);
}

/* ---- addresses ---- */

/* Tell whether a name consists of words that need no quotes. */
static bool is_phrase(const char *name)
{
    for (; *name; name++) {
        if (!ascii_is_alnum(*name) && !strchr(" !#$%&'*+-/=?^_`{|}~", *name))
            return false;
    }
    return true;
}

static void field_quoted(struct field *field, const char *name)
{
    struct bytes quoted = {0};
    append_quoted(&quoted, name);
    field_token(field, bytes_text(&quoted), quoted.length);
    if (quoted.failed)
        field->message->failed = true;
    bytes_fini(&quoted);
}

static void field_name(struct field *field, const char *name)
{
    enum { QUOTED_MAX = 60 }; /* a quoted string is one token: it must fit a line */
    if (!is_plain(name) || (!is_phrase(name) && strlen(name) > QUOTED_MAX / 2))
        field_words(field, name);
    else if (is_phrase(name))
        field_text(field, name);
    else
        field_quoted(field, name);
}

static void field_address(struct field *field, const struct mail_address *address, bool last)
{
    struct bytes token = {0};
    if (address->name)
        field_name(field, address->name);
    bytes_printf(&token, address->name ? "<%s>%s" : "%s%s", address->address, last ? "" : ",");
    field_token(field, bytes_text(&token), token.length);
    if (token.failed)
        field->message->failed = true;
    bytes_fini(&token);
}

void mail_header_addresses(struct bytes *message, const char *name,
                           const struct mail_address *addresses, size_t count)
{
    struct field field = field_begin(message, name);
    for (size_t i = 0; i < count; i++)
        field_address(&field, &addresses[i], i + 1 == count);
    field_end(&field);
}
