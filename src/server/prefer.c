/* The Prefer header. Pure functions. */
#include "prefer.h"

#include <ctype.h>
#include <string.h>

#include "ascii.h"

/* Return the length up to one of `ends` outside of a quoted string. */
static size_t span_until(const char *text, const char *ends)
{
    bool in_quotes = false;
    const char *at = text;
    for (; *at && (in_quotes || !strchr(ends, *at)); at++) {
        if (*at == '"')
            in_quotes = !in_quotes;
        else if (in_quotes && *at == '\\' && at[1])
            at++;
    }
    return (size_t)(at - text);
}

static bool is_name(const char *text, size_t length, const char *name)
{
    return length == strlen(name) && ascii_compare_n(text, name, length) == 0;
}

/* Read seconds, which may stand in quotes. Returns whether that is all there is. */
static bool read_seconds(const char *text, size_t length, unsigned *seconds)
{
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        text++;
        length -= 2;
    }
    unsigned number = 0;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        number = number * 10 + (unsigned)(text[i] - '0');
        if (number > PREFER_WAIT_MAX_S)
            number = PREFER_WAIT_MAX_S; /* and so it stays below any overflow */
    }
    *seconds = number;
    return length > 0;
}

/* Take one preference: a name, perhaps with a value; its parameters are left out. */
static void read_preference(struct prefer *prefer, const char *text, size_t length)
{
    size_t name = strcspn(text, "=;, \t");
    const char *value = text + name, *end = text + length;
    while (value < end && strchr(" \t=", *value))
        value++;
    size_t value_length = (size_t)(end - value);
    while (value_length > 0 && strchr(" \t", value[value_length - 1]))
        value_length--;
    if (is_name(text, name, "respond-async"))
        prefer->respond_async = true;
    else if (is_name(text, name, "wait") && !prefer->has_wait)
        prefer->has_wait = read_seconds(value, value_length, &prefer->wait_s);
}

void prefer_read(struct prefer *prefer, const char *value)
{
    for (const char *at = value; *at;) {
        at += strspn(at, " \t,");
        read_preference(prefer, at, span_until(at, ";,"));
        at += span_until(at, ",");
    }
}

void prefer_append_applied(struct bytes *out, const struct prefer *prefer, bool has_waited)
{
    if (prefer->respond_async)
        bytes_append_text(out, "respond-async");
    if (prefer->has_wait && has_waited)
        bytes_printf(out, "%swait=%u", out->length ? ", " : "", prefer->wait_s);
}
