/*
 * Query strings. Pure functions.
 */
#include "query.h"

#include <stdlib.h>
#include <string.h>

#include "percent.h"

static struct query_value value_read(char *text)
{
    static const char empty[] = "";
    char *value = strchr(text, '=');
    if (value)
        *value++ = '\0';
    form_decode(text);
    if (value)
        form_decode(value);
    return (struct query_value){.name = text, .value = value ? value : empty};
}

struct query_value *query_parse(char *text, size_t *count)
{
    size_t most = 1;
    for (const char *c = text; *c; c++)
        most += *c == '&' && c[1] != '&';
    struct query_value *values = calloc(most, sizeof *values);
    *count = 0;
    if (!values)
        return NULL;
    for (char *part; (part = strsep(&text, "&"));) {
        if (*part)
            values[(*count)++] = value_read(part);
    }
    return values;
}
