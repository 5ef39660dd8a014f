/*
 * The head of a request, taken apart: what the guard has let pass. Any thread, one at a time.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "guard.h"

struct header {
    const char *name, *value;
};

struct head {
    unsigned method; /* a bit of enum method */
    int minor;       /* of HTTP/1.x */
    const char *path;
    size_t path_length; /* without the query */
    char *query;        /* NULL: none */
    size_t header_count;
    struct header *headers; /* in their order */
    size_t memory_bytes;    /* of all this */
};

/* Take a head apart; `text` is copied, and `guard` has seen all of it, and nothing but it and empty
 * lines before it. Owns: the caller, by head_free. NULL without memory. */
struct head *head_new(const struct guard *guard, const char *text, size_t length);
void head_free(struct head *head);

/* Return the value of the first header of a name, in any case; NULL if there is none. */
const char *head_find(const struct head *head, const char *name);

/* Tell whether a token is in the headers of a name, which together are one list. */
bool head_has_token(const struct head *head, const char *name, const char *token);

#endif
