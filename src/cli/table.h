/*
 * A table for people: columns aligned, and cut to the width of a terminal.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

enum { TABLE_COLUMNS_MAX = 16 };

struct table_column {
    const char *title;
    bool is_number; /* aligned at the right */
};

/* Begin with {.columns = ..., .column_count = ...}. */
struct table {
    const struct table_column *columns;
    size_t column_count;
    struct bytes cells; /* each with its NUL, row by row */
    size_t cell_count;
};

/* Add the next cell, row by row. Control bytes become spaces, what is no UTF-8 becomes U+FFFD: a
 * text that came from elsewhere does not steer the terminal. */
void table_add(struct table *table, const char *text);
void table_printf(struct table *table, const char *format, ...) FERRY_PRINTF(2, 3);

/* Write the titles and all rows. The last column is cut, with "...", where a line would be longer
 * than `width`; 0: never. */
void table_write(const struct table *table, size_t width, struct bytes *out);
void table_fini(struct table *table);

/* Append a text as a cell would have it. */
void append_plain(struct bytes *out, const char *text);

/* The same, of a text whose line ends and tabs stay. */
void append_plain_lines(struct bytes *out, const char *text, size_t length);

/* Count the characters of UTF-8 text; each is taken to be one column wide. */
size_t text_width(const char *text);

/* Append as much of `text` as fits into `width` columns, with "..." at its end if that is not all.
 */
void append_cut(struct bytes *out, const char *text, size_t width);

#endif
