/* Tables. No state; memory that is lacking leaves text out, as bytes.h has it. */
#include "table.h"

#include <string.h>

static const size_t gap = 2; /* between columns */

/* ---- text ---- */

/* Append without the control characters, but those of one byte that are `kept`. */
static void append_without(struct bytes *out, const char *text, size_t left, const char *kept)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    while (left > 0) {
        size_t n = utf8_length(text, left);
        if (n == 0)
            bytes_append_text(out, replacement);
        else if (utf8_is_control(text, n) && (!*text || !strchr(kept, *text)))
            bytes_append_char(out, ' ');
        else
            bytes_append(out, text, n);
        n = n ? n : 1;
        text += n;
        left -= n;
    }
}

void append_plain(struct bytes *out, const char *text)
{
    append_without(out, text, strlen(text), "");
}

void append_plain_lines(struct bytes *out, const char *text, size_t length)
{
    append_without(out, text, length, "\n\t");
}

static bool is_first_byte(char c)
{
    return (c & 0xC0) != 0x80;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += is_first_byte(*text);
    return width;
}

/* The bytes that the first `width` characters take. */
static size_t prefix_length(const char *text, size_t width)
{
    size_t length = 0, seen = 0;
    while (text[length]) {
        seen += is_first_byte(text[length]);
        if (seen > width)
            break;
        length++;
    }
    return length;
}

void append_cut(struct bytes *out, const char *text, size_t width)
{
    static const char dots[] = "...";
    if (text_width(text) <= width) {
        bytes_append_text(out, text);
        return;
    }
    size_t kept = width > strlen(dots) ? width - strlen(dots) : 0;
    bytes_append(out, text, prefix_length(text, kept));
    bytes_append(out, dots, width - kept);
}

static void append_spaces(struct bytes *out, size_t count)
{
    while (count-- > 0)
        bytes_append_char(out, ' ');
}

/* ---- filling ---- */

void table_add(struct table *table, const char *text)
{
    append_plain(&table->cells, text);
    bytes_append_char(&table->cells, '\0');
    table->cell_count++;
}

void table_printf(struct table *table, const char *format, ...)
{
    struct bytes text = {0};
    va_list args;
    va_start(args, format);
    bytes_vprintf(&text, format, args);
    va_end(args);
    table_add(table, bytes_text(&text));
    bytes_fini(&text);
}

void table_fini(struct table *table)
{
    bytes_fini(&table->cells);
}

/* ---- writing ---- */

static bool is_last(const struct table *table, size_t column)
{
    return column + 1 == table->column_count;
}

static size_t next_column(const struct table *table, size_t column)
{
    return is_last(table, column) ? 0 : column + 1;
}

static void measure(const struct table *table, size_t widths[TABLE_COLUMNS_MAX])
{
    for (size_t i = 0; i < table->column_count; i++)
        widths[i] = text_width(table->columns[i].title);
    const char *cell = bytes_text(&table->cells);
    for (size_t i = 0, column = 0; i < table->cell_count; i++) {
        size_t *width = &widths[column], own = text_width(cell);
        *width = own > *width ? own : *width;
        cell += strlen(cell) + 1;
        column = next_column(table, column);
    }
}

/* The room that the line leaves for its last column. */
static size_t last_width(const struct table *table, const size_t *widths, size_t width)
{
    size_t before = 0;
    for (size_t i = 0; i + 1 < table->column_count; i++)
        before += widths[i] + gap;
    if (width == 0)
        return widths[table->column_count - 1];
    return width > before ? width - before : 0;
}

static void write_cell(const struct table *table, size_t column, const char *text,
                       const size_t *widths, size_t last, struct bytes *out)
{
    size_t own = text_width(text);
    size_t padding = widths[column] - own;
    if (table->columns[column].is_number)
        append_spaces(out, padding);
    if (is_last(table, column)) {
        append_cut(out, text, last);
        return;
    }
    bytes_append_text(out, text);
    if (!table->columns[column].is_number)
        append_spaces(out, padding);
    append_spaces(out, gap);
}

/* A line ends with its last character, not with the spaces that align nothing. */
static void end_line(struct bytes *out)
{
    while (out->length > 0 && out->data[out->length - 1] == ' ')
        out->length--;
    bytes_append_char(out, '\n');
}

void table_write(const struct table *table, size_t width, struct bytes *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    if (table->cells.failed) {
        out->failed = true;
        return;
    }
    measure(table, widths);
    size_t last = last_width(table, widths, width);
    for (size_t i = 0; i < table->column_count; i++)
        write_cell(table, i, table->columns[i].title, widths, last, out);
    end_line(out);
    const char *cell = bytes_text(&table->cells);
    for (size_t i = 0, column = 0; i < table->cell_count; i++) {
        write_cell(table, column, cell, widths, last, out);
        if (is_last(table, column))
            end_line(out);
        cell += strlen(cell) + 1;
        column = next_column(table, column);
    }
}
