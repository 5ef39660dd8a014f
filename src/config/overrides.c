/*
 * Overrides into the tree. Main thread.
 *
 * Each override is a source of its own, so that what is wrong with it is reported under its name. A
 * path is made where it is not there yet; whatever stands in its way (a list, a scalar) gives way
 * to a map, and the check complains if that makes no sense.
 */
#include "overrides.h"

#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "suggest.h"
#include "yaml.h"

/* A path of keys: NUL-terminated strings in one block. */
struct path {
    struct bytes keys;
    size_t count;
};

static void path_fini(struct path *path)
{
    bytes_fini(&path->keys);
}

static void path_end_key(struct path *path)
{
    bytes_append_char(&path->keys, '\0');
    path->count++;
}

/* ---- the value ---- */

static bool is_yaml(const char *text)
{
    size_t length = strlen(text);
    if (length < 2)
        return false;
    char first = text[0], last = text[length - 1];
    return (first == '[' && last == ']') || (first == '{' && last == '}') ||
           (first == '"' && last == '"') || (first == '\'' && last == '\'');
}

/* NULL after a report. */
static struct tree *parse_value(const struct source *source, struct diagnostics *diagnostics)
{
    struct mark mark = {.source = source};
    struct tree *value = NULL;
    const char *text = source->text;
    if (is_yaml(text))
        yaml_parse(source, diagnostics, &value);
    else if (strcmp(text, "null") == 0 || strcmp(text, "~") == 0)
        value = tree_new(TREE_NULL, NULL, 0, mark);
    else
        value = tree_new(TREE_SCALAR, text, source->length, mark);
    return value;
}

/* ---- the way to its place ---- */

static struct tree *new_entry(struct tree *entry, const char *key, struct mark mark,
                              struct diagnostics *diagnostics)
{
    char *copy = entry ? diagnostics_strdup(diagnostics, key) : NULL;
    if (!copy) {
        tree_free(entry);
        diagnostics->no_memory = true;
        return NULL;
    }
    entry->key = copy;
    entry->key_mark = mark;
    return entry;
}

/* Return the map under a key, made if need be; NULL without memory. */
static struct tree *descend(struct tree *map, const char *key, struct mark mark,
                            struct diagnostics *diagnostics)
{
    struct tree *child = tree_find(map, key);
    if (child && child->kind != TREE_MAP)
        tree_become_map(child, mark);
    if (!child) {
        child = new_entry(tree_new(TREE_MAP, NULL, 0, mark), key, mark, diagnostics);
        if (child)
            tree_add(map, child);
    }
    return child;
}

static void put_value(struct tree *root, const struct path *path, const struct source *source,
                      struct diagnostics *diagnostics)
{
    struct mark mark = {.source = source};
    const char *key = bytes_text(&path->keys);
    struct tree *map = root;
    for (size_t i = 1; map && i < path->count; i++) {
        map = descend(map, key, mark, diagnostics);
        key += strlen(key) + 1;
    }
    size_t errors = diagnostics->error_count;
    struct tree *value = map ? parse_value(source, diagnostics) : NULL;
    if (value)
        value = new_entry(value, key, mark, diagnostics);
    else if (errors == diagnostics->error_count)
        diagnostics->no_memory = true;
    if (value)
        tree_put(map, value);
}

static void apply(struct tree *root, const struct path *path, const char *name, const char *value,
                  struct diagnostics *diagnostics)
{
    const struct source *source =
        diagnostics_add_source(diagnostics, name, value, strlen(value), true);
    if (!source)
        return;
    if (path->keys.failed)
        diagnostics->no_memory = true;
    else if (path->count >= YAML_DEPTH_MAX)
        diagnostics_error(diagnostics, mark_whole(source), "too many keys");
    else
        put_value(root, path, source, diagnostics);
}

/* ---- key.key=value ---- */

/* Read a key, bare or in double quotes, and stop behind it. Returns NULL if there is none. */
static const char *read_key(const char *at, struct path *path)
{
    size_t length;
    if (*at == '"') {
        const char *end = strchr(at + 1, '"');
        if (!end)
            return NULL;
        length = (size_t)(end - at) - 1;
        bytes_append(&path->keys, at + 1, length);
        at = end + 1;
    } else {
        length = strcspn(at, ".=");
        bytes_append(&path->keys, at, length);
        at += length;
    }
    path_end_key(path);
    return length > 0 ? at : NULL;
}

/* Return the value behind the path, NULL if the text is not KEY.KEY=VALUE. */
static const char *read_path(const char *at, struct path *path)
{
    for (;;) {
        at = read_key(at, path);
        if (!at)
            return NULL;
        if (*at == '=')
            return at + 1;
        if (*at++ != '.')
            return NULL;
    }
}

static void apply_set(struct tree *root, const char *set, struct diagnostics *diagnostics)
{
    struct path path = {0};
    char *name = text_printf("--set %s", set);
    const char *value = read_path(set, &path);
    if (!name) {
        diagnostics->no_memory = true;
    } else if (value) {
        apply(root, &path, name, value, diagnostics);
    } else {
        const struct source *source = diagnostics_add_source(diagnostics, name, "", 0, true);
        if (source) {
            diagnostics_error(diagnostics, mark_whole(source), "not of the form KEY.KEY=VALUE");
            diagnostics_hint(diagnostics, "pools.default.threads=4, or routes.\"/a.b\".timeout=5s");
        }
    }
    free(name);
    path_fini(&path);
}

void overrides_apply_sets(struct tree *root, const char *const *sets,
                          struct diagnostics *diagnostics)
{
    for (; sets && *sets; sets++)
        apply_set(root, *sets, diagnostics);
}

/* ---- --listen ADDRESS ---- */

/* Returns false without memory. */
static bool add_address(struct tree *list, const char *address, struct diagnostics *diagnostics)
{
    char *name = text_printf("--listen %s", address);
    size_t length = strlen(address);
    const struct source *source =
        name ? diagnostics_add_source(diagnostics, name, address, length, true) : NULL;
    struct tree *node =
        source ? tree_new(TREE_SCALAR, address, length, (struct mark){.source = source}) : NULL;
    free(name);
    if (node)
        tree_add(list, node);
    return node != NULL;
}

void overrides_apply_listen(struct tree *root, const char *const *addresses,
                            struct diagnostics *diagnostics)
{
    if (!addresses || !*addresses)
        return;
    const struct source *source = diagnostics_add_source(diagnostics, "--listen", "", 0, true);
    struct mark mark = {.source = source};
    struct tree *list =
        source ? new_entry(tree_new(TREE_LIST, NULL, 0, mark), "listen", mark, diagnostics) : NULL;
    bool complete = list != NULL;
    for (; complete && *addresses; addresses++)
        complete = add_address(list, *addresses, diagnostics);
    if (list)
        tree_put(root, list);
    diagnostics->no_memory |= !complete;
}

/* ---- FERRY_KEY__KEY=value ---- */

static bool is_section(const char *key, const char *const *sections)
{
    while (*sections && strcmp(*sections, key) != 0)
        sections++;
    return *sections != NULL;
}

/* Tell whether a variable is known to be none of the config's: the token of `ferry jobs`, and what
 * Kubernetes sets for a service. */
static bool is_anothers(const char *name)
{
    return strcmp(name, "admin_token") == 0 || strstr(name, "_port") || strstr(name, "_service_");
}

/* Tell whether a variable would set a key but for an underscore. */
static bool is_almost_path(const char *name, const char *const *sections)
{
    for (; *sections; sections++) {
        size_t length = strlen(*sections);
        if (strncmp(name, *sections, length) == 0 && name[length] == '_')
            return true;
    }
    return false;
}

static void warn(const char *variable, const char *why, const char *hint,
                 struct diagnostics *diagnostics)
{
    const struct source *source = diagnostics_add_source(diagnostics, variable, "", 0, true);
    if (!source)
        return;
    diagnostics_warning(diagnostics, mark_whole(source), "it sets nothing: %s", why);
    diagnostics_hint(diagnostics, "%s", hint);
}

/* Warn of one word that is a section's but for a slip; any other is somebody else's. */
static void warn_of_slip(const char *variable, const char *word, const char *const *sections,
                         struct diagnostics *diagnostics)
{
    struct suggestion suggestion = {.given = word};
    for (; *sections; sections++)
        suggestion_add(&suggestion, *sections);
    const char *closest = suggestion_closest(&suggestion);
    if (closest) {
        struct bytes hint = {0};
        bytes_append_text(&hint, "did you mean FERRY_");
        for (; *closest; closest++)
            bytes_append_char(&hint,
                              ascii_is_letter(*closest) ? (char)(*closest & ~0x20) : *closest);
        bytes_append_char(&hint, '?');
        warn(variable, "there is no such section", bytes_text(&hint), diagnostics);
        bytes_fini(&hint);
    }
    suggestion_fini(&suggestion);
}

static void warn_of_word(const char *variable, const char *word, const char *const *sections,
                         struct diagnostics *diagnostics)
{
    if (is_almost_path(word, sections))
        warn(variable, "two underscores stand between keys", "as in FERRY_POOLS__DEFAULT__THREADS",
             diagnostics);
    else
        warn_of_slip(variable, word, sections, diagnostics);
}

/* Split a lower-cased name at its double underscores; false if a part is empty. */
static bool split_name(const char *name, size_t length, struct path *path)
{
    size_t key_length = 0;
    for (size_t i = 0; i < length; i++) {
        bool is_end = key_length > 0 && i + 2 < length && name[i] == '_' && name[i + 1] == '_';
        if (is_end) {
            path_end_key(path);
            key_length = 0;
            i++;
            continue;
        }
        bytes_append_char(&path->keys, ascii_lower(name[i]));
        key_length++;
    }
    path_end_key(path);
    return key_length > 0;
}

static void apply_variable(struct tree *root, const char *variable, const char *const *sections,
                           struct diagnostics *diagnostics)
{
    static const char prefix[] = "FERRY_";
    const char *equals = strchr(variable, '=');
    if (!equals || strncmp(variable, prefix, strlen(prefix)) != 0)
        return;
    const char *start = variable + strlen(prefix);
    struct path path = {0};
    char *name = strndup(variable, (size_t)(equals - variable));
    bool is_name = split_name(start, (size_t)(equals - start), &path);
    if (!name)
        diagnostics->no_memory = true;
    else if (is_name && (path.count > 1 || is_section(bytes_text(&path.keys), sections)))
        apply(root, &path, name, equals + 1, diagnostics);
    else if (is_name && !is_anothers(bytes_text(&path.keys)))
        warn_of_word(name, bytes_text(&path.keys), sections, diagnostics);
    free(name);
    path_fini(&path);
}

void overrides_apply_environ(struct tree *root, const char *const *environment,
                             const char *const *sections, struct diagnostics *diagnostics)
{
    for (; environment && *environment; environment++)
        apply_variable(root, *environment, sections, diagnostics);
}
