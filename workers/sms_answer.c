/* Reading answers. Any thread; nothing is shared. */
#include "sms_answer.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"

/* Copy as UTF-8, without a byte order mark. */
static void append_utf8(struct bytes *out, const char *text, size_t length)
{
    static const char mark[] = "\xEF\xBB\xBF";
    size_t at = length >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    while (at < length) {
        size_t size = utf8_length(text + at, length - at);
        bytes_append(out, size ? text + at : "?", size ? size : 1);
        at += size ? size : 1;
    }
}

/* Return the length of the string that begins at `text` with its quotes, or of what is left. */
static size_t string_length(const char *text)
{
    size_t length = 1;
    while (text[length] && text[length] != '"')
        length += text[length] == '\\' && text[length + 1] ? 2 : 1;
    return length + (text[length] == '"');
}

/* Copy JSON with quotes around its numbers: rules compare texts, so that they match as before. */
static void append_quoting_numbers(struct bytes *out, const char *text)
{
    while (*text) {
        bool is_number = *text == '-' || (*text >= '0' && *text <= '9');
        size_t length = is_number      ? strspn(text, "0123456789+-.eE")
                        : *text == '"' ? string_length(text)
                                       : 1;
        bytes_append_text(out, is_number ? "\"" : "");
        bytes_append(out, text, length);
        bytes_append_text(out, is_number ? "\"" : "");
        text += length;
    }
}

static json_t *read_json(const struct bytes *text)
{
    enum { FLAGS = JSON_DECODE_ANY | JSON_ALLOW_NUL };
    json_t *document = json_loadb(bytes_text(text), text->length, FLAGS, NULL);
    if (document)
        return document;
    struct bytes quoted = {0};
    append_quoting_numbers(&quoted, bytes_text(text));
    document = json_loadb(bytes_text(&quoted), quoted.length, FLAGS, NULL);
    bytes_fini(&quoted);
    return document;
}

static json_t *read_text(const struct bytes *text)
{
    const char *at = bytes_text(text);
    size_t length = text->length;
    while (length > 0 && (unsigned char)at[length - 1] <= ' ')
        length--;
    while (length > 0 && (unsigned char)*at <= ' ') {
        at++;
        length--;
    }
    return json_stringn(at, length);
}

json_t *sms_answer_read(const char *body, size_t length)
{
    struct bytes text = {0};
    append_utf8(&text, body, length);
    json_t *answer = text.failed ? NULL : read_json(&text);
    if (!answer && !text.failed)
        answer = read_text(&text);
    bytes_fini(&text);
    return answer;
}
