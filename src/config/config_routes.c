/*
 * The section `routes`. Main thread.
 *
 * The rules of a path are those of ferry_http_route; they are checked here as well, because here
 * the line is known. Two paths that differ only in the names of their parameters are one.
 */
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "path_pattern.h"
#include "section.h"
#include "suggest.h"

static const struct config_route route_defaults = {
    .mode = ROUTE_CALL,
    .timeout_ms = 30000,
    .attempts = 10,
    .backoff_min_ms = 5000,
    .backoff_max_ms = 3600000,
    .breaker_pause_ms = 60000,
    .max_result_bytes = 64 << 10,
};

/* What of a route needs a closer look. */
struct route_nodes {
    struct config_route route;
    const struct tree *worker;
    const struct tree *pool;
    const struct tree *methods;
    struct job_nodes jobs;
    struct entry_nodes entry;
};

/* ---- the path ---- */

/* Frameworks write parameters so. */
static void warn_of_foreign_parameter(struct checking *checking, const struct tree *node)
{
    for (const char *at = strchr(node->key, '/'); at; at = strchr(at + 1, '/')) {
        if (at[1] == '\0' || !strchr(":<*", at[1]))
            continue;
        diagnostics_warning(checking->diagnostics, node->key_mark, "\"%.*s\" stands for itself",
                            (int)strcspn(at + 1, "/"), at + 1);
        diagnostics_hint(checking->diagnostics, "a parameter is a whole segment, such as {id}");
        return;
    }
}

static void check_path(struct checking *checking, const struct tree *node)
{
    ferry_error error;
    if (path_pattern_check(node->key, &error) < 0) {
        diagnostics_error(checking->diagnostics, node->key_mark, "%s", error.message);
        return;
    }
    warn_of_foreign_parameter(checking, node);
    const struct tree *earlier = checking->routes->first;
    while (earlier != node && !path_pattern_is_same(earlier->key, node->key))
        earlier = earlier->next;
    if (earlier == node || strcmp(earlier->key, node->key) == 0)
        return; /* a duplicate key has been reported as such */
    diagnostics_error(checking->diagnostics, node->key_mark, "the same route as \"%s\"",
                      earlier->key);
}

/* ---- methods ---- */

static bool is_method(const struct tree *node, struct diagnostics *diagnostics)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    struct suggestion suggestion = {.given = node->text};
    bool found = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        found |= strcmp(known[i], node->text) == 0;
        suggestion_add(&suggestion, known[i]);
    }
    if (found) {
        suggestion_fini(&suggestion);
        return true;
    }
    diagnostics_error(diagnostics, node->mark, "unknown method \"%s\"", node->text);
    suggestion_hint(&suggestion, diagnostics);
    return false;
}

static bool is_repeated(const struct tree *first, const struct tree *node)
{
    for (; first != node; first = first->next) {
        if (first->kind == TREE_SCALAR && strcmp(first->text, node->text) == 0)
            return true;
    }
    return false;
}

static void add_method(struct bytes *methods, const struct tree *first, const struct tree *node,
                       struct diagnostics *diagnostics)
{
    if (!expect_text(node, "a method", diagnostics) || !is_method(node, diagnostics))
        return;
    if (is_repeated(first, node))
        diagnostics_error(diagnostics, node->mark, "\"%s\" is listed twice", node->text);
    else
        bytes_printf(methods, "%s%s", methods->length ? "," : "", node->text);
}

static char *read_methods(const struct tree *node, enum route_mode mode,
                          struct diagnostics *diagnostics)
{
    if (!node)
        return diagnostics_strdup(diagnostics, mode == ROUTE_DEFER ? "POST" : "GET,POST");
    struct bytes methods = {0};
    if (node->kind == TREE_SCALAR)
        add_method(&methods, node, node, diagnostics);
    else if (node->kind == TREE_MAP || !node->first)
        diagnostics_error(diagnostics, node->mark, "methods must be a method or a list of them");
    for (const struct tree *item = node->first; item && node->kind == TREE_LIST; item = item->next)
        add_method(&methods, node->first, item, diagnostics);
    char *text = bytes_take(&methods);
    diagnostics->no_memory |= !text;
    return text;
}

/* ---- routes ---- */

static void read_fields(const struct tree *node, const char *where, struct route_nodes *nodes,
                        struct diagnostics *diagnostics)
{
    static const char *const modes[] = {"call", "defer", "either", NULL};
    static const struct field fields[] = {
        {"worker", FIELD_NODE, FIELD_AT(struct route_nodes, worker), 0, 0, NULL},
        {"pool", FIELD_NODE, FIELD_AT(struct route_nodes, pool), 0, 0, NULL},
        {"methods", FIELD_NODE, FIELD_AT(struct route_nodes, methods), 0, 0, NULL},
        {"mode", FIELD_WORD, FIELD_AT(struct route_nodes, route.mode), 0, 0, modes},
        {"timeout", FIELD_DURATION, FIELD_AT(struct route_nodes, route.timeout_ms), 0,
         INT64_C(365) * DAY_MS, NULL},
        {"retry", FIELD_NODE, FIELD_AT(struct route_nodes, jobs.retry), 0, 0, NULL},
        {"rate", FIELD_NODE, FIELD_AT(struct route_nodes, jobs.rate), 0, 0, NULL},
        {"concurrency", FIELD_NODE, FIELD_AT(struct route_nodes, jobs.concurrency), 0, 0, NULL},
        {"priority", FIELD_NODE, FIELD_AT(struct route_nodes, jobs.priority), 0, 0, NULL},
        {"breaker", FIELD_NODE, FIELD_AT(struct route_nodes, jobs.breaker), 0, 0, NULL},
        {"retention", FIELD_NODE, FIELD_AT(struct route_nodes, jobs.retention), 0, 0, NULL},
        {"max_result", FIELD_NODE, FIELD_AT(struct route_nodes, jobs.max_result), 0, 0, NULL},
        {"auth", FIELD_NODE, FIELD_AT(struct route_nodes, entry.auth), 0, 0, NULL},
        {"cors", FIELD_NODE, FIELD_AT(struct route_nodes, entry.cors), 0, 0, NULL},
        {"client_rate", FIELD_NODE, FIELD_AT(struct route_nodes, entry.client_rate), 0, 0, NULL},
        {0},
    };
    section_read(node, where, fields, nodes, diagnostics);
}

static void report_no_worker(const struct tree *node, struct diagnostics *diagnostics)
{
    diagnostics_error(diagnostics, node->key_mark, "the route \"%s\" lacks the key \"worker\"",
                      node->key);
    diagnostics_hint(diagnostics, "%s: {worker: echo}", node->key);
}

static void read_route(struct checking *checking, const struct tree *node, const char *where)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    struct route_nodes nodes = {.route = route_defaults};
    struct config_route *route = &nodes.route;
    read_fields(node, where, &nodes, diagnostics);
    if (nodes.worker)
        route->worker = check_worker_name(checking, nodes.worker);
    else if (node->kind == TREE_MAP || node->kind == TREE_NULL)
        report_no_worker(node, diagnostics);
    route->pool = check_pool_name(checking, nodes.pool, route->mode != ROUTE_DEFER);
    check_route_jobs(checking, &nodes.jobs, where, route);
    check_route_entry(checking, &nodes.entry, node, where, route);
    route->methods = read_methods(nodes.methods, route->mode, diagnostics);
    route->path = diagnostics_strdup(diagnostics, node->key);
    checking->config->routes[checking->config->route_count++] = *route;
}

void check_routes(struct checking *checking, const struct tree *routes)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    if (!expect_entries(routes, "routes", "{/PATH: {worker: echo}}", diagnostics) || !routes->first)
        return;
    checking->routes = routes;
    checking->config->routes = calloc(tree_count(routes), sizeof *checking->config->routes);
    if (!checking->config->routes) {
        diagnostics->no_memory = true;
        return;
    }
    for (const struct tree *node = routes->first; node; node = node->next) {
        char *where = text_printf("routes.%s", node->key);
        check_path(checking, node);
        if (where)
            read_route(checking, node, where);
        diagnostics->no_memory |= !where;
        free(where);
    }
}
