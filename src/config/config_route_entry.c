/*
 * What a route says of who may enter: auth, cors and client_rate. Main thread.
 *
 * A key without a value is an error here: the default is an open door.
 */
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "section.h"

enum { BURST_MAX = 1000000 };

static bool is_none(const struct tree *node)
{
    return node->kind == TREE_SCALAR && strcmp(node->text, "none") == 0;
}

/* ---- client_rate ---- */

/* "5/s", or a map with a burst of its own. */
static void read_client_rate(struct checking *checking, const struct tree *node, const char *where,
                             struct config_client_rate *client_rate)
{
    struct nodes {
        const struct tree *rate;
        unsigned burst;
    } nodes = {0};
    static const struct field fields[] = {
        {"rate", FIELD_NODE, FIELD_AT(struct nodes, rate), 0, 0, NULL},
        {"burst", FIELD_NUMBER, FIELD_AT(struct nodes, burst), 1, BURST_MAX, NULL},
        {0},
    };
    struct diagnostics *diagnostics = checking->diagnostics;
    char *section = text_printf("%s.client_rate", where);
    diagnostics->no_memory |= !section;
    if (node->kind == TREE_SCALAR)
        nodes.rate = node;
    else if (section)
        section_read(node, section, fields, &nodes, diagnostics);
    free(section);
    if (!nodes.rate && node->kind == TREE_MAP) {
        diagnostics_error(diagnostics, node->mark, "client_rate lacks the key \"rate\"");
        diagnostics_hint(diagnostics, "client_rate: {rate: 5/s, burst: 20}");
    }
    struct rate_value value = {0};
    check_rate(checking, nodes.rate, "client_rate", &value);
    *client_rate = (struct config_client_rate){value.count, value.per_ms,
                                               nodes.burst ? nodes.burst : value.count};
}

/* ---- the whole config ---- */

void check_entry(struct checking *checking, const struct tree *root)
{
    const struct tree *auth = tree_find(root, "auth"), *cors = tree_find(root, "cors");
    expect_value(auth, "auth: none", checking->diagnostics);
    expect_value(cors, "cors: none", checking->diagnostics);
    if (auth && !is_none(auth))
        checking->auth = check_auth(checking, auth, "auth");
    if (cors && !is_none(cors))
        checking->config->cors = check_cors(checking, cors, "cors");
}

/* ---- a route ---- */

static void read_auth(struct checking *checking, const struct tree *node, const char *where,
                      struct config_route *route)
{
    char *section = text_printf("%s.auth", where);
    if (is_none(node))
        route->auth = NULL;
    else if (section)
        route->auth = check_auth(checking, node, section);
    checking->diagnostics->no_memory |= !section;
    free(section);
}

static void read_cors(struct checking *checking, const struct tree *node, const char *where,
                      struct config_route *route)
{
    char *section = text_printf("%s.cors", where);
    if (is_none(node))
        route->cors = NULL;
    else if (section)
        route->cors = check_cors(checking, node, section);
    checking->diagnostics->no_memory |= !section;
    free(section);
}

void check_route_entry(struct checking *checking, const struct entry_nodes *nodes,
                       const struct tree *node, const char *where, struct config_route *route)
{
    expect_value(tree_find(node, "auth"), "auth: none", checking->diagnostics);
    expect_value(tree_find(node, "cors"), "cors: none", checking->diagnostics);
    expect_value(tree_find(node, "client_rate"), "client_rate: 0", checking->diagnostics);
    route->auth = checking->auth;
    route->cors = checking->config->cors;
    if (nodes->auth)
        read_auth(checking, nodes->auth, where, route);
    if (nodes->cors)
        read_cors(checking, nodes->cors, where, route);
    if (nodes->client_rate)
        read_client_rate(checking, nodes->client_rate, where, &route->client_rate);
}
