/*
 * Where a piece of configuration comes from: a text with a name, and a range of its bytes. Lines
 * and columns are worked out when somebody wants to read them.
 */
#ifndef CONFIG_SOURCE_H
#define CONFIG_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

struct source {
    char *name; /* the file, or the override: "--set a.b=1", "FERRY_A__B" */
    char *text;
    size_t length;
    size_t rank;      /* reports are in this order */
    bool is_override; /* its name says it all: no lines of it are shown */
};

enum { MARK_WHOLE = -1 };

/* Bytes of a source; an offset of MARK_WHOLE stands for all of it. */
struct mark {
    const struct source *source;
    size_t offset;
    size_t length;
};

/* A source as a whole, for what has no place in it. */
struct mark mark_whole(const struct source *source);

/* Where a mark begins: counted from 1, columns in characters; and the line's own bytes, without its
 * end. */
struct position {
    size_t line;
    size_t column;
    size_t line_start;
    size_t line_end;
};

struct position mark_position(const struct mark *mark);

/* Return the offset of a line and column as above. */
size_t source_offset(const struct source *source, size_t line, size_t column);

#endif
