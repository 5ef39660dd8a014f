/*
 * A part of the tree as JSON. Main thread; the depth is bounded by whoever built the tree.
 *
 * YAML's own rule: a value in quotes is a text, one without may be a number, true, false or null.
 * A number is taken over as it is written, where that is how JSON writes one.
 */
#include <ctype.h>
#include <string.h>

#include "tree.h"

static const char *skip_digits(const char *at)
{
    while (isdigit((unsigned char)*at))
        at++;
    return at;
}

/* Read digits, at least one; NULL without. */
static const char *read_digits(const char *at)
{
    return isdigit((unsigned char)*at) ? skip_digits(at) : NULL;
}

/* RFC 8259: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)? */
static bool is_number(const char *at)
{
    at += *at == '-';
    at = *at == '0' ? at + 1 : read_digits(at);
    if (at && *at == '.')
        at = read_digits(at + 1);
    if (at && (*at == 'e' || *at == 'E')) {
        at++;
        at = read_digits(at + (*at == '-' || *at == '+'));
    }
    return at && *at == '\0';
}

static bool is_one_of(const char *text, const char *const words[3])
{
    return strcmp(text, words[0]) == 0 || strcmp(text, words[1]) == 0 ||
           strcmp(text, words[2]) == 0;
}

static void append_scalar(const struct tree *tree, struct bytes *out)
{
    static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False",
                                                                              "FALSE"};
    if (tree->is_plain && is_number(tree->text))
        bytes_append_text(out, tree->text);
    else if (tree->is_plain && is_one_of(tree->text, yes))
        bytes_append_text(out, "true");
    else if (tree->is_plain && is_one_of(tree->text, no))
        bytes_append_text(out, "false");
    else
        bytes_append_json(out, tree->text, strlen(tree->text));
}

void tree_append_json(const struct tree *tree, struct bytes *out)
{
    bool is_map = tree->kind == TREE_MAP;
    if (tree->kind == TREE_NULL)
        bytes_append_text(out, "null");
    if (tree->kind == TREE_SCALAR)
        append_scalar(tree, out);
    if (!is_map && tree->kind != TREE_LIST)
        return;
    bytes_append_char(out, is_map ? '{' : '[');
    for (const struct tree *child = tree->first; child; child = child->next) {
        if (child != tree->first)
            bytes_append_char(out, ',');
        if (is_map) {
            bytes_append_json(out, child->key, strlen(child->key));
            bytes_append_char(out, ':');
        }
        tree_append_json(child, out);
    }
    bytes_append_char(out, is_map ? '}' : ']');
}
