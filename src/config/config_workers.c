/*
 * The sections `plugins` and `workers`: loads the ones, opens the others. Main thread.
 *
 * A worker's own settings are none of ours: they go to its `open` as text, and what it finds wrong
 * comes back by key and is shown at that key's line.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "config_check.h"
#include "config_path.h"
#include "section.h"
#include "settings.h"
#include "suggest.h"

enum { DEFAULT_ANSWER_LIMIT = 64 << 20 };

/* ---- plug-ins ---- */

void check_plugins(struct checking *checking, const struct tree *plugins)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    if (!expect_list(plugins, "plugins", diagnostics))
        return;
    for (const struct tree *node = plugins->first; node; node = node->next) {
        ferry_error error;
        if (!expect_text(node, "a plug-in", diagnostics))
            continue;
        char *path = config_path_absolute(checking->folder, node->text);
        int rc = path ? registry_load_plugin(checking->registry, path, &error)
                      : ferry_error_set(&error, FERRY_INTERNAL, "no memory");
        free(path);
        if (rc == 0)
            continue;
        checking->lacks_plugin = true;
        diagnostics_error(diagnostics, node->mark, "%s", error.message);
        if (error.code == FERRY_NOT_FOUND && node->text[0] != '/')
            diagnostics_hint(diagnostics, "it is looked for in the folder where ferry is started");
    }
}

/* ---- settings ---- */

/* NULL after a report. `node` is the setting itself, or an item of its list. */
static const char *setting_text(const struct tree *node, const struct tree *setting,
                                struct diagnostics *diagnostics)
{
    const char *key = setting->key;
    if (node->kind == TREE_SCALAR)
        return node->text;
    if (node->kind == TREE_NULL)
        diagnostics_error(diagnostics, setting->key_mark, "%s has no value", key);
    else
        diagnostics_error(diagnostics, node->mark, "an item of %s must be a single value, not %s",
                          key, tree_kind_name(node->kind));
    return NULL;
}

/* Returns false after a report. `map` is the whole key of the map that the setting is in. */
static bool add_values(ferry_settings *settings, const char *map, const struct tree *setting,
                       struct diagnostics *diagnostics)
{
    bool is_list = setting->kind == TREE_LIST;
    size_t count = is_list ? tree_count(setting) : 1;
    const char **values = calloc(count + 1, sizeof *values);
    bool complete = values != NULL;
    diagnostics->no_memory |= !complete;
    const struct tree *node = is_list ? setting->first : setting;
    for (size_t i = 0; complete && i < count; i++, node = node->next)
        complete = (values[i] = setting_text(node, setting, diagnostics)) != NULL;
    if (complete && settings_add_below(settings, map, setting->key, values, count, is_list) < 0) {
        diagnostics->no_memory = true;
        complete = false;
    }
    free(values);
    return complete;
}

/* Returns false after a report. The tree's depth is bounded. */
static bool add_setting(ferry_settings *settings, const char *map, const struct tree *setting,
                        struct diagnostics *diagnostics)
{
    if (setting->kind != TREE_MAP)
        return add_values(settings, map, setting, diagnostics);
    char *key = map ? text_printf("%s.%s", map, setting->key) : strdup(setting->key);
    bool complete = key && settings_add_map(settings, map, setting->key) == 0;
    diagnostics->no_memory |= !complete;
    for (const struct tree *child = setting->first; key && child; child = child->next)
        complete = add_setting(settings, key, child, diagnostics) && complete;
    free(key);
    return complete;
}

static bool has_key(const char *const *keys, const char *key)
{
    while (*keys && strcmp(*keys, key) != 0)
        keys++;
    return *keys != NULL;
}

/* NULL after a report. `node` is NULL for a kind without settings, `own` are the keys that are none
 * of these. */
static ferry_settings *settings_read(struct checking *checking, const char *name,
                                     const struct tree *node, const char *const *own)
{
    const char *state = checking->config->state;
    ferry_settings *settings = state ? settings_new(name, state) : NULL;
    if (!settings) {
        checking->diagnostics->no_memory = true;
        return NULL;
    }
    bool complete = true;
    for (const struct tree *setting = node ? node->first : NULL; setting; setting = setting->next) {
        if (!has_key(own, setting->key))
            complete = add_setting(settings, NULL, setting, checking->diagnostics) && complete;
    }
    if (!complete) {
        settings_free(settings);
        settings = NULL;
    }
    return settings;
}

struct problem_reader {
    struct diagnostics *diagnostics;
    const struct tree *node; /* NULL: a kind without settings */
    struct mark mark;
};

/* Return what a key with dots stands for; `nearest` becomes the innermost map on the way there, if
 * there is one. A name may have dots of its own. */
static const struct tree *find_setting(const struct tree *map, const char *key,
                                       const struct tree **nearest)
{
    for (const struct tree *child = map ? map->first : NULL; child; child = child->next) {
        size_t length = strlen(child->key);
        if (strncmp(child->key, key, length) != 0)
            continue;
        if (key[length] == '\0')
            return child;
        if (key[length] != '.' || child->kind != TREE_MAP)
            continue;
        *nearest = child;
        const struct tree *found = find_setting(child, key + length + 1, nearest);
        if (found)
            return found;
    }
    return NULL;
}

/* A problem with a key that is there is shown at its value, any other at the map that lacks it. */
static void on_problem(void *arg, const char *key, const char *message)
{
    const struct problem_reader *reader = arg;
    const struct tree *map = NULL, *setting = find_setting(reader->node, key, &map);
    bool is_unknown = strncmp(message, "unknown key", strlen("unknown key")) == 0;
    struct mark mark = map ? map->key_mark : reader->mark;
    if (setting)
        mark = is_unknown ? setting->key_mark : setting->mark;
    diagnostics_error(reader->diagnostics, mark, "%s", message);
    if (is_unknown && strcmp(key, "answer_limit") == 0)
        diagnostics_hint(reader->diagnostics, "it goes with isolated: true");
}

/* ---- opening ---- */

/* Return how much its processes may answer, 0: its calls run in this one. `own` gets the keys that
 * are about that. */
static size_t read_isolated(struct checking *checking, const struct tree *worker,
                            const char *const **own)
{
    static const char *const booleans[] = {"false", "true", NULL};
    static const char *const keys[] = {"use", "isolated", NULL};
    static const char *const isolated_keys[] = {"use", "isolated", "answer_limit", NULL};
    const struct tree *isolated = worker ? tree_find(worker, "isolated") : NULL;
    const struct tree *limit = worker ? tree_find(worker, "answer_limit") : NULL;
    int is_isolated = false;
    size_t answer_limit = DEFAULT_ANSWER_LIMIT;
    if (isolated)
        field_read(
            isolated,
            &(struct field){"isolated", FIELD_WORD, 0, sizeof is_isolated, .words = booleans},
            &is_isolated, checking->diagnostics);
    *own = is_isolated ? isolated_keys : keys;
    if (is_isolated && limit)
        field_read(
            limit,
            &(struct field){"answer_limit", FIELD_SIZE, 0, sizeof answer_limit, 1, INT_MAX, NULL},
            &answer_limit, checking->diagnostics);
    return is_isolated ? answer_limit : 0;
}

static struct worker *open_worker(struct checking *checking, const char *name,
                                  const ferry_worker *kind, const struct tree *node,
                                  struct mark mark)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    const char *const *own;
    size_t answer_limit = read_isolated(checking, node, &own);
    ferry_settings *settings = settings_read(checking, name, node, own);
    if (!settings)
        return NULL;
    ferry_error error;
    struct worker *worker =
        registry_open(checking->registry, name, kind, settings, answer_limit, &error);
    if (worker)
        return worker;
    struct problem_reader reader = {.diagnostics = diagnostics, .node = node, .mark = mark};
    if (error.code == FERRY_INVALID && settings_problem_count(settings) > 0)
        settings_each_problem(settings, on_problem, &reader);
    else
        diagnostics_error(diagnostics, mark, "%s", error.message);
    return NULL;
}

static struct worker_check *remember(struct checking *checking, const char *name,
                                     const struct tree *node, struct worker *worker)
{
    size_t count = checking->worker_count + 1;
    struct worker_check *workers = realloc(checking->workers, count * sizeof *workers);
    if (!workers) {
        checking->diagnostics->no_memory = true;
        return NULL;
    }
    checking->workers = workers;
    checking->worker_count = count;
    workers[count - 1] = (struct worker_check){.node = node, .name = name, .worker = worker};
    return &workers[count - 1];
}

static void suggest_kinds(struct checking *checking, struct suggestion *suggestion)
{
    const ferry_worker *kind;
    for (size_t i = 0; (kind = registry_kind_at(checking->registry, i)); i++)
        suggestion_add(suggestion, kind->name);
}

static void hint_at_kinds(struct checking *checking, struct suggestion *suggestion)
{
    if (!checking->lacks_plugin || suggestion_closest(suggestion)) {
        suggestion_hint(suggestion, checking->diagnostics);
        return;
    }
    diagnostics_hint(checking->diagnostics, "perhaps of the plug-in that did not load");
    suggestion_fini(suggestion);
}

/* Return the kind that `use` names, NULL after a report. */
static const ferry_worker *read_use(struct checking *checking, const struct tree *worker)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    const struct tree *use = tree_find(worker, "use");
    if (!use || use->kind == TREE_NULL) {
        struct suggestion suggestion = {.given = ""};
        suggest_kinds(checking, &suggestion);
        diagnostics_error(diagnostics, worker->key_mark,
                          "the worker \"%s\" lacks the key \"use\": which kind it is", worker->key);
        suggestion_hint(&suggestion, diagnostics);
        return NULL;
    }
    const char *name = expect_text(use, "use", diagnostics);
    const ferry_worker *kind = name ? registry_kind(checking->registry, name) : NULL;
    if (name && !kind) {
        struct suggestion suggestion = {.given = name};
        suggest_kinds(checking, &suggestion);
        diagnostics_error(diagnostics, use->mark, "unknown kind of worker \"%s\"", name);
        hint_at_kinds(checking, &suggestion);
    }
    return kind;
}

/* Warn of the files whose keys say that a secret is in them: those of the workers here, and of any
 * plug-in that calls its own alike. */
static void check_secrets(struct checking *checking, const struct tree *worker)
{
    static const char *const keys[] = {"secret_file", "secrets_file",     "password_file",
                                       "token_file",  "oauth_token_file", NULL};
    for (const char *const *key = keys; *key; key++) {
        const struct tree *node = tree_find(worker, *key);
        if (node && node->kind == TREE_SCALAR)
            check_secret_mode(checking, node, *key);
    }
}

void check_workers(struct checking *checking, const struct tree *workers)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    if (!expect_entries(workers, "workers", "{NAME: {use: KIND}}", diagnostics))
        return;
    for (const struct tree *node = workers->first; node; node = node->next) {
        struct worker *worker = NULL;
        bool is_map =
            node->kind == TREE_NULL || expect_entries(node, "a worker", "{use: KIND}", diagnostics);
        if (expect_name(node, "a worker", diagnostics) && is_map) {
            const ferry_worker *kind = read_use(checking, node);
            if (kind)
                worker = open_worker(checking, node->key, kind, node, node->key_mark);
        }
        if (worker)
            check_secrets(checking, node);
        remember(checking, node->key, node, worker);
    }
}

/* ---- use by routes ---- */

static void report_unknown_worker(struct checking *checking, const struct tree *name)
{
    struct suggestion suggestion = {.given = name->text};
    for (size_t i = 0; i < checking->worker_count; i++) {
        if (checking->workers[i].node)
            suggestion_add(&suggestion, checking->workers[i].name);
    }
    suggest_kinds(checking, &suggestion);
    diagnostics_error(checking->diagnostics, name->mark, "unknown worker \"%s\"", name->text);
    hint_at_kinds(checking, &suggestion);
}

struct worker *check_worker_name(struct checking *checking, const struct tree *name)
{
    if (!expect_text(name, "worker", checking->diagnostics))
        return NULL;
    for (size_t i = 0; i < checking->worker_count; i++) {
        if (strcmp(checking->workers[i].name, name->text) == 0) {
            checking->workers[i].is_used = true;
            return checking->workers[i].worker;
        }
    }
    const ferry_worker *kind = registry_kind(checking->registry, name->text);
    if (!kind) {
        report_unknown_worker(checking, name);
        return NULL;
    }
    struct worker *worker = open_worker(checking, kind->name, kind, NULL, name->mark);
    remember(checking, kind->name, NULL, worker);
    return worker;
}

void check_workers_end(struct checking *checking)
{
    if (checking->config->route_count == 0 || diagnostics_failed(checking->diagnostics))
        return;
    for (size_t i = 0; i < checking->worker_count; i++) {
        const struct worker_check *check = &checking->workers[i];
        if (check->node && !check->is_used)
            diagnostics_warning(checking->diagnostics, check->node->key_mark,
                                "no route uses the worker \"%s\"", check->name);
    }
}
