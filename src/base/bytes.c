/*
 * Byte strings that grow.
 *
 * Any thread may use one, one at a time. Capacity doubles; one more byte than `capacity` counts is
 * always there for the NUL. Most live as long as a request does, so that their memory is used again
 * (spare.h); whoever has taken it may free it like any other.
 */
#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spare.h"

enum { FIRST_BYTES = 64 };

static size_t size_of(const struct bytes *bytes)
{
    return bytes->capacity + 1;
}

bool bytes_grow(struct bytes *bytes, size_t more)
{
    if (bytes->failed)
        return false;
    size_t size = bytes->data ? size_of(bytes) : FIRST_BYTES;
    while (size - 1 - bytes->length < more && size < SIZE_MAX / 2)
        size *= 2;
    char *data = NULL;
    bool is_piece = !bytes->data && size <= SPARE_PIECE_MAX_BYTES;
    if (size - 1 - bytes->length >= more)
        data = is_piece ? spare_new(size) : realloc(bytes->data, size);
    if (!data) {
        bytes->failed = true;
        return false;
    }
    bytes->data = data;
    bytes->capacity = size - 1;
    bytes->data[bytes->length] = '\0';
    return true;
}

char *bytes_extend(struct bytes *bytes, size_t length)
{
    if (!bytes_reserve(bytes, length))
        return NULL;
    char *at = bytes->data + bytes->length;
    bytes->length += length;
    bytes->data[bytes->length] = '\0';
    return at;
}

void bytes_append(struct bytes *bytes, const void *data, size_t length)
{
    if (length == 0 || !bytes_reserve(bytes, length))
        return;
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
    bytes->data[bytes->length] = '\0';
}

void bytes_append_char(struct bytes *bytes, char c)
{
    bytes_append(bytes, &c, 1);
}

/* As a rule there is room already, and it is printed once. */
void bytes_vprintf(struct bytes *bytes, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    bool has_room = bytes_reserve(bytes, 1);
    size_t room = bytes->capacity - bytes->length;
    int need = has_room ? vsnprintf(bytes->data + bytes->length, room + 1, format, args) : -1;
    bool is_whole = need >= 0 && (size_t)need <= room;
    if (need >= 0 && !is_whole && bytes_reserve(bytes, (size_t)need)) {
        vsnprintf(bytes->data + bytes->length, (size_t)need + 1, format, again);
        is_whole = true;
    }
    va_end(again);
    if (is_whole) {
        bytes->length += (size_t)need;
        return;
    }
    bytes->failed = true;
    if (bytes->data)
        bytes->data[bytes->length] = '\0'; /* no part of it */
}

void bytes_printf(struct bytes *bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bytes_vprintf(bytes, format, args);
    va_end(args);
}

size_t utf8_length(const char *text, size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xC2 && s[0] <= 0xDF ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : 4;
    if (s[0] < 0xC2 || s[0] > 0xF4 || left < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xED && s[1] > 0x9F;
    bool beyond = s[0] == 0xF4 && s[1] > 0x8F;
    return overlong || surrogate || beyond ? 0 : n;
}

unsigned utf8_character(const char *text, size_t length)
{
    unsigned first = (unsigned char)text[0];
    unsigned character = length == 1 ? first : first & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++)
        character = character << 6 | ((unsigned char)text[i] & 0x3F);
    return character;
}

bool utf8_is_control(const char *text, size_t length)
{
    unsigned character = utf8_character(text, length);
    return character < 0x20 || (character >= 0x7F && character < 0xA0) ||
           (character >= 0x2028 && character <= 0x202E) ||
           (character >= 0x2066 && character <= 0x2069);
}

void bytes_append_json(struct bytes *bytes, const char *text, size_t length)
{
    const unsigned char *s = (const unsigned char *)text;
    bytes_append_char(bytes, '"');
    for (size_t i = 0; i < length;) {
        size_t n = utf8_length(text + i, length - i);
        if (n == 0) {
            bytes_append_text(bytes, "\xEF\xBF\xBD");
            n = 1;
        } else if (s[i] == '"' || s[i] == '\\') {
            bytes_printf(bytes, "\\%c", s[i]);
        } else if (s[i] == '\n') {
            bytes_append_text(bytes, "\\n");
        } else if (utf8_is_control(text + i, n)) {
            bytes_printf(bytes, "\\u%04x", utf8_character(text + i, n));
        } else {
            bytes_append(bytes, s + i, n);
        }
        i += n;
    }
    bytes_append_char(bytes, '"');
}

enum { HEX_BLOCK_BYTES = 16, HEX_BLOCK_DIGITS = 32 };

/* In loops that compilers make a few wide instructions of: an id is one block. */
static void hex_write_block(char *at, const unsigned char *data)
{
    unsigned char digits[HEX_BLOCK_DIGITS];
    for (size_t i = 0; i < HEX_BLOCK_BYTES; i++) {
        digits[2 * i] = data[i] >> 4;
        digits[2 * i + 1] = data[i] & 15;
    }
    for (size_t i = 0; i < HEX_BLOCK_DIGITS; i++)
        at[i] = (char)(digits[i] + (digits[i] < 10 ? '0' : 'a' - 10));
}

char *hex_write(char *at, const void *data, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *s = data;
    for (; length >= HEX_BLOCK_BYTES; length -= HEX_BLOCK_BYTES, s += HEX_BLOCK_BYTES) {
        hex_write_block(at, s);
        at += HEX_BLOCK_DIGITS;
    }
    for (size_t i = 0; i < length; i++) {
        *at++ = digits[s[i] >> 4];
        *at++ = digits[s[i] & 15];
    }
    return at;
}

void bytes_append_hex(struct bytes *bytes, const void *data, size_t length)
{
    char *at = bytes_extend(bytes, 2 * length);
    if (at)
        hex_write(at, data, length);
}

const char *bytes_text(const struct bytes *bytes)
{
    return bytes->data ? bytes->data : "";
}

char *bytes_take(struct bytes *bytes)
{
    bytes_reserve(bytes, 0);
    char *data = bytes->data;
    if (bytes->failed) {
        free(data);
        data = NULL;
    }
    *bytes = (struct bytes){0};
    return data;
}

void bytes_clear(struct bytes *bytes)
{
    bytes->length = 0;
    bytes->failed = false;
    if (bytes->data)
        bytes->data[0] = '\0';
}

void bytes_fini(struct bytes *bytes)
{
    if (bytes->data)
        spare_free(bytes->data, size_of(bytes));
    *bytes = (struct bytes){0};
}

char *text_printf(const char *format, ...)
{
    struct bytes text = {0};
    va_list args;
    va_start(args, format);
    bytes_vprintf(&text, format, args);
    va_end(args);
    return bytes_take(&text);
}

static ferry_code open_error_code(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return FERRY_NOT_FOUND;
    case EACCES:
    case EPERM:
        return FERRY_FORBIDDEN;
    default:
        return FERRY_INTERNAL;
    }
}

int bytes_read_file(struct bytes *bytes, const char *path, size_t limit, ferry_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ferry_error_set(error, open_error_code(errno), "%s: %s", path, strerror(errno));
    size_t before = bytes->length;
    char chunk[16384];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || bytes->length - before + (size_t)n > limit)
            break;
        bytes_append(bytes, chunk, (size_t)n);
    }
    int number = errno;
    close(fd);
    if (n > 0)
        return ferry_error_set(error, FERRY_TOO_LARGE, "%s: larger than %zu bytes", path, limit);
    if (n < 0)
        return ferry_error_set(error, FERRY_INTERNAL, "%s: %s", path, strerror(number));
    if (bytes->failed)
        return ferry_error_set(error, FERRY_INTERNAL, "%s: no memory", path);
    return 0;
}

int bytes_read_secret(struct bytes *bytes, const char *path, size_t limit, ferry_error *error)
{
    int rc = bytes_read_file(bytes, path, limit, error);
    if (rc < 0)
        return rc;
    const char *text = bytes_text(bytes);
    if (strlen(text) < bytes->length)
        return ferry_error_set(error, FERRY_INVALID, "%s: it holds NUL bytes", path);
    if (text[strspn(text, " \t\r\n")] == '\0')
        return ferry_error_set(error, FERRY_INVALID, "%s: it is empty", path);
    return 0;
}
