/* JSON pointers (RFC 6901), and values as text. Any thread; nothing is shared. */
#ifndef WORKERS_JSON_POINTER_H
#define WORKERS_JSON_POINTER_H

#include <jansson.h>

#include "bytes.h"

/* Tell whether a text is a pointer: empty, or beginning with a slash. */
bool json_pointer_is_valid(const char *pointer);

/* Return what a pointer points to, NULL if there is no such thing. */
json_t *json_pointer_get(json_t *document, const char *pointer);

/* Append a value as a person would write it: a string without its quotes, anything else as JSON.
 * NULL is nothing. */
void bytes_append_json_value(struct bytes *out, const json_t *value);

#endif
