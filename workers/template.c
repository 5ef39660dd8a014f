/* Rendering templates, in one pass over the text. Any thread; nothing is shared. */
#include "template.h"

#include <stdlib.h>
#include <string.h>

#include "ascii.h"

/* A template in work. */
struct render {
    struct bytes *out;
    const struct template_options *options;
    const json_t *data;
    size_t limit; /* of out->length */
    int line;     /* of the template, from 1 */
    ferry_error *error;
};

/* What stands between two or three braces. */
struct tag {
    const char *name;
    size_t length;
    bool is_raw;
    const char *end; /* what follows the braces */
};

void template_escape_html(struct bytes *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '&':
            bytes_append_text(out, "&amp;");
            break;
        case '<':
            bytes_append_text(out, "&lt;");
            break;
        case '>':
            bytes_append_text(out, "&gt;");
            break;
        case '"':
            bytes_append_text(out, "&quot;");
            break;
        case '\'':
            bytes_append_text(out, "&#39;");
            break;
        default:
            bytes_append_char(out, text[i]);
            break;
        }
    }
}

static int fail_at(const struct render *render, const char *why, const struct tag *tag)
{
    return ferry_error_set(render->error, FERRY_INVALID, "template %s, line %d: %s%.*s",
                           render->options->what, render->line, why, (int)tag->length, tag->name);
}

/* ---- tags ---- */

static bool is_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!ascii_is_alnum(name[i]) && !memchr("_-.", name[i], 3))
            return false;
    }
    return length > 0;
}

/* Read the tag that begins at `text`, which is "{{". */
static int tag_read(const struct render *render, const char *text, size_t left, struct tag *tag)
{
    bool is_raw = left > 2 && text[2] == '{';
    size_t braces = is_raw ? 3 : 2;
    const char *begin = text + braces;
    const char *end = memmem(begin, left - braces, "}}}", braces);
    *tag = (struct tag){.name = "", .is_raw = is_raw};
    if (!end)
        return fail_at(render, is_raw ? "{{{ without }}}" : "{{ without }}", tag);
    tag->end = end + braces;
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    tag->name = begin;
    tag->length = (size_t)(end - begin);
    if (is_name(tag->name, tag->length))
        return 0;
    if (tag->length > 40)
        tag->length = 40;
    return fail_at(render, "between braces belongs a name such as user.name, not: ", tag);
}

/* ---- values ---- */

static const json_t *member(const json_t *value, const char *word, size_t length)
{
    if (json_is_array(value)) {
        bool is_index = length > 0 && length < 10 && strspn(word, "0123456789") >= length;
        return is_index ? json_array_get(value, strtoul(word, NULL, 10)) : NULL;
    }
    return json_object_getn(value, word, length);
}

static const json_t *look_up(const json_t *value, const char *name, size_t length)
{
    while (value) {
        const char *dot = memchr(name, '.', length);
        size_t word = dot ? (size_t)(dot - name) : length;
        value = member(value, name, word);
        if (!dot)
            break;
        name += word + 1;
        length -= word + 1;
    }
    return value;
}

static void append_value(const struct render *render, const struct tag *tag, const char *text,
                         size_t length)
{
    if (render->options->escape && !tag->is_raw)
        render->options->escape(render->out, text, length);
    else
        bytes_append(render->out, text, length);
}

static int append_tag(const struct render *render, const struct tag *tag)
{
    const json_t *value = look_up(render->data, tag->name, tag->length);
    if (!value)
        return fail_at(render, "the data has no ", tag);
    if (json_is_string(value)) {
        append_value(render, tag, json_string_value(value), json_string_length(value));
        return 0;
    }
    if (!json_is_number(value) && !json_is_boolean(value))
        return fail_at(render, "neither a string, a number nor a boolean: ", tag);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (!text)
        return ferry_error_set(render->error, FERRY_INTERNAL, "no memory");
    append_value(render, tag, text, strlen(text));
    free(text);
    return 0;
}

/* ---- the template ---- */

static int check_size(const struct render *render)
{
    if (render->out->failed)
        return ferry_error_set(render->error, FERRY_INTERNAL, "no memory");
    if (render->out->length > render->limit)
        return ferry_error_set(render->error, FERRY_TOO_LARGE,
                               "template %s: with its data it is longer than %zu KiB",
                               render->options->what, render->options->max_bytes / 1024);
    return 0;
}

/* Append what stands before the next tag, and count its lines. */
static void append_literal(struct render *render, const char *text, size_t length)
{
    bytes_append(render->out, text, length);
    for (size_t i = 0; i < length; i++)
        render->line += text[i] == '\n';
}

int template_render(struct bytes *out, const char *text, size_t length, const json_t *data,
                    const struct template_options *options, ferry_error *error)
{
    struct render render = {.out = out,
                            .options = options,
                            .data = data,
                            .limit = out->length + options->max_bytes,
                            .line = 1,
                            .error = error};
    const char *end = text + length;
    struct tag tag;
    int rc = 0;
    while (rc == 0 && text < end) {
        const char *braces = memmem(text, (size_t)(end - text), "{{", 2);
        append_literal(&render, text, (size_t)((braces ? braces : end) - text));
        if (!braces)
            return check_size(&render);
        rc = tag_read(&render, braces, (size_t)(end - braces), &tag);
        if (rc == 0)
            rc = append_tag(&render, &tag);
        if (rc == 0)
            rc = check_size(&render);
        text = tag.end;
    }
    return rc;
}
