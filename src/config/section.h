/*
 * Reads one section of the tree into a struct, by a table of the keys that it may have.
 *
 * What is wrong is reported and leaves the struct's value as it was: the default, which was set
 * before. So does a key without a value, unless expect_value is asked.
 */
#ifndef CONFIG_SECTION_H
#define CONFIG_SECTION_H

#include <stddef.h>

#include "diagnostics.h"
#include "tree.h"

enum field_kind {
    FIELD_NUMBER,   /* a whole number, into any integer */
    FIELD_SIZE,     /* "16KiB", into any integer */
    FIELD_DURATION, /* "5s", as milliseconds into an int64_t */
    FIELD_TEXT,     /* into a char * of its own, that replaces the one that is there */
    FIELD_WORD,     /* one of `words`, its index into an enum */
    FIELD_NODE,     /* anything, as a const struct tree *, for who looks closer */
};

struct field {
    const char *key;
    enum field_kind kind;
    size_t offset;
    size_t size;
    int64_t min; /* of a number, size or duration; both are allowed values */
    int64_t max;
    const char *const *words; /* NULL-terminated */
};

#define FIELD_AT(type, member) .offset = offsetof(type, member), .size = sizeof((type *)0)->member

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* Read a section that may be absent (NULL) or empty. `where` is its name in messages, "" for the
 * whole file; `fields` ends with a NULL key. */
void section_read(const struct tree *section, const char *where, const struct field *fields,
                  void *into, struct diagnostics *diagnostics);

/* Read one value the same way. */
void field_read(const struct tree *node, const struct field *field, void *into,
                struct diagnostics *diagnostics);

/* Tell whether a node (or NULL) can be read as a map or as a list; report it if it should be one
 * and is not. Nothing, and a key without a value, are neither, and no error. */
bool expect_map(const struct tree *node, const char *where, struct diagnostics *diagnostics);
bool expect_list(const struct tree *node, const char *where, struct diagnostics *diagnostics);

/* expect_map where the keys are the user's own: the hint is the form of an entry. */
bool expect_entries(const struct tree *node, const char *where, const char *form,
                    struct diagnostics *diagnostics);

/* Return the text of a scalar; report anything else, and an empty text. A list's item, too. */
const char *expect_text(const struct tree *node, const char *what, struct diagnostics *diagnostics);

/* Report a key (or NULL) that has no value, of those whose default is an open door; `nothing` is
 * how to say on purpose that there is none. */
void expect_value(const struct tree *node, const char *nothing, struct diagnostics *diagnostics);

/* Report a name that should be of letters, digits, '-' and '_': it goes into metrics and logs. It
 * is the node's key, or its text. */
bool expect_name(const struct tree *node, const char *what, struct diagnostics *diagnostics);
bool expect_name_text(const struct tree *node, const char *what, struct diagnostics *diagnostics);

#endif
