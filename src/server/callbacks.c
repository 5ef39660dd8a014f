/*
 * Completion callbacks. No state of its own. They are jobs as any others: tried again, in view, and
 * able to be paused as the route "callback". Each is signed by the webhook worker, which also
 * checks the URL once more, against what is allowed when it runs.
 */
#include "callbacks.h"

#include "settings.h"

static int add_settings(ferry_settings *settings, const struct config_callbacks *config)
{
    const char *secret_file = config->secret_file;
    size_t count = 0;
    while (config->allow[count])
        count++;
    int rc = settings_add(settings, "allow", (const char *const *)config->allow, count, true);
    return rc < 0 ? rc : settings_add(settings, "secret_file", &secret_file, 1, false);
}

static void take_problem(void *arg, const char *key, const char *message)
{
    (void)key;
    ferry_error_set(arg, FERRY_INVALID, "callbacks: %s", message);
}

static struct worker *open_worker(const struct config_callbacks *config, const char *state_dir,
                                  struct registry *registry, ferry_error *error)
{
    const ferry_worker *kind = registry_kind(registry, "webhook");
    ferry_settings *settings = kind ? settings_new(JOB_CALLBACK_ROUTE, state_dir) : NULL;
    if (!settings || add_settings(settings, config) < 0) {
        settings_free(settings);
        ferry_error_set(error, FERRY_INTERNAL, "callbacks: %s",
                        kind ? "no memory" : "there is no worker of the kind \"webhook\"");
        return NULL;
    }
    ferry_error why;
    struct worker *worker = registry_open(registry, JOB_CALLBACK_ROUTE, kind, settings, 0, &why);
    if (worker)
        return worker;
    ferry_error_set(error, why.code, "callbacks: %s", why.message);
    if (why.code == FERRY_INVALID && settings_problem_count(settings) > 0)
        settings_each_problem(settings, take_problem, error);
    return NULL;
}

int callbacks_open(const struct config_callbacks *config, const char *state_dir,
                   struct registry *registry, struct worker **worker, ferry_error *error)
{
    *worker = config->enabled ? open_worker(config, state_dir, registry, error) : NULL;
    return *worker || !config->enabled ? 0 : error->code;
}

struct queue_route callbacks_route(const struct config_callbacks *config,
                                   const struct worker *worker, struct queue_pool *pool)
{
    return (struct queue_route){
        .name = JOB_CALLBACK_ROUTE,
        .worker = worker,
        .pool = pool,
        .timeout_ms = config->timeout_ms,
        .attempts = config->attempts,
        .backoff_min_ms = config->backoff_min_ms,
        .backoff_max_ms = config->backoff_max_ms,
    };
}
