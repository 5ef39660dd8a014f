/*
 * Percent-encoding. Pure functions.
 */
#include "percent.h"

#include <string.h>

/* The value of a hexadecimal digit, or -1. */
static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that an escape at `text` stands for; -1 when it is none, or stands for NUL, which would
 * end a string early. */
static int escape(const char *text, size_t length)
{
    if (length < 3 || text[0] != '%' || digit(text[1]) < 0 || digit(text[2]) < 0)
        return -1;
    int value = digit(text[1]) * 16 + digit(text[2]);
    return value ? value : -1;
}

bool percent_is_valid(const char *text, size_t length)
{
    const char *end = text + length;
    const char *at = text;
    while (at < end && (at = memchr(at, '%', (size_t)(end - at)))) {
        if (escape(at, (size_t)(end - at)) < 0)
            return false;
        at += 3;
    }
    return true;
}

char *percent_decode(const char *text, size_t length, char *out)
{
    for (size_t i = 0; i < length; i++) {
        int value = escape(text + i, length - i);
        if (value >= 0)
            i += 2;
        *out++ = value >= 0 ? (char)value : text[i];
    }
    *out = '\0';
    return out;
}

void form_decode(char *text)
{
    for (char *c = text; *c; c++) {
        if (*c == '+')
            *c = ' ';
    }
    percent_decode(text, strlen(text), text);
}

void percent_encode(struct bytes *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._~/";
    for (; *text; text++) {
        if (strchr(plain, *text))
            bytes_append_char(out, *text);
        else
            bytes_printf(out, "%%%02X", (unsigned char)*text);
    }
}
