/*
 * Collects errors and warnings, and shows each with its line and a caret. Main thread.
 *
 * Without memory a report may be lost, but never silently: `no_memory` makes the load fail, and the
 * report says so.
 */
#include "diagnostics.h"

#include <stdlib.h>
#include <string.h>

enum {
    EXCERPT_LINE = 120,  /* a line longer than that is cut to ... */
    EXCERPT_BEFORE = 40, /* ... so many bytes before the mark, and from it on */
    EXCERPT_AFTER = 80,
};

struct diagnostic {
    struct mark mark;
    size_t number; /* keeps the order of reports about the same place */
    bool is_error;
    char *message;
    char *hint;
};

/* ---- collecting ---- */

static struct source *source_new(const char *name, const char *text, size_t length)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source)
        return NULL;
    source->name = strdup(name);
    source->text = malloc(length + 1);
    if (!source->name || !source->text) {
        free(source->name);
        free(source->text);
        free(source);
        return NULL;
    }
    memcpy(source->text, text, length);
    source->text[length] = '\0';
    source->length = length;
    return source;
}

const struct source *diagnostics_add_source(struct diagnostics *diagnostics, const char *name,
                                            const char *text, size_t length, bool is_override)
{
    size_t count = diagnostics->source_count + 1;
    struct source **sources = realloc(diagnostics->sources, count * sizeof *sources);
    struct source *source = NULL;
    if (sources) {
        diagnostics->sources = sources;
        source = source_new(name, text, length);
    }
    if (!source) {
        diagnostics->no_memory = true;
        return NULL;
    }
    source->rank = diagnostics->source_count;
    source->is_override = is_override;
    sources[diagnostics->source_count++] = source;
    return source;
}

FERRY_PRINTF(4, 0)
static void diagnostics_add(struct diagnostics *diagnostics, bool is_error, const struct mark *mark,
                            const char *format, va_list args)
{
    size_t count = diagnostics->count + 1;
    struct diagnostic *items = realloc(diagnostics->items, count * sizeof *items);
    struct bytes message = {0};
    diagnostics->error_count += is_error;
    if (!items) {
        diagnostics->no_memory = true;
        return;
    }
    bytes_vprintf(&message, format, args);
    diagnostics->items = items;
    items[diagnostics->count] = (struct diagnostic){
        .mark = *mark,
        .number = diagnostics->count,
        .is_error = is_error,
        .message = bytes_take(&message),
    };
    diagnostics->count = count;
}

void diagnostics_error(struct diagnostics *diagnostics, struct mark mark, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diagnostics_add(diagnostics, true, &mark, format, args);
    va_end(args);
}

void diagnostics_warning(struct diagnostics *diagnostics, struct mark mark, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diagnostics_add(diagnostics, false, &mark, format, args);
    va_end(args);
}

void diagnostics_hint(struct diagnostics *diagnostics, const char *format, ...)
{
    if (diagnostics->count == 0)
        return;
    struct bytes hint = {0};
    va_list args;
    va_start(args, format);
    bytes_vprintf(&hint, format, args);
    va_end(args);
    struct diagnostic *last = &diagnostics->items[diagnostics->count - 1];
    free(last->hint);
    last->hint = bytes_take(&hint);
}

char *diagnostics_strdup(struct diagnostics *diagnostics, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        diagnostics->no_memory = true;
    return copy;
}

bool diagnostics_failed(const struct diagnostics *diagnostics)
{
    return diagnostics->error_count > 0 || diagnostics->no_memory;
}

/* ---- showing ---- */

/* What comes from the configuration must not steer a terminal: control characters become '?'. */
static void append_printable(struct bytes *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t n = utf8_length(text + i, length - i);
        if (n > 0 && !utf8_is_control(text + i, n))
            bytes_append(out, text + i, n);
        else
            bytes_append_char(out, text[i] == '\t' ? '\t' : '?');
        i += n ? n : 1;
    }
}

/* Move an offset to the beginning of the character that it is in. */
static size_t character_start(const struct source *source, size_t at, size_t not_before)
{
    while (at > not_before && at < source->length &&
           ((unsigned char)source->text[at] & 0xC0) == 0x80)
        at--;
    return at;
}

/* The caret stands under the first character, tabs keep their width, tildes reach to the end of the
 * mark or of the line. */
static void append_caret(struct bytes *out, const struct source *source, size_t start, size_t at,
                         size_t end)
{
    size_t n;
    for (size_t i = start; i < at; i += n) {
        n = utf8_length(source->text + i, at - i);
        n = n ? n : 1;
        bytes_append_char(out, source->text[i] == '\t' ? '\t' : ' ');
    }
    char sign = '^';
    for (size_t i = at; i < end || i == at; i += n) {
        n = i < end ? utf8_length(source->text + i, end - i) : 1;
        n = n ? n : 1;
        bytes_append_char(out, sign);
        sign = '~';
    }
}

static void append_excerpt(struct bytes *out, const struct mark *mark,
                           const struct position *position)
{
    const struct source *source = mark->source;
    size_t start = position->line_start, end = position->line_end;
    size_t at = mark->offset < end ? mark->offset : end;
    bool is_long = end - start > EXCERPT_LINE;
    if (is_long && at - start > EXCERPT_BEFORE)
        start = character_start(source, at - EXCERPT_BEFORE, start);
    if (is_long && end - at > EXCERPT_AFTER)
        end = character_start(source, at + EXCERPT_AFTER, at);
    const char *cut_before = start > position->line_start ? "..." : "";
    const char *cut_after = end < position->line_end ? "..." : "";
    bytes_printf(out, "    %s", cut_before);
    append_printable(out, source->text + start, end - start);
    bytes_printf(out, "%s\n    %*s", cut_after, (int)strlen(cut_before), "");
    size_t mark_end = mark->length < end - at ? at + mark->length : end;
    append_caret(out, source, start, at, mark_end);
    bytes_append_char(out, '\n');
}

static void diagnostic_render(const struct diagnostic *item, struct bytes *out)
{
    const struct source *source = item->mark.source;
    bool has_place = !source->is_override && item->mark.offset != (size_t)MARK_WHOLE;
    struct position position = {0};
    append_printable(out, source->name, strlen(source->name));
    if (has_place) {
        position = mark_position(&item->mark);
        bytes_printf(out, ":%zu:%zu", position.line, position.column);
    }
    bytes_append_text(out, item->is_error ? ": error: " : ": warning: ");
    const char *message = item->message ? item->message : "no memory";
    append_printable(out, message, strlen(message));
    bytes_append_char(out, '\n');
    if (has_place)
        append_excerpt(out, &item->mark, &position);
    if (item->hint) {
        bytes_append_text(out, "    hint: ");
        append_printable(out, item->hint, strlen(item->hint));
        bytes_append_char(out, '\n');
    }
}

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_diagnostics(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;
    int order = compare_sizes(a->mark.source->rank, b->mark.source->rank);
    if (order == 0 && !a->mark.source->is_override)
        order = compare_sizes(a->mark.offset, b->mark.offset);
    return order ? order : compare_sizes(a->number, b->number);
}

void diagnostics_render(struct diagnostics *diagnostics, struct bytes *report)
{
    if (diagnostics->count > 0)
        qsort(diagnostics->items, diagnostics->count, sizeof *diagnostics->items,
              compare_diagnostics);
    for (size_t i = 0; i < diagnostics->count; i++)
        diagnostic_render(&diagnostics->items[i], report);
    if (diagnostics->no_memory)
        bytes_append_text(report, "error: no memory\n");
}

void diagnostics_fini(struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        free(diagnostics->items[i].message);
        free(diagnostics->items[i].hint);
    }
    for (size_t i = 0; i < diagnostics->source_count; i++) {
        free(diagnostics->sources[i]->name);
        free(diagnostics->sources[i]->text);
        free(diagnostics->sources[i]);
    }
    free(diagnostics->items);
    free(diagnostics->sources);
    *diagnostics = (struct diagnostics){0};
}
