/* JSON as text: walks its tokens, and copies them as they are. No state. */
#include "json_text.h"

#include <string.h>

enum { INDENT = 2 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* Behind the token at `at`: a string, a number, a word, or one of "{}[],:". */
static const char *skip_token(const char *at, const char *end)
{
    if (at == end)
        return end;
    if (*at == '"') {
        at++;
        while (at < end && *at != '"')
            at += *at == '\\' && at + 1 < end ? 2 : 1;
        return at < end ? at + 1 : end;
    }
    if (strchr("{}[],:", *at))
        return at + 1;
    while (at < end && !is_blank(*at) && !strchr("{}[],:\"", *at))
        at++;
    return at;
}

/* Behind the value at `at`, whatever is nested in it. */
static const char *skip_value(const char *at, const char *end)
{
    size_t depth = 0;
    do {
        at = skip_blanks(at, end);
        depth += at < end && (*at == '{' || *at == '[');
        depth -= depth > 0 && at < end && (*at == '}' || *at == ']');
        at = skip_token(at, end);
    } while (depth > 0 && at < end);
    return at;
}

bool json_find(struct json_span object, const char *key, struct json_span *value)
{
    const char *end = object.data + object.length;
    const char *at = skip_blanks(object.data, end);
    while (at < end) { /* at the brace or a comma */
        const char *name = skip_blanks(at + 1, end);
        const char *name_end = skip_token(name, end);
        const char *colon = skip_blanks(name_end, end);
        if (colon == end || *colon != ':')
            return false;
        const char *start = skip_blanks(colon + 1, end);
        at = skip_value(start, end);
        if ((size_t)(name_end - name) == strlen(key) + 2 &&
            memcmp(name + 1, key, strlen(key)) == 0) {
            *value = (struct json_span){start, (size_t)(at - start)};
            return true;
        }
        at = skip_blanks(at, end);
        if (at < end && *at != ',')
            return false;
    }
    return false;
}

bool json_next(struct json_span *array, struct json_span *item)
{
    const char *end = array->data + array->length;
    const char *at = skip_blanks(array->data, end); /* at the bracket or a comma */
    if (at == end || (*at != '[' && *at != ','))
        return false;
    at = skip_blanks(at + 1, end);
    if (at == end || *at == ']')
        return false;
    const char *rest = skip_value(at, end);
    *item = (struct json_span){at, (size_t)(rest - at)};
    *array = (struct json_span){rest, (size_t)(end - rest)};
    return true;
}

static void new_line(struct bytes *out, size_t depth)
{
    bytes_append_char(out, '\n');
    for (size_t i = 0; i < depth * INDENT; i++)
        bytes_append_char(out, ' ');
}

/* Append the brace or bracket at `at`; an empty pair stays together. Returns what follows. */
static const char *open_level(struct bytes *out, const char *at, const char *end, size_t *depth)
{
    const char *next = skip_blanks(at + 1, end);
    bytes_append_char(out, *at);
    if (next < end && (*next == '}' || *next == ']')) {
        bytes_append_char(out, *next);
        return next + 1;
    }
    new_line(out, ++*depth);
    return next;
}

void json_indent(struct bytes *out, struct json_span text)
{
    const char *end = text.data + text.length;
    size_t depth = 0;
    for (const char *at = skip_blanks(text.data, end); at < end; at = skip_blanks(at, end)) {
        const char *next = skip_token(at, end);
        if (*at == '{' || *at == '[') {
            at = open_level(out, at, end, &depth);
            continue;
        }
        if (*at == '}' || *at == ']')
            new_line(out, depth > 0 ? --depth : 0);
        bytes_append(out, at, (size_t)(next - at));
        if (*at == ',')
            new_line(out, depth);
        if (*at == ':')
            bytes_append_char(out, ' ');
        at = next;
    }
}
