/*
 * Byte strings that grow, with their length, and a NUL behind the last byte.
 *
 * A failed allocation is remembered (`failed`) and every later append is dropped, so that a long
 * run of appends is checked once, at its end. A zeroed struct is an empty one.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <ferry/error.h>

struct bytes {
    char *data; /* NULL while nothing was ever appended */
    size_t length;
    size_t capacity;
    bool failed;
};

/* Have memory for so many more bytes at once, instead of some now and some later. Returns false
 * when an append failed, as this may. As a rule there is room, and bytes_grow is not called. */
bool bytes_grow(struct bytes *bytes, size_t more);
static inline bool bytes_reserve(struct bytes *bytes, size_t more)
{
    bool has_room = bytes->data && bytes->capacity - bytes->length >= more;
    return (has_room && !bytes->failed) || bytes_grow(bytes, more);
}

void bytes_append(struct bytes *bytes, const void *data, size_t length);
void bytes_append_char(struct bytes *bytes, char c);
void bytes_printf(struct bytes *bytes, const char *format, ...) FERRY_PRINTF(2, 3);
void bytes_vprintf(struct bytes *bytes, const char *format, va_list args) FERRY_PRINTF(2, 0);

/* Inline, as the compiler knows the length of most texts. */
static inline void bytes_append_text(struct bytes *bytes, const char *text)
{
    bytes_append(bytes, text, strlen(text));
}

/* Make room behind the text for so many bytes, which are the caller's to write. Returns where,
 * valid until the next append; NULL when an append failed. */
char *bytes_extend(struct bytes *bytes, size_t length);

/* Return the length of the UTF-8 sequence (RFC 3629) that `text` starts with, 0 if it is not one;
 * `left` bytes may be read, at least one. */
size_t utf8_length(const char *text, size_t left);

/* Return the character that a sequence of that length is. */
unsigned utf8_character(const char *text, size_t length);

/* Tell whether a sequence of that length steers a terminal: the control characters of ASCII and
 * U+0080 to U+009F; what ends a line or turns the order of what follows, U+2028 to U+202E and
 * U+2066 to U+2069. */
bool utf8_is_control(const char *text, size_t length);

/* Append as a JSON string with its quotes, without control characters; bytes that are not UTF-8
 * become U+FFFD. */
void bytes_append_json(struct bytes *bytes, const char *text, size_t length);

/* Append as lower-case hexadecimal. */
void bytes_append_hex(struct bytes *bytes, const void *data, size_t length);

/* Write bytes as lower-case hexadecimal, and no NUL. Returns where the next thing goes. */
char *hex_write(char *at, const void *data, size_t length);

/* Return the text, never NULL ("" when empty). Valid until the next append. */
const char *bytes_text(const struct bytes *bytes);

/* Hand the memory over to the caller, who frees it, and leave an empty string; NULL when an append
 * failed. An empty string gives "" in memory of its own. */
char *bytes_take(struct bytes *bytes);

void bytes_clear(struct bytes *bytes); /* keeps the memory */
void bytes_fini(struct bytes *bytes);

/* Make a string by printf in memory of its own; NULL without memory. */
char *text_printf(const char *format, ...) FERRY_PRINTF(1, 2);

/* Read a whole file. Returns 0 or FERRY_NOT_FOUND, FERRY_FORBIDDEN, FERRY_TOO_LARGE (more than
 * `limit` bytes), FERRY_INTERNAL. Blocks. */
int bytes_read_file(struct bytes *bytes, const char *path, size_t limit, ferry_error *error);

/* Read a file of secrets into an empty string. FERRY_INVALID as well: there are only blanks in it,
 * or NUL bytes. An error tells the path, never the content. */
int bytes_read_secret(struct bytes *bytes, const char *path, size_t limit, ferry_error *error);

#endif
