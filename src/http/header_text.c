/*
 * What may stand in a header. Pure functions.
 */
#include "header_text.h"

#include <string.h>

#include "ascii.h"
#include "guard_parts.h"

/* Tell whether all of a text is of a class, which no NUL is. */
static bool is_all(const char *text, unsigned class)
{
    while (guard_is(*text, class))
        text++;
    return !*text;
}

bool header_is_name(const char *name)
{
    return *name && is_all(name, CLASS_TOKEN);
}

bool header_is_value(const char *value)
{
    return is_all(value, CLASS_TEXT);
}

bool header_is_framing(const char *name)
{
    return header_is_same(name, "Content-Length") || header_is_same(name, "Transfer-Encoding");
}

bool header_has_token(const char *value, const char *token)
{
    size_t length = strlen(token);
    while (value && *value) {
        value += strspn(value, " \t,");
        size_t part = strcspn(value, ",");
        const char *next = value + part;
        while (part > 0 && (value[part - 1] == ' ' || value[part - 1] == '\t'))
            part--;
        if (part == length && ascii_compare_n(value, token, length) == 0)
            return true;
        value = next;
    }
    return false;
}
