/*
 * Query strings, and forms, which are written the same way. Any thread.
 */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include <stddef.h>

struct query_value {
    const char *name;
    const char *value; /* "" without a = */
};

/* Cut a NUL-terminated text up in place. Returns the values in their order, from malloc, and their
 * number; NULL without memory. Empty parts are left out. */
struct query_value *query_parse(char *text, size_t *count);

#endif
