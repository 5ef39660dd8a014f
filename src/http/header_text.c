/*
 * What may stand in a header. Pure functions.
 */
#include "header_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool header_is_name(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("!#$%&'*+-.^_`|~", *c))
            return false;
    }
    return *name != '\0';
}

bool header_is_value(const char *value)
{
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        if ((*c < ' ' && *c != '\t') || *c == 0x7f)
            return false;
    }
    return true;
}

bool header_is_framing(const char *name)
{
    return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
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
        if (part == length && strncasecmp(value, token, length) == 0)
            return true;
        value = next;
    }
    return false;
}
