/* Words and numbers of ASCII; no state. */
#include "ascii.h"

#include <locale.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int ascii_compare(const char *a, const char *b)
{
    return ascii_compare_n(a, b, SIZE_MAX);
}

/* Most of what is compared is written the same. */
int ascii_compare_n(const char *a, const char *b, size_t length)
{
    for (; length > 0; length--, a++, b++) {
        if (*a != *b) {
            unsigned char c = (unsigned char)ascii_lower(*a), d = (unsigned char)ascii_lower(*b);
            if (c != d)
                return c < d ? -1 : 1;
        } else if (*a == '\0') {
            break;
        }
    }
    return 0;
}

/* It is the C library's own, which is there always and needs no freeing. */
static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

double ascii_to_double(const char *text, char **end)
{
    return strtod_l(text, end, c_locale());
}

int ascii_printf(char *text, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    locale_t before = uselocale(c_locale());
    int length = vsnprintf(text, size, format, args);
    uselocale(before);
    va_end(args);
    return length;
}
