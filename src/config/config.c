/*
 * Loads a configuration: text to tree, overrides onto it, tree to struct config, and the report of
 * all of it. Main thread.
 *
 * Syntax errors end it early: a tree that lacks a part would be reported for what it lacks.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "config_path.h"
#include "overrides.h"
#include "section.h"
#include "yaml.h"

static const char *const section_names[] = {
    "listen", "admin", "state",   "limits", "jobs",      "drain",     "plugins",
    "log",    "pools", "workers", "routes", "callbacks", "schedules", "trusted_proxies",
    "auth",   "cors",  NULL};

/* ---- the tree ---- */

/* Returns NULL after a report. */
static const struct source *read_source(const char *file, const char *folder,
                                        struct diagnostics *diagnostics)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    if (!file)
        return diagnostics_add_source(diagnostics, "built-in config", config_default_text,
                                      strlen(config_default_text), false);
    struct bytes content = {0};
    ferry_error error = {0};
    char *path = config_path(folder, file);
    int rc = path ? bytes_read_file(&content, path, YAML_TEXT_MAX, &error) : FERRY_INTERNAL;
    const char *text = bytes_text(&content);
    size_t length = rc < 0 ? 0 : content.length;
    if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
        text += 3;
        length -= 3;
    }
    const struct source *source = diagnostics_add_source(diagnostics, file, text, length, false);
    bytes_fini(&content);
    if (source && rc < 0) {
        size_t prefix = path ? strlen(path) + strlen(": ") : 0; /* the message begins with that */
        diagnostics_error(diagnostics, mark_whole(source), "%s",
                          strlen(error.message) > prefix ? error.message + prefix : "not readable");
        source = NULL;
    }
    free(path);
    return source;
}

/* NULL after a report. */
static struct tree *read_tree(const struct source *source, struct diagnostics *diagnostics)
{
    struct tree *root = NULL;
    if (!source || yaml_parse(source, diagnostics, &root) < 0)
        return NULL;
    if (!root)
        root = tree_new(TREE_MAP, NULL, 0, (struct mark){.source = source});
    if (!root)
        diagnostics->no_memory = true;
    else if (root->kind == TREE_NULL)
        tree_become_map(root, root->mark);
    else if (root->kind != TREE_MAP)
        expect_entries(root, "the config", "lines of the form KEY: VALUE", diagnostics);
    if (root && root->kind != TREE_MAP) {
        tree_free(root);
        root = NULL;
    }
    return root;
}

/* ---- the config ---- */

static struct config *config_new(struct diagnostics *diagnostics)
{
    struct config *config = calloc(1, sizeof *config);
    char **listen = calloc(2, sizeof *listen);
    if (!config || !listen) {
        free(config);
        free(listen);
        diagnostics->no_memory = true;
        return NULL;
    }
    listen[0] = diagnostics_strdup(diagnostics, "127.0.0.1:8002");
    *config = (struct config){
        .listen = listen,
        .admin_listen = diagnostics_strdup(diagnostics, "127.0.0.1:8003"),
        .state = diagnostics_strdup(diagnostics, "var"),
        .limits = {.connections = 10000,
                   .connections_per_address = 1024,
                   .requests_per_connection = 10000,
                   .unsent_total_bytes = 256 << 20,
                   .header_bytes = 16 << 10,
                   .body_bytes = 8 << 20,
                   .buffered_bytes = 256 << 20,
                   .header_timeout_ms = 10000,
                   .body_timeout_ms = 30000,
                   .idle_timeout_ms = 60000,
                   .write_timeout_ms = 30000},
        .max_pending = 1000000,
        .max_bytes = INT64_C(4) << 30,
        .max_crashes = 3,
        .keep_ms = INT64_C(7) * DAY_MS,
        .drain_ms = 30000,
        .log_level = FERRY_LOG_INFO,
        .log_format = FERRY_LOG_LOGFMT,
        .callbacks = {.timeout_ms = 30000,
                      .attempts = 10,
                      .backoff_min_ms = 5000,
                      .backoff_max_ms = 3600000},
    };
    return config;
}

static void callbacks_fini(struct config_callbacks *callbacks)
{
    for (char **prefix = callbacks->allow; prefix && *prefix; prefix++)
        free(*prefix);
    free(callbacks->allow);
    free(callbacks->secret_file);
}

static void schedules_free(struct config_schedule *schedules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(schedules[i].name);
        time_zone_free(schedules[i].zone);
        bytes_fini(&schedules[i].block);
    }
    free(schedules);
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; config->listen && config->listen[i]; i++) {
        if (config->listen_tls)
            config_tls_fini(&config->listen_tls[i]);
        free(config->listen[i]);
    }
    for (size_t i = 0; i < config->pool_count; i++)
        free(config->pools[i].name);
    for (size_t i = 0; i < config->route_count; i++) {
        free(config->routes[i].path);
        free(config->routes[i].methods);
    }
    free(config->listen);
    free(config->listen_tls);
    free(config->admin_listen);
    config_tls_fini(&config->admin_tls);
    free(config->admin_token);
    free(config->state);
    free(config->pools);
    free(config->routes);
    callbacks_fini(&config->callbacks);
    schedules_free(config->schedules, config->schedule_count);
    for (char **proxy = config->trusted_proxies; proxy && *proxy; proxy++)
        free(*proxy);
    free(config->trusted_proxies);
    config_auths_free(config->auths);
    config_cors_free(config->cors_list);
    free(config);
}

static void cut_sections(const struct tree *root, struct sections *sections,
                         struct diagnostics *diagnostics)
{
#define SECTION(name)                                                                              \
    {                                                                                              \
#name, FIELD_NODE, FIELD_AT(struct sections, name), 0, 0, NULL                             \
    }
    static const struct field fields[] = {
        SECTION(listen),
        SECTION(admin),
        SECTION(state),
        SECTION(limits),
        SECTION(jobs),
        SECTION(drain),
        SECTION(log),
        SECTION(pools),
        SECTION(plugins),
        SECTION(workers),
        SECTION(routes),
        SECTION(callbacks),
        SECTION(schedules),
        SECTION(trusted_proxies),
        SECTION(auth),
        SECTION(cors),
        {0},
    };
#undef SECTION
    section_read(root, "", fields, sections, diagnostics);
}

/* Plug-ins, which are loaded next, may go elsewhere. */
static void make_state_absolute(struct checking *checking)
{
    struct config *config = checking->config;
    if (!config->state)
        return;
    char *path = config_path_absolute(checking->folder, config->state);
    checking->diagnostics->no_memory |= !path;
    free(config->state);
    config->state = path;
}

/* A running server keeps its folder until a restart, and so do its workers. */
static void keep_state(struct checking *checking)
{
    struct config *config = checking->config;
    if (!checking->state || !config->state || strcmp(checking->state, config->state) == 0)
        return;
    free(config->state);
    config->state = diagnostics_strdup(checking->diagnostics, checking->state);
    config->wants_other_state = true;
}

/* The order matters where one section names what is in another. */
static void check_all(struct checking *checking, const struct tree *root)
{
    struct sections sections = {0};
    cut_sections(root, &sections, checking->diagnostics);
    check_server(checking, &sections);
    make_state_absolute(checking);
    keep_state(checking);
    check_pools(checking, sections.pools);
    check_plugins(checking, sections.plugins);
    check_workers(checking, sections.workers);
    check_entry(checking, root);
    check_routes(checking, sections.routes);
    check_callbacks(checking, sections.callbacks);
    check_schedules(checking, sections.schedules);
    if (checking->config->route_count == 0 && !diagnostics_failed(checking->diagnostics))
        diagnostics_warning(checking->diagnostics, mark_whole(root->mark.source),
                            "there are no routes: every request will be answered with 404");
    check_workers_end(checking);
    check_pools_end(checking);
}

static struct config *check(const struct tree *root, const struct config_source *source,
                            struct registry *registry, struct diagnostics *diagnostics)
{
    struct config *config = config_new(diagnostics);
    if (!config)
        return NULL;
    struct checking checking = {
        .diagnostics = diagnostics,
        .registry = registry,
        .config = config,
        .folder = source->folder,
        .state = source->state,
    };
    if (!diagnostics->no_memory)
        check_all(&checking, root);
    free(checking.pools);
    free(checking.workers);
    if (diagnostics_failed(diagnostics)) {
        config_free(config);
        config = NULL;
    }
    return config;
}

struct config *config_load(const struct config_source *source, struct registry *registry,
                           struct bytes *report)
{
    struct diagnostics diagnostics = {0};
    struct config *config = NULL;
    const struct source *file = read_source(source->file, source->folder, &diagnostics);
    struct tree *root = read_tree(file, &diagnostics);
    if (root) {
        overrides_apply_environ(root, source->environ, section_names, &diagnostics);
        overrides_apply_sets(root, source->sets, &diagnostics);
        overrides_apply_listen(root, source->listen, &diagnostics);
        config = check(root, source, registry, &diagnostics);
    }
    tree_free(root);
    diagnostics_render(&diagnostics, report);
    diagnostics_fini(&diagnostics);
    return config;
}
