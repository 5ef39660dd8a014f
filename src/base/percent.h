/*
 * Percent-encoding: paths are decoded strictly, forms leniently. Any thread.
 */
#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

/* Tell whether every % begins an escape of two hexadecimal digits, and none of a NUL. */
bool percent_is_valid(const char *text, size_t length);

/* Decode a checked text into `out`, which needs `length` + 1 bytes; returns the end, at the NUL. */
char *percent_decode(const char *text, size_t length, char *out);

/* Decode a NUL-terminated form value in place: + is a space; what is not an escape stays. */
void form_decode(char *text);

/* Append a text as a query's value: what is not a letter, a digit or one of "-._~/" is escaped. */
void percent_encode(struct bytes *out, const char *text);

#endif
