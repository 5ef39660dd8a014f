/*
 * Letters as ASCII has them and numbers with a point, whatever locale a plug-in or a program has
 * set: in Turkish, I and i are not the same letter, and half of the world writes 0,5. (isdigit and
 * isxdigit are the same everywhere.) Any thread.
 */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>

#include <ferry/error.h>

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool ascii_is_letter(char c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static inline bool ascii_is_alnum(char c)
{
    return ascii_is_letter(c) || (c >= '0' && c <= '9');
}

static inline bool ascii_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Compare as strcmp and strncmp do, without regard to the case of letters. */
int ascii_compare(const char *a, const char *b);
int ascii_compare_n(const char *a, const char *b, size_t length);

/* As strtod and snprintf. */
double ascii_to_double(const char *text, char **end);
int ascii_printf(char *text, size_t size, const char *format, ...) FERRY_PRINTF(3, 4);

#endif
