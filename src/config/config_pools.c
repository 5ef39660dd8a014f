/*
 * The section `pools`. Main thread.
 *
 * There is always a pool named default. `deferred` depends on the routes and is settled after them:
 * until then 0 stands for "not given".
 */
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "section.h"
#include "suggest.h"

static const char DEFAULT_POOL[] = "default";

enum { THREADS_MAX = 1024, QUEUE_MAX = 10000000, NICE_MAX = 19 };

static const struct config_pool pool_defaults = {
    .threads = 8,
    .queue = 1024,
    .queue_bytes = 64 << 20,
    .queue_timeout_ms = 5000,
};

/* ---- reading ---- */

static void pool_read(struct config_pool *pool, const struct tree *node,
                      struct diagnostics *diagnostics)
{
    static const struct field fields[] = {
        {"threads", FIELD_NUMBER, FIELD_AT(struct config_pool, threads), 1, THREADS_MAX, NULL},
        {"queue", FIELD_NUMBER, FIELD_AT(struct config_pool, queue), 1, QUEUE_MAX, NULL},
        {"queue_bytes", FIELD_SIZE, FIELD_AT(struct config_pool, queue_bytes), 1, INT64_C(1) << 40,
         NULL},
        {"queue_timeout", FIELD_DURATION, FIELD_AT(struct config_pool, queue_timeout_ms), 0, DAY_MS,
         NULL},
        {"deferred", FIELD_NUMBER, FIELD_AT(struct config_pool, deferred), 1, THREADS_MAX, NULL},
        {"nice", FIELD_NUMBER, FIELD_AT(struct config_pool, nice), 0, NICE_MAX, NULL},
        {0},
    };
    char *where = text_printf("pools.%s", node->key);
    if (!where) {
        diagnostics->no_memory = true;
        return;
    }
    section_read(node, where, fields, pool, diagnostics);
    free(where);
    if (pool->deferred <= pool->threads)
        return;
    const struct tree *deferred = tree_find(node, "deferred");
    diagnostics_error(diagnostics, deferred->mark, "deferred is %u, but the pool has %u %s",
                      pool->deferred, pool->threads, pool->threads == 1 ? "thread" : "threads");
}

static void pool_add(struct checking *checking, const char *name, const struct tree *node)
{
    struct config *config = checking->config;
    struct config_pool *pool = &config->pools[config->pool_count];
    *pool = pool_defaults;
    pool->name = diagnostics_strdup(checking->diagnostics, name);
    if (!pool->name)
        return;
    checking->pools[config->pool_count++].node = node;
    if (node)
        pool_read(pool, node, checking->diagnostics);
}

void check_pools(struct checking *checking, const struct tree *pools)
{
    struct config *config = checking->config;
    if (!expect_entries(pools, "pools", "{default: {threads: 8}}", checking->diagnostics))
        pools = NULL;
    size_t room = tree_count(pools) + 1;
    config->pools = calloc(room, sizeof *config->pools);
    checking->pools = calloc(room, sizeof *checking->pools);
    if (!config->pools || !checking->pools) {
        checking->diagnostics->no_memory = true;
        return;
    }
    if (!tree_find(pools, DEFAULT_POOL))
        pool_add(checking, DEFAULT_POOL, NULL);
    for (const struct tree *node = pools ? pools->first : NULL; node; node = node->next) {
        if (expect_name(node, "a pool", checking->diagnostics))
            pool_add(checking, node->key, node);
    }
}

/* ---- use by routes ---- */

static size_t pool_find(const struct config *config, const char *name)
{
    size_t i = 0;
    while (i < config->pool_count && strcmp(config->pools[i].name, name) != 0)
        i++;
    return i;
}

static void report_unknown_pool(struct checking *checking, const struct tree *name)
{
    struct suggestion suggestion = {.given = name->text};
    for (size_t i = 0; i < checking->config->pool_count; i++)
        suggestion_add(&suggestion, checking->config->pools[i].name);
    diagnostics_error(checking->diagnostics, name->mark, "unknown pool \"%s\"", name->text);
    suggestion_hint(&suggestion, checking->diagnostics);
}

const struct config_pool *check_pool_name(struct checking *checking, const struct tree *name,
                                          bool has_calls)
{
    const struct config *config = checking->config;
    if (name && !expect_text(name, "pool", checking->diagnostics))
        return NULL;
    size_t i = pool_find(config, name ? name->text : DEFAULT_POOL);
    if (i == config->pool_count) {
        if (name)
            report_unknown_pool(checking, name);
        return NULL;
    }
    checking->pools[i].is_used = true;
    checking->pools[i].has_calls |= has_calls;
    return &config->pools[i];
}

/* Jobs may have the whole pool where nobody waits for anything else; elsewhere they leave a thread
 * for those who do, if there is more than one. */
static unsigned deferred_default(const struct config_pool *pool, bool has_calls)
{
    return has_calls && pool->threads > 1 ? pool->threads - 1 : pool->threads;
}

void check_pools_end(struct checking *checking)
{
    struct config *config = checking->config;
    bool routes_are_known = config->route_count > 0 && !diagnostics_failed(checking->diagnostics);
    for (size_t i = 0; i < config->pool_count; i++) {
        struct config_pool *pool = &config->pools[i];
        const struct pool_check *check = &checking->pools[i];
        if (pool->deferred == 0)
            pool->deferred = deferred_default(pool, check->has_calls);
        if (check->node && !check->is_used && routes_are_known)
            diagnostics_warning(checking->diagnostics, check->node->key_mark,
                                "no route uses the pool \"%s\"", pool->name);
    }
}
