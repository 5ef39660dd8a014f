/*
 * Offsets, lines and columns of a text. Main thread.
 *
 * Only offsets are kept: there are many marks and few reports.
 */
#include "source.h"

#include <string.h>

#include "bytes.h"

struct mark mark_whole(const struct source *source)
{
    return (struct mark){.source = source, .offset = (size_t)MARK_WHOLE};
}

/* Bytes that are not UTF-8 count as one character each. */
static size_t character_length(const struct source *source, size_t at)
{
    size_t n = utf8_length(source->text + at, source->length - at);
    return n ? n : 1;
}

static size_t line_end(const struct source *source, size_t start)
{
    const char *newline = memchr(source->text + start, '\n', source->length - start);
    size_t end = newline ? (size_t)(newline - source->text) : source->length;
    if (end > start && source->text[end - 1] == '\r')
        end--;
    return end;
}

struct position mark_position(const struct mark *mark)
{
    const struct source *source = mark->source;
    size_t offset = mark->offset < source->length ? mark->offset : source->length;
    struct position position = {.line = 1, .column = 1};
    for (size_t i = 0; i < offset; i++) {
        if (source->text[i] == '\n') {
            position.line++;
            position.line_start = i + 1;
        }
    }
    for (size_t i = position.line_start; i < offset; i += character_length(source, i))
        position.column++;
    position.line_end = line_end(source, position.line_start);
    return position;
}

size_t source_offset(const struct source *source, size_t line, size_t column)
{
    size_t at = 0;
    while (at < source->length && line > 1)
        line -= source->text[at++] == '\n';
    while (at < source->length && column > 1 && source->text[at] != '\n') {
        at += character_length(source, at);
        column--;
    }
    return at;
}
