/*
 * The tree: nodes in singly linked lists, since sections are short and their order matters. Main
 * thread. Its depth is bounded by whoever builds it, so that recursion is safe.
 */
#include "tree.h"

#include <stdlib.h>
#include <string.h>

struct tree *tree_new(enum tree_kind kind, const char *text, size_t length, struct mark mark)
{
    struct tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return NULL;
    tree->kind = kind;
    tree->mark = tree->key_mark = mark;
    tree->text = text ? strndup(text, length) : NULL;
    if (text && !tree->text) {
        free(tree);
        return NULL;
    }
    return tree;
}

static void tree_free_children(struct tree *tree)
{
    struct tree *child = tree->first;
    while (child) {
        struct tree *next = child->next;
        tree_free(child);
        child = next;
    }
    tree->first = tree->last = NULL;
}

void tree_free(struct tree *tree)
{
    if (!tree)
        return;
    tree_free_children(tree);
    free(tree->key);
    free(tree->text);
    free(tree);
}

void tree_add(struct tree *parent, struct tree *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

void tree_put(struct tree *map, struct tree *entry)
{
    struct tree **at = &map->first;
    while (*at && strcmp((*at)->key, entry->key) != 0)
        at = &(*at)->next;
    struct tree *old = *at;
    if (!old) {
        tree_add(map, entry);
        return;
    }
    entry->next = old->next;
    *at = entry;
    if (map->last == old)
        map->last = entry;
    tree_free(old);
}

struct tree *tree_find(const struct tree *map, const char *key)
{
    if (!map || map->kind != TREE_MAP)
        return NULL;
    struct tree *child = map->first;
    while (child && strcmp(child->key, key) != 0)
        child = child->next;
    return child;
}

size_t tree_count(const struct tree *tree)
{
    size_t count = 0;
    for (const struct tree *child = tree ? tree->first : NULL; child; child = child->next)
        count++;
    return count;
}

void tree_become_map(struct tree *tree, struct mark mark)
{
    tree_free_children(tree);
    free(tree->text);
    tree->text = NULL;
    tree->kind = TREE_MAP;
    tree->mark = mark;
}

const char *tree_kind_name(enum tree_kind kind)
{
    switch (kind) {
    case TREE_NULL:
        return "nothing";
    case TREE_SCALAR:
        return "a single value";
    case TREE_LIST:
        return "a list";
    case TREE_MAP:
        return "a map";
    }
    return "?";
}
