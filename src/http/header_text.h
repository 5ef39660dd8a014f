/*
 * What may stand in a header, whichever way it goes. Pure functions.
 */
#ifndef HTTP_HEADER_TEXT_H
#define HTTP_HEADER_TEXT_H

#include <stdbool.h>

#include "ascii.h"

/* A token (RFC 9110): header names and methods. */
bool header_is_name(const char *name);

/* No control bytes but the tab; CR and LF would be the end of it. */
bool header_is_value(const char *value);

/* Tell whether two names are the same. Most differ in their first letter already. */
static inline bool header_is_same(const char *name, const char *other)
{
    return ((name[0] ^ other[0]) & ~0x20) == 0 && ascii_compare(name, other) == 0;
}

/* Whoever could set these would say where the body ends. */
bool header_is_framing(const char *name);

/* Tell whether a comma-separated value, which may be NULL, has a token. */
bool header_has_token(const char *value, const char *token);

#endif
