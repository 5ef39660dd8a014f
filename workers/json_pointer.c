/* JSON pointers. Pure functions. */
#include "json_pointer.h"

#include <stdlib.h>
#include <string.h>

bool json_pointer_is_valid(const char *pointer)
{
    if (*pointer && *pointer != '/')
        return false;
    for (const char *tilde = strchr(pointer, '~'); tilde; tilde = strchr(tilde + 1, '~')) {
        if (tilde[1] != '0' && tilde[1] != '1')
            return false;
    }
    return true;
}

/* Read the segment behind a slash into `name`, unescaped; returns its end. */
static const char *read_segment(const char *at, struct bytes *name)
{
    for (; *at && *at != '/'; at++) {
        if (*at == '~')
            bytes_append_char(name, *++at == '1' ? '/' : '~');
        else
            bytes_append_char(name, *at);
    }
    return at;
}

static json_t *step(json_t *value, const char *name)
{
    if (json_is_object(value))
        return json_object_get(value, name);
    size_t digits = strspn(name, "0123456789");
    if (!json_is_array(value) || digits == 0 || digits > 9 || name[digits] ||
        (*name == '0' && digits > 1))
        return NULL;
    return json_array_get(value, (size_t)strtoul(name, NULL, 10));
}

json_t *json_pointer_get(json_t *document, const char *pointer)
{
    struct bytes name = {0};
    while (document && *pointer == '/') {
        bytes_clear(&name);
        pointer = read_segment(pointer + 1, &name);
        document = name.failed ? NULL : step(document, bytes_text(&name));
    }
    bytes_fini(&name);
    return document;
}

void bytes_append_json_value(struct bytes *out, const json_t *value)
{
    if (json_is_string(value)) {
        bytes_append(out, json_string_value(value), json_string_length(value));
        return;
    }
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    out->failed |= value && !text;
    if (text)
        bytes_append_text(out, text);
    free(text);
}
