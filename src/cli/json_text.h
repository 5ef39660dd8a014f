/*
 * JSON as text: to find a value in it and to lay it out for people, with every number as it was
 * written. What comes in is JSON already, from a server; anything else comes out as some text or
 * other, never read past its end.
 */
#ifndef CLI_JSON_TEXT_H
#define CLI_JSON_TEXT_H

#include <stdbool.h>

#include "bytes.h"

/* A part of a text. */
struct json_span {
    const char *data;
    size_t length;
};

/* Find the value of a key of an object. Returns whether it is there. */
bool json_find(struct json_span object, const char *key, struct json_span *value);

/* Take the first item off an array. Returns false at its end; begin with the array itself. */
bool json_next(struct json_span *array, struct json_span *item);

/* Append it with a line for each member and item, indented by two spaces a level. */
void json_indent(struct bytes *out, struct json_span text);

#endif
