/*
 * What a schedule asks of its route: method, query, headers and body, as a request would, made into
 * the block of a call's input. Main thread.
 */
#include <string.h>

#include "ascii.h"
#include "call_input.h"
#include "config_check.h"
#include "section.h"

/* ---- method ---- */

/* Whether "GET,POST" has one of them. */
static bool has_method(const char *methods, const char *method)
{
    size_t length = strlen(method);
    for (const char *at = methods; *at; at += *at == ',') {
        size_t n = strcspn(at, ",");
        if (n == length && memcmp(at, method, n) == 0)
            return true;
        at += n;
    }
    return false;
}

/* POST where the route takes it, else the first that it takes. */
static void add_default_method(const struct config_route *route, struct bytes *block)
{
    bool is_post = !route || !route->methods || has_method(route->methods, "POST");
    const char *method = is_post ? "POST" : route->methods;
    call_input_add(block, CALL_METHOD, "", method, strcspn(method, ","));
}

static void add_method(struct checking *checking, const struct tree *node,
                       const struct config_route *route, struct bytes *block)
{
    const char *method = expect_text(node, "method", checking->diagnostics);
    if (!method)
        return;
    if (route && route->methods && !has_method(route->methods, method)) {
        diagnostics_error(checking->diagnostics, node->mark, "%s does not take %s", route->path,
                          method);
        diagnostics_hint(checking->diagnostics, "it takes %s", route->methods);
        return;
    }
    call_input_add(block, CALL_METHOD, "", method, strlen(method));
}

/* ---- query and headers ---- */

static const char *pair_problem(enum call_field field, const struct tree *node)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "!#$%&'*+-.^_`|~";
    if (field != CALL_HEADER)
        return NULL;
    if (node->key[strspn(node->key, token)] != '\0')
        return "is no name of a header";
    return strpbrk(node->text, "\r\n") ? "has a line end in its value" : NULL;
}

static void add_pairs(struct checking *checking, const struct tree *map, const char *what,
                      enum call_field field, struct bytes *block)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    if (!expect_entries(map, what, "{NAME: VALUE}", diagnostics))
        return;
    for (const struct tree *node = map->first; node; node = node->next) {
        if (node->kind != TREE_SCALAR) {
            diagnostics_error(diagnostics, node->mark, "%s: %s must be a single value, not %s",
                              what, node->key, tree_kind_name(node->kind));
            continue;
        }
        const char *problem = pair_problem(field, node);
        if (problem)
            diagnostics_error(diagnostics, node->key_mark, "\"%s\" %s", node->key, problem);
        else
            call_input_add(block, field, node->key, node->text, strlen(node->text));
    }
}

static bool has_header(const struct tree *headers, const char *name)
{
    const struct tree *node = headers && headers->kind == TREE_MAP ? headers->first : NULL;
    while (node && ascii_compare(node->key, name) != 0)
        node = node->next;
    return node != NULL;
}

/* ---- body ---- */

static void add_body(struct checking *checking, const struct input_nodes *nodes,
                     struct bytes *block)
{
    struct bytes body = {0};
    const char *type = NULL;
    if (nodes->body && nodes->body->kind == TREE_SCALAR) {
        bytes_append_text(&body, nodes->body->text);
        type = body.length > 0 ? "text/plain; charset=utf-8" : NULL;
    } else if (nodes->body) {
        tree_append_json(nodes->body, &body);
        type = "application/json";
    }
    if (type && !has_header(nodes->headers, "Content-Type"))
        call_input_add(block, CALL_HEADER, "Content-Type", type, strlen(type));
    size_t limit = checking->config->limits.body_bytes;
    if (body.length > limit)
        diagnostics_error(checking->diagnostics, nodes->body->mark,
                          "body is of %zu bytes; limits.body_bytes is %zu", body.length, limit);
    call_input_end(block, bytes_text(&body), body.length);
    block->failed |= body.failed;
    bytes_fini(&body);
}

void check_schedule_input(struct checking *checking, const struct input_nodes *nodes,
                          const struct config_route *route, struct bytes *block)
{
    if (nodes->method)
        add_method(checking, nodes->method, route, block);
    else
        add_default_method(route, block);
    add_pairs(checking, nodes->query, "query", CALL_QUERY, block);
    add_pairs(checking, nodes->headers, "headers", CALL_HEADER, block);
    add_body(checking, nodes, block);
    checking->diagnostics->no_memory |= block->failed;
}
