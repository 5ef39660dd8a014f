/*
 * The registry: which kinds of worker there are, and which of them the config has opened, under
 * which names. One thread at a time, that of the config which is read with it; the workers it hands
 * out are read by every thread and stay until registry_free, or as long as they are referenced.
 */
#ifndef WORKER_REGISTRY_H
#define WORKER_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>

#include <ferry/worker.h>

struct registry;

/* An opened worker. */
struct worker {
    atomic_uint references;
    const ferry_worker *kind;
    char *name;
    void *state;               /* what open made */
    struct isolated *isolated; /* runs its calls in other processes; NULL: this one does */
    ferry_settings *settings;  /* its strings live as long as the worker */
};

struct registry *registry_new(void);

/* Give up every worker; those that nobody else references are closed. The threads that ran them
 * must have ended. Plug-ins stay loaded: a thread that was left behind may still be inside one. */
void registry_free(struct registry *registry);

/* Keep a worker, from any thread; and give it up. The last one closes it, which may block. */
struct worker *worker_ref(struct worker *worker);
void worker_unref(struct worker *worker);

/*
 * Make the registry of a config that is to replace another one's: it knows the same kinds, loads no
 * plug-in, and instead of opening a worker that `before` has with the same name, kind and settings
 * it shares that one. `before` must outlive it, or registry_detach, after which nothing is shared.
 */
struct registry *registry_new_after(const struct registry *before);
void registry_detach(struct registry *registry);

/* Tell whether it was asked for the plug-ins that the process has loaded, and no others. */
bool registry_has_same_plugins(const struct registry *registry);

/* Make a kind known. Errors: FERRY_CONFLICT a kind of this name is known already. */
int registry_add_kind(struct registry *registry, const ferry_worker *kind, ferry_error *error);

/* Load a plug-in and make its kind known. Errors: FERRY_NOT_FOUND no such file, FERRY_INVALID it
 * is no ferry plug-in or one of another ABI version, FERRY_CONFLICT as above. */
int registry_load_plugin(struct registry *registry, const char *path, ferry_error *error);

/* Return a kind by its name, NULL if unknown; or walk all kinds, in the order they were added. */
const ferry_worker *registry_kind(const struct registry *registry, const char *name);
const ferry_worker *registry_kind_at(const struct registry *registry, size_t index);

/*
 * Open a worker under a name of its own; isolated, with this limit of an answer in bytes, or not
 * (0). Takes over `settings`, also on failure, but for problems with the settings themselves: those
 * stay readable through it until registry_free. Errors: NULL and `error`; FERRY_INVALID when
 * settings_problem_count tells more.
 */
struct worker *registry_open(struct registry *registry, const char *name, const ferry_worker *kind,
                             ferry_settings *settings, size_t answer_limit, ferry_error *error);

/* Return what runs its calls: the hooks of its kind, or those that stand in for them; and the state
 * that goes with these. */
const ferry_worker *worker_hooks(const struct worker *worker);
void *worker_hooks_state(const struct worker *worker);

/* Return an opened worker by its name, NULL if there is none. */
struct worker *registry_find(const struct registry *registry, const char *name);

#endif
