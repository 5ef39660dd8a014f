/*
 * Log lines: made on the caller's stack, handed to the sink whole.
 *
 * Any thread. There is no lock: level, format and sink are atomics that are set before other
 * threads start, a line is private until it is finished, and a sink that writes it with one
 * write(2) of at most PIPE_BUF bytes needs none either. This is the one mutable global of ferry.
 */
#include <ferry/log.h>

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "ascii.h"
#include "bytes.h"
#include "clock.h"
#include "log_line.h"

enum {
    LINE_USABLE = LOG_LINE_MAX_BYTES - 8,       /* leaves room for closing quotes and the newline */
    VALUE_MAX_BYTES = LOG_LINE_MAX_BYTES - 512, /* a long value must not crowd out the next ones */
};

static struct {
    _Atomic(ferry_log_sink *) sink;
    _Atomic(void *) arg;
    atomic_int level;
    atomic_int format;
} logger = {.level = FERRY_LOG_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct line {
    char *text; /* LOG_LINE_MAX_BYTES of them */
    size_t length;
    bool json;
};

/* Put all of it, or nothing when there is no room. */
static bool line_put(struct line *line, const char *text, size_t length)
{
    if (line->length + length > LINE_USABLE)
        return false;
    memcpy(line->text + line->length, text, length);
    line->length += length;
    return true;
}

/* Put the character at `text` so that it is valid inside quotes in both formats, and moves no
 * terminal's cursor. */
static bool line_put_character(struct line *line, const char *text, size_t length)
{
    unsigned char c = (unsigned char)text[0];
    char escaped[8];
    int n;
    if (length == 0) /* not UTF-8 */
        return line_put(line, "\xEF\xBF\xBD", 3);
    if (c == '"' || c == '\\')
        n = snprintf(escaped, sizeof escaped, "\\%c", c);
    else if (c == '\n')
        n = snprintf(escaped, sizeof escaped, "\\n");
    else if (utf8_is_control(text, length))
        n = snprintf(escaped, sizeof escaped, "\\u%04x", utf8_character(text, length));
    else
        return line_put(line, text, length);
    return line_put(line, escaped, (size_t)n);
}

static void line_put_escaped(struct line *line, const char *value, size_t length)
{
    line_put(line, "\"", 1);
    for (size_t i = 0, n; i < length; i += n ? n : 1) {
        n = utf8_length(value + i, length - i);
        if (!line_put_character(line, value + i, n))
            break; /* what follows would not, either */
    }
    if (line->length < LINE_USABLE + 1) /* always closed, also when the value was cut */
        line->text[line->length++] = '"';
}

static bool is_plain(const char *value, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7F)
            return false;
    }
    return length > 0;
}

static void line_put_field(struct line *line, const char *key, size_t key_length, const char *value,
                           size_t length, bool number)
{
    if (line->length + key_length + 8 + (number ? length : 0) > LINE_USABLE)
        return; /* a number is whole, or not there */
    if (line->json) {
        line_put(line, line->length > 1 ? ",\"" : "\"", line->length > 1 ? 2 : 1);
        line_put(line, key, key_length);
        line_put(line, "\":", 2);
    } else {
        line_put(line, " ", line->length > 0 ? 1 : 0);
        line_put(line, key, key_length);
        line_put(line, "=", 1);
    }
    if (length > VALUE_MAX_BYTES) {
        length = VALUE_MAX_BYTES;
        while (length > 0 && (value[length] & 0xC0) == 0x80)
            length--; /* not within a UTF-8 sequence */
    }
    bool bare = number || (!line->json && is_plain(value, length));
    if (!bare || !line_put(line, value, length))
        line_put_escaped(line, value, length);
}

static void line_put_text(struct line *line, const char *key, const char *value)
{
    line_put_field(line, key, strlen(key), value, strlen(value), false);
}

/* One printf conversion, of those that ferry_log promises: no flags, no width. */
struct conversion {
    int precision; /* -1: none */
    char modifier; /* h, l, q (long long), z, j, t, or 0 */
    char type;
};

static const char *conversion_parse(const char *at, struct conversion *conversion, va_list *args)
{
    *conversion = (struct conversion){.precision = -1};
    at++; /* % */
    if (*at == '.') {
        at++;
        if (*at == '*') {
            conversion->precision = va_arg(*args, int);
            at++;
        } else {
            for (conversion->precision = 0; *at >= '0' && *at <= '9'; at++)
                conversion->precision = conversion->precision * 10 + (*at - '0');
        }
    }
    while (*at && strchr("hlzjt", *at)) {
        conversion->modifier = *at == 'l' && conversion->modifier == 'l' ? 'q' : *at;
        at++;
    }
    conversion->type = *at;
    return *at ? at + 1 : at;
}

static intmax_t signed_arg(char modifier, va_list *args)
{
    switch (modifier) {
    case 'l':
        return va_arg(*args, long);
    case 'q':
        return va_arg(*args, long long);
    case 'z':
    case 't':
        return va_arg(*args, ptrdiff_t);
    case 'j':
        return va_arg(*args, intmax_t);
    default:
        return va_arg(*args, int);
    }
}

static uintmax_t unsigned_arg(char modifier, va_list *args)
{
    switch (modifier) {
    case 'l':
        return va_arg(*args, unsigned long);
    case 'q':
        return va_arg(*args, unsigned long long);
    case 'z':
    case 't':
        return va_arg(*args, size_t);
    case 'j':
        return va_arg(*args, uintmax_t);
    default:
        return va_arg(*args, unsigned);
    }
}

/* Returns false at a conversion whose argument's type is not known: none can be fetched after. */
static bool line_put_conversion(struct line *line, const char *key, size_t key_length,
                                const struct conversion *conversion, va_list *args)
{
    char number[512];
    bool is_number = true;
    int n = 0;
    switch (conversion->type) {
    case 's': {
        const char *text = va_arg(*args, const char *);
        if (!text)
            text = "";
        size_t length = conversion->precision >= 0 ? strnlen(text, (size_t)conversion->precision)
                                                   : strlen(text);
        line_put_field(line, key, key_length, text, length, false);
        return true;
    }
    case 'd':
    case 'i':
        n = snprintf(number, sizeof number, "%jd", signed_arg(conversion->modifier, args));
        break;
    case 'u':
        n = snprintf(number, sizeof number, "%ju", unsigned_arg(conversion->modifier, args));
        break;
    case 'x':
        n = snprintf(number, sizeof number, "%jx", unsigned_arg(conversion->modifier, args));
        is_number = false;
        break;
    case 'f': {
        double value = va_arg(*args, double);
        is_number = isfinite(value); /* JSON has no others */
        n = ascii_printf(number, sizeof number, "%.*f",
                         conversion->precision >= 0 ? conversion->precision : 6, value);
        break;
    }
    case 'c':
        number[0] = (char)va_arg(*args, int);
        is_number = false;
        n = 1;
        break;
    default:
        return false;
    }
    size_t length = (size_t)n < sizeof number ? (size_t)n : sizeof number - 1;
    line_put_field(line, key, key_length, number, length, is_number);
    return true;
}

static void line_put_fields(struct line *line, const char *fields, va_list *args)
{
    const char *at = fields;
    while (*at) {
        at += strspn(at, " ");
        size_t key_length = strcspn(at, "=");
        const char *value = at + key_length;
        if (*value != '=')
            return;
        value++;
        if (*value == '%') {
            struct conversion conversion;
            const char *next = conversion_parse(value, &conversion, args);
            if (!line_put_conversion(line, at, key_length, &conversion, args))
                return;
            at = next + strcspn(next, " ");
        } else { /* a constant */
            size_t length = strcspn(value, " ");
            line_put_field(line, at, key_length, value, length, false);
            at = value + length;
        }
    }
}

static size_t line_make(char *text, ferry_log_level level, const char *message, const char *fields,
                        va_list *args)
{
    struct line line = {.text = text};
    line.json = atomic_load_explicit(&logger.format, memory_order_relaxed) == FERRY_LOG_JSON;
    if (line.json)
        line_put(&line, "{", 1);
    char now[CLOCK_RFC3339_SIZE];
    line_put_text(&line, "ts", clock_format_rfc3339(clock_wall_ms(), now));
    line_put_text(&line, "level", level_names[level]);
    line_put_text(&line, "msg", message);
    if (fields)
        line_put_fields(&line, fields, args);
    if (line.json)
        line.text[line.length++] = '}';
    line.text[line.length++] = '\n';
    return line.length;
}

size_t log_line_make(char line[LOG_LINE_MAX_BYTES], ferry_log_level level, const char *message,
                     const char *fields, ...)
{
    va_list args;
    va_start(args, fields);
    size_t length = line_make(line, level, message, fields, &args);
    va_end(args);
    return length;
}

void ferry_log(ferry_log_level level, const char *message, const char *fields, ...)
{
    ferry_log_sink *sink = atomic_load_explicit(&logger.sink, memory_order_acquire);
    if (!sink || !ferry_log_is_on(level))
        return;
    if (level > FERRY_LOG_ERROR) /* a level of syslog's, perhaps */
        level = FERRY_LOG_ERROR;
    char line[LOG_LINE_MAX_BYTES];
    va_list args;
    va_start(args, fields);
    size_t length = line_make(line, level, message, fields, &args);
    va_end(args);
    sink(atomic_load_explicit(&logger.arg, memory_order_relaxed), level, line, length);
}

bool ferry_log_is_on(ferry_log_level level)
{
    return (int)level >= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

void ferry_log_set_sink(ferry_log_sink *sink, void *arg)
{
    atomic_store_explicit(&logger.arg, arg, memory_order_relaxed);
    atomic_store_explicit(&logger.sink, sink, memory_order_release);
}

void ferry_log_set_level(ferry_log_level level)
{
    atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
}

void ferry_log_set_format(ferry_log_format format)
{
    atomic_store_explicit(&logger.format, (int)format, memory_order_relaxed);
}

ferry_log_level log_level(void)
{
    return (ferry_log_level)atomic_load_explicit(&logger.level, memory_order_relaxed);
}

ferry_log_format log_format(void)
{
    return (ferry_log_format)atomic_load_explicit(&logger.format, memory_order_relaxed);
}
