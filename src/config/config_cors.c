/*
 * The sections `cors`: which web pages may ask, and read the answer. Main thread.
 *
 * What goes into a header of every answer is checked here, so that it needs no check later. Any
 * origin together with credentials is refused: each page of the web could then act as its visitor.
 */
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "section.h"

static const char default_headers[] =
    "Authorization, Content-Type, Prefer, Idempotency-Key, Ferry-Delay, Ferry-Run-At, "
    "Ferry-Callback, traceparent";

/* ---- origins ---- */

/* Return what is wrong with an origin, NULL if nothing is. Browsers send it as it must stand here,
 * byte for byte. */
static const char *origin_problem(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-:[]_";
    const char *host = strstr(text, "://");
    if (!host || host == text)
        return "not of the form https://HOST or https://HOST:PORT";
    host += 3;
    if (strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != (size_t)(host - 3 - text))
        return "the scheme is of lower-case letters";
    if (!*host)
        return "a host is missing";
    if (host[strspn(host, allowed)] == '/')
        return "an origin has no path, and no \"/\" at its end";
    return host[strspn(host, allowed)] ? "a host is of lower-case letters and digits" : NULL;
}

static char *read_origin(const struct tree *node, struct diagnostics *diagnostics)
{
    const char *text = expect_text(node, "origins", diagnostics);
    const char *problem = text ? origin_problem(text) : NULL;
    if (text && !problem)
        return diagnostics_strdup(diagnostics, text);
    if (problem) {
        diagnostics_error(diagnostics, node->mark, "\"%s\": %s", text, problem);
        diagnostics_hint(diagnostics, "origins: [https://app.example.org], or \"*\" for any");
    }
    return NULL;
}

/* Leaves cors->origins at NULL for any. */
static void read_origins(const struct tree *node, struct config_cors *cors,
                         struct diagnostics *diagnostics)
{
    bool is_one = node->kind == TREE_SCALAR;
    if (is_one && strcmp(node->text, "*") == 0)
        return;
    if (!is_one && !expect_list(node, "origins", diagnostics))
        return;
    if (!is_one && !node->first)
        diagnostics_error(diagnostics, node->mark, "origins is empty");
    cors->origins = calloc(tree_count(node) + 2, sizeof *cors->origins);
    diagnostics->no_memory |= !cors->origins;
    size_t count = 0;
    const struct tree *item = is_one ? node : node->first;
    for (; item && cors->origins; item = is_one ? NULL : item->next) {
        char *origin = read_origin(item, diagnostics);
        if (origin)
            cors->origins[count++] = origin;
    }
}

/* ---- lists ---- */

static bool is_token(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789!#$%&'*+-.^_`|~";
    return text[strspn(text, allowed)] == '\0';
}

static void add_word(struct bytes *list, const struct tree *node, const char *key,
                     struct diagnostics *diagnostics)
{
    const char *text = expect_text(node, key, diagnostics);
    if (text && is_token(text))
        bytes_printf(list, "%s%s", list->length ? ", " : "", text);
    else if (text)
        diagnostics_error(diagnostics, node->mark, "\"%s\" is none that %s can hold", text, key);
}

/* One word or a list of them, as a header has it: "GET, POST". NULL without memory. */
static char *read_words(const struct tree *node, const char *key, struct diagnostics *diagnostics)
{
    struct bytes list = {0};
    if (node->kind == TREE_SCALAR)
        add_word(&list, node, key, diagnostics);
    else if (expect_list(node, key, diagnostics))
        for (const struct tree *item = node->first; item; item = item->next)
            add_word(&list, item, key, diagnostics);
    char *text = bytes_take(&list);
    diagnostics->no_memory |= !text;
    return text;
}

/* ---- the section ---- */

void config_cors_free(struct config_cors *first)
{
    while (first) {
        struct config_cors *cors = first;
        first = cors->next;
        for (char **origin = cors->origins; origin && *origin; origin++)
            free(*origin);
        free(cors->origins);
        free(cors->methods);
        free(cors->headers);
        free(cors);
    }
}

static struct config_cors *cors_new(struct checking *checking)
{
    struct config_cors *cors = calloc(1, sizeof *cors);
    checking->diagnostics->no_memory |= !cors;
    if (cors) {
        cors->next = checking->config->cors_list;
        checking->config->cors_list = cors;
        cors->max_age_ms = 600000;
    }
    return cors;
}

static void check_credentials(const struct config_cors *cors, const struct tree *node,
                              struct diagnostics *diagnostics)
{
    if (!cors->credentials || cors->origins)
        return;
    diagnostics_error(diagnostics, node->mark, "credentials need a list of origins, not \"*\"");
    diagnostics_hint(diagnostics, "every web page could act as whoever looks at it");
}

struct config_cors *check_cors(struct checking *checking, const struct tree *node,
                               const char *where)
{
    struct nodes {
        const struct tree *origins;
        const struct tree *methods;
        const struct tree *headers;
        int64_t max_age_ms;
        int credentials;
    } nodes = {.max_age_ms = 600000};
    static const char *const booleans[] = {"false", "true", NULL};
    static const struct field fields[] = {
        {"origins", FIELD_NODE, FIELD_AT(struct nodes, origins), 0, 0, NULL},
        {"methods", FIELD_NODE, FIELD_AT(struct nodes, methods), 0, 0, NULL},
        {"headers", FIELD_NODE, FIELD_AT(struct nodes, headers), 0, 0, NULL},
        {"max_age", FIELD_DURATION, FIELD_AT(struct nodes, max_age_ms), 0, DAY_MS, NULL},
        {"credentials", FIELD_WORD, FIELD_AT(struct nodes, credentials), 0, 0, booleans},
        {0},
    };
    struct diagnostics *diagnostics = checking->diagnostics;
    struct config_cors *cors = cors_new(checking);
    if (!cors)
        return NULL;
    section_read(node, where, fields, &nodes, diagnostics);
    cors->max_age_ms = nodes.max_age_ms;
    cors->credentials = nodes.credentials;
    if (nodes.origins)
        read_origins(nodes.origins, cors, diagnostics);
    else if (node->kind == TREE_MAP)
        diagnostics_error(diagnostics, node->mark, "%s lacks the key \"origins\"", where);
    if (nodes.methods)
        cors->methods = read_words(nodes.methods, "methods", diagnostics);
    cors->headers = nodes.headers ? read_words(nodes.headers, "headers", diagnostics)
                                  : diagnostics_strdup(diagnostics, default_headers);
    if (nodes.origins)
        check_credentials(cors, nodes.origins, diagnostics);
    return cors;
}
