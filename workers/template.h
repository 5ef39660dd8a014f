/*
 * Little templates: {{name}} stands for what the data has under that name.
 *
 * The data is JSON. {{user.name}} looks into an object, {{items.0}} into a list. A value is a
 * string, a number or a boolean; it is written through the template's escape function, and as it is
 * where three braces stand: {{{name}}}. A name that the data has not is an error: a letter that
 * begins with "Dear ," is worse than none. There are no conditions and no loops.
 */
#ifndef WORKERS_TEMPLATE_H
#define WORKERS_TEMPLATE_H

#include <stddef.h>

#include <jansson.h>

#include <ferry/error.h>

#include "bytes.h"

/* Append a value in the form that its surroundings need. */
typedef void template_escape(struct bytes *out, const char *text, size_t length);

/* For HTML, between tags and in attributes that have quotes. */
void template_escape_html(struct bytes *out, const char *text, size_t length);

struct template_options {
    const char *what;        /* names it in messages: "welcome.txt" */
    template_escape *escape; /* NULL: values are written as they are */
    size_t max_bytes;        /* of the result */
};

/* Append the template's `length` bytes of text to `out`, with the values from `data` (an object;
 * NULL: there is none). Returns 0, or with `error` FERRY_INVALID (with the line in the template),
 * FERRY_TOO_LARGE, FERRY_INTERNAL (no memory). Any thread. */
int template_render(struct bytes *out, const char *text, size_t length, const json_t *data,
                    const struct template_options *options, ferry_error *error);

#endif
