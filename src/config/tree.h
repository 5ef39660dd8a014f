/*
 * The configuration as a tree of its own, that knows nothing of YAML: maps, lists and scalars, each
 * with the place where it was written.
 */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include "bytes.h"
#include "source.h"

enum tree_kind {
    TREE_NULL, /* a key without a value */
    TREE_SCALAR,
    TREE_LIST,
    TREE_MAP,
};

struct tree {
    enum tree_kind kind;
    char *key;            /* of a map's entry, else NULL */
    char *text;           /* of a scalar, else NULL; without NUL bytes inside */
    bool is_plain;        /* of a scalar: without quotes, so that it may stand for a number */
    struct mark key_mark; /* of a map's entry; elsewhere the same as `mark` */
    struct mark mark;
    struct tree *first; /* of a list or map, in the order of the text */
    struct tree *last;
    struct tree *next; /* in the same list or map */
};

/* NULL without memory; `text` is copied and may be NULL. */
struct tree *tree_new(enum tree_kind kind, const char *text, size_t length, struct mark mark);
void tree_free(struct tree *tree);

/* Append to a list or map, which takes the child over. */
void tree_add(struct tree *parent, struct tree *child);

/* Put an entry into a map, in place of the one that has its key, if there is one. */
void tree_put(struct tree *map, struct tree *entry);

/* Return a map's entry, NULL if there is none (or no map). */
struct tree *tree_find(const struct tree *map, const char *key);

size_t tree_count(const struct tree *tree);

/* Make it an empty map, whatever it was. */
void tree_become_map(struct tree *tree, struct mark mark);

/* Append a node as JSON: what is plain is a number, true or false where it reads as one. */
void tree_append_json(const struct tree *tree, struct bytes *out);

/* "a map", "a list", ...: for messages. */
const char *tree_kind_name(enum tree_kind kind);

#endif
