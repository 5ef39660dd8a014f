/*
 * The registry: two lists, of kinds and of opened workers. They are short, and searched only while
 * the config is read: a route keeps a pointer to its worker.
 */
#include "registry.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "isolated.h"
#include "lane_messages.h"
#include "settings.h"

struct registry {
    const ferry_worker **kinds;
    size_t kind_count;
    struct worker **workers;
    size_t worker_count;
    char **plugins; /* that the process has loaded */
    size_t plugin_count;
    char *folder;                  /* where the process was before it had any; NULL: unknown */
    size_t known_count;            /* of these that were asked for */
    bool has_unknown;              /* others were asked for */
    const struct registry *before; /* NULL: none, or nothing is shared with it any more */
    ferry_settings **refused;      /* of workers that did not open: their problems are still read */
    size_t refused_count;
};

struct registry *registry_new(void)
{
    struct registry *registry = calloc(1, sizeof *registry);
    if (registry)
        registry->folder = getcwd(NULL, 0);
    return registry;
}

const ferry_worker *worker_hooks(const struct worker *worker)
{
    return worker->isolated ? &isolated_hooks : worker->kind;
}

void *worker_hooks_state(const struct worker *worker)
{
    return worker->isolated ? worker->isolated : worker->state;
}

static void worker_free(struct worker *worker)
{
    isolated_free(worker->isolated);
    settings_free(worker->settings);
    free(worker->name);
    free(worker);
}

struct worker *worker_ref(struct worker *worker)
{
    atomic_fetch_add_explicit(&worker->references, 1, memory_order_relaxed);
    return worker;
}

void worker_unref(struct worker *worker)
{
    if (atomic_fetch_sub_explicit(&worker->references, 1, memory_order_acq_rel) > 1)
        return;
    if (worker->kind->close)
        worker->kind->close(worker->state);
    worker_free(worker);
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    for (size_t i = registry->worker_count; i-- > 0;)
        worker_unref(registry->workers[i]);
    for (size_t i = 0; i < registry->plugin_count; i++)
        free(registry->plugins[i]);
    free(registry->plugins);
    free(registry->folder);
    for (size_t i = 0; i < registry->refused_count; i++)
        settings_free(registry->refused[i]);
    free(registry->refused);
    free(registry->workers);
    free(registry->kinds);
    free(registry);
}

/* Append a pointer to a list of them, `list` being the address of one of whatever type. Returns
 * false without memory. */
static bool list_append(void *list, size_t *count, const void *item)
{
    void *items;
    memcpy(&items, list, sizeof items);
    void *more = realloc(items, (*count + 1) * sizeof item);
    if (!more)
        return false;
    memcpy(list, &more, sizeof more);
    memcpy((char *)more + (*count)++ * sizeof item, &item, sizeof item);
    return true;
}

static bool plugin_remember(struct registry *registry, const char *path)
{
    char *copy = strdup(path);
    if (copy && list_append(&registry->plugins, &registry->plugin_count, copy))
        return true;
    free(copy);
    return false;
}

struct registry *registry_new_after(const struct registry *before)
{
    struct registry *registry = registry_new();
    for (size_t i = 0; registry && i < before->kind_count; i++) {
        if (!list_append(&registry->kinds, &registry->kind_count, before->kinds[i])) {
            registry_free(registry);
            return NULL;
        }
    }
    for (size_t i = 0; registry && i < before->plugin_count; i++) {
        if (!plugin_remember(registry, before->plugins[i])) {
            registry_free(registry);
            return NULL;
        }
    }
    if (registry) {
        registry->before = before;
        free(registry->folder);
        registry->folder = before->folder ? strdup(before->folder) : NULL;
    }
    return registry;
}

/* ---- kinds ---- */

const ferry_worker *registry_kind(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->kind_count; i++) {
        if (strcmp(registry->kinds[i]->name, name) == 0)
            return registry->kinds[i];
    }
    return NULL;
}

const ferry_worker *registry_kind_at(const struct registry *registry, size_t index)
{
    return index < registry->kind_count ? registry->kinds[index] : NULL;
}

int registry_add_kind(struct registry *registry, const ferry_worker *kind, ferry_error *error)
{
    if (registry_kind(registry, kind->name))
        return ferry_error_set(error, FERRY_CONFLICT, "there is a worker named \"%s\" already",
                               kind->name);
    if (!list_append(&registry->kinds, &registry->kind_count, kind))
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return 0;
}

static int plugin_check(const char *path, const ferry_worker *kind, ferry_error *error)
{
    if (!kind)
        return ferry_error_set(error, FERRY_INVALID,
                               "%s: not a ferry plug-in: it has no FERRY_WORKER(...)", path);
    if (kind->abi != FERRY_WORKER_ABI) /* its name is the second member in every version */
        return ferry_error_set(error, FERRY_INVALID,
                               "%s: the worker \"%s\" was built for worker ABI %u, this ferry has "
                               "%u; build it again with this ferry's worker.h",
                               path, kind->name, kind->abi, (unsigned)FERRY_WORKER_ABI);
    if (!kind->name || !*kind->name || !kind->run)
        return ferry_error_set(error, FERRY_INVALID, "%s: the worker lacks a name or .run", path);
    return 0;
}

static int plugin_load(struct registry *registry, const char *path, ferry_error *error)
{
    if (access(path, R_OK) < 0)
        return ferry_error_set(error, FERRY_NOT_FOUND, "%s: no such file, or not readable", path);
    char *explicit = strchr(path, '/') ? strdup(path) : text_printf("./%s", path);
    if (!explicit)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    void *plugin = dlopen(explicit, RTLD_NOW | RTLD_LOCAL);
    free(explicit);
    if (!plugin)
        return ferry_error_set(error, FERRY_INVALID, "%s", dlerror());
    const ferry_worker *kind = dlsym(plugin, "ferry_plugin");
    int rc = plugin_check(path, kind, error);
    if (rc == 0)
        rc = registry_add_kind(registry, kind, error);
    if (rc < 0)
        dlclose(plugin); /* nothing of it has run */
    return rc;
}

static bool is_plugin(const struct registry *registry, const char *path)
{
    for (size_t i = 0; i < registry->plugin_count; i++) {
        if (strcmp(registry->plugins[i], path) == 0)
            return true;
    }
    return false;
}

bool registry_has_same_plugins(const struct registry *registry)
{
    return !registry->has_unknown && registry->known_count == registry->plugin_count;
}

void registry_detach(struct registry *registry)
{
    registry->before = NULL;
}

int registry_load_plugin(struct registry *registry, const char *path, ferry_error *error)
{
    if (registry->before && is_plugin(registry, path)) {
        registry->known_count++;
        return 0;
    }
    if (registry->before) {
        registry->has_unknown = true;
        return 0;
    }
    if (!plugin_remember(registry, path))
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    registry->known_count++;
    return plugin_load(registry, path, error);
}

/* ---- workers ---- */

struct worker *registry_find(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->worker_count; i++) {
        if (strcmp(registry->workers[i]->name, name) == 0)
            return registry->workers[i];
    }
    return NULL;
}

/* Run `open`, and let the settings have their say. */
static int worker_open(struct worker *worker, ferry_error *error)
{
    const ferry_worker *kind = worker->kind;
    int rc = kind->open ? kind->open(worker->settings, &worker->state, error) : 0;
    if (rc == 0) /* else it may have returned before it asked for all of its keys */
        settings_report_unknown(worker->settings);
    bool lacks_memory = settings_lacks_memory(worker->settings);
    if (rc == 0 && (lacks_memory || settings_problem_count(worker->settings) > 0)) {
        if (kind->close)
            kind->close(worker->state);
        rc = lacks_memory ? ferry_error_set(error, FERRY_INTERNAL, "no memory")
                          : ferry_error_set(error, FERRY_INVALID,
                                            "the settings of \"%s\" are wrong", worker->name);
    }
    if (rc > 0 && error && error->code != FERRY_OK) /* it has said why */
        return error->code;
    if (rc > 0) /* the code of another library */
        return ferry_error_set(error, FERRY_INTERNAL, "\"%s\" did not open: it returned %d",
                               worker->name, rc);
    if (rc < 0 && error && error->code == FERRY_OK)
        ferry_error_set(error, (ferry_code)rc, "\"%s\" did not open", worker->name);
    return rc;
}

/* Share what the registry before this one has opened in the same way. */
static struct worker *worker_share(struct registry *registry, const char *name,
                                   const ferry_worker *kind, const ferry_settings *settings,
                                   size_t answer_limit)
{
    struct worker *worker = registry->before ? registry_find(registry->before, name) : NULL;
    if (!worker || worker->kind != kind ||
        isolated_answer_limit(worker->isolated) != answer_limit ||
        !settings_equal(worker->settings, settings) ||
        !list_append(&registry->workers, &registry->worker_count, worker))
        return NULL;
    return worker_ref(worker);
}

static bool worker_isolate(struct worker *worker, const struct registry *registry,
                           size_t answer_limit)
{
    worker->isolated = isolated_new(&(struct lane_opening){
        .worker = worker->name,
        .kind = worker->kind->name,
        .plugins = (const char *const *)registry->plugins,
        .plugin_count = registry->plugin_count,
        .folder = registry->folder,
        .settings = worker->settings,
        .answer_limit = answer_limit,
    });
    return worker->isolated != NULL;
}

static struct worker *worker_new(struct registry *registry, const char *name,
                                 const ferry_worker *kind, ferry_settings *settings,
                                 size_t answer_limit, ferry_error *error)
{
    struct worker *worker = calloc(1, sizeof *worker);
    char *copy = strdup(name);
    if (!worker || !copy || !settings) {
        free(worker);
        free(copy);
        settings_free(settings);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    *worker = (struct worker){.references = 1, .kind = kind, .name = copy, .settings = settings};
    if (error)
        *error = (ferry_error){0};
    if (worker_open(worker, error) == 0) {
        if ((answer_limit == 0 || worker_isolate(worker, registry, answer_limit)) &&
            list_append(&registry->workers, &registry->worker_count, worker))
            return worker;
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        if (kind->close)
            kind->close(worker->state);
    }
    if (list_append(&registry->refused, &registry->refused_count, settings))
        worker->settings = NULL;
    else
        ferry_error_set(error, FERRY_INTERNAL, "no memory"); /* there are no problems to read */
    worker_free(worker);
    return NULL;
}

struct worker *registry_open(struct registry *registry, const char *name, const ferry_worker *kind,
                             ferry_settings *settings, size_t answer_limit, ferry_error *error)
{
    struct worker *shared =
        settings ? worker_share(registry, name, kind, settings, answer_limit) : NULL;
    if (!shared)
        return worker_new(registry, name, kind, settings, answer_limit, error);
    settings_free(settings);
    return shared;
}
