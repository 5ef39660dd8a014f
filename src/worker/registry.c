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
#include "settings.h"

struct registry {
    const ferry_worker **kinds;
    size_t kind_count;
    struct worker **workers;
    size_t worker_count;
    ferry_settings **refused; /* of workers that did not open: their problems are still read */
    size_t refused_count;
};

struct registry *registry_new(void)
{
    return calloc(1, sizeof(struct registry));
}

static void worker_free(struct worker *worker)
{
    settings_free(worker->settings);
    free(worker->name);
    free(worker);
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    for (size_t i = registry->worker_count; i-- > 0;) {
        struct worker *worker = registry->workers[i];
        if (worker->kind->close)
            worker->kind->close(worker->state);
        worker_free(worker);
    }
    for (size_t i = 0; i < registry->refused_count; i++)
        settings_free(registry->refused[i]);
    free(registry->refused);
    free(registry->workers);
    free(registry->kinds);
    free(registry);
}

/* Append a pointer to a list of them. Returns false without memory. */
static bool list_append(void *list, size_t *count, const void *item)
{
    const void ***items = list;
    const void **more = realloc(*items, (*count + 1) * sizeof *more);
    if (!more)
        return false;
    *items = more;
    more[(*count)++] = item;
    return true;
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

int registry_load_plugin(struct registry *registry, const char *path, ferry_error *error)
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
    if (rc == 0 && settings_problem_count(worker->settings) > 0) {
        if (kind->close)
            kind->close(worker->state);
        rc =
            ferry_error_set(error, FERRY_INVALID, "the settings of \"%s\" are wrong", worker->name);
    }
    if (rc < 0 && error && error->code == FERRY_OK)
        ferry_error_set(error, (ferry_code)rc, "\"%s\" did not open", worker->name);
    return rc;
}

struct worker *registry_open(struct registry *registry, const char *name, const ferry_worker *kind,
                             ferry_settings *settings, ferry_error *error)
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
    *worker = (struct worker){.kind = kind, .name = copy, .settings = settings};
    if (error)
        *error = (ferry_error){0};
    if (worker_open(worker, error) == 0) {
        if (list_append(&registry->workers, &registry->worker_count, worker))
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
