/*
 * Reloads. Loop thread, but for load_run and close_run, which run on the reload's own two threads:
 * one reads and opens, while the other closes what has drained, however long that takes.
 *
 * One load is under way at most, and while it is nothing is installed: so it may read the
 * generation that serves. What has drained is found by asking each POLL_MS, as in drain.c, while
 * there is anything to find.
 */
#include "reload.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/executor.h>
#include <ferry/log.h>

#include "descriptors.h"
#include "supervisor.h"

enum { POLL_MS = 50, CLOSE_MS = 10000, QUEUE = 64, OLD_MAX = 16 };

/* A generation that is being closed: its thread's until it comes back. */
struct closing {
    struct reload *reload;
    struct closing *next;
    struct generation *generation;
    bool is_closed;
};

struct reload {
    ferry_loop *loop;
    struct reload_options options;
    ferry_executor *executor;
    ferry_timer poll;
    struct load *loading;     /* NULL: none */
    struct closing *closings; /* those that have not come back */
    struct metric_counter *succeeded, *failed;
    bool is_wanted; /* once more */
    bool is_stopped;
};

/* A load: its thread's until it comes back. */
struct load {
    struct reload *reload;
    struct config_source source;
    const struct generation *before;
    struct generation *made; /* NULL: it failed */
    bool has_same_plugins;
    struct bytes report; /* of the config */
    ferry_error error;
};

/* ---- on its own threads ---- */

/* Return the config, or NULL and the load's error. A file without any routes is more likely one
 * that is being written than what somebody wants. */
static struct config *load_config(struct load *load, struct registry *registry)
{
    struct config *config = registry ? config_load(&load->source, registry, &load->report) : NULL;
    if (!config) {
        bool is_wrong = strstr(bytes_text(&load->report), ": error: ") != NULL;
        ferry_error_set(&load->error, is_wrong ? FERRY_INVALID : FERRY_INTERNAL, "%s",
                        is_wrong ? "the config is wrong, as ferry check shows" : "no memory");
    } else if (config->route_count == 0 && load->before->config->route_count > 0) {
        ferry_error_set(&load->error, FERRY_INVALID,
                        "it would leave no routes; to serve none, restart");
        config_free(config);
        config = NULL;
    }
    return config;
}

static void load_run(void *arg)
{
    struct load *load = arg;
    struct registry *registry = registry_new_after(load->before->registry);
    struct config *config = load_config(load, registry);
    if (!config) {
        registry_free(registry);
        return;
    }
    descriptors_fit(&config->limits);
    load->has_same_plugins = registry_has_same_plugins(registry);
    load->made = generation_open(config, registry, load->before, &load->error);
    if (load->made)
        registry_detach(load->made->registry);
}

static void close_run(void *arg)
{
    struct closing *closing = arg;
    closing->is_closed = generation_close(closing->generation, CLOSE_MS) == 0;
    if (!closing->is_closed)
        ferry_log(FERRY_LOG_WARN, "threads of an old config do not end; they are left behind",
                  NULL);
}

/* ---- closing ---- */

/* The loop is being freed, after reload_end, which has collected what this carries. */
static void closing_dropped(void *arg, const ferry_task_report *report)
{
    (void)report;
    free(arg);
}

static void closing_done(void *arg, const ferry_task_report *report)
{
    (void)report;
    struct closing *closing = arg, **at = &closing->reload->closings;
    while (*at != closing)
        at = &(*at)->next;
    *at = closing->next;
    if (closing->is_closed)
        generation_free(closing->generation);
    free(closing);
}

/* Close a generation off the loop. Without memory it stays. */
static void close_later(struct reload *reload, struct generation *generation)
{
    ferry_error error;
    generation_leave_pools(generation);
    struct closing *closing = calloc(1, sizeof *closing);
    const ferry_task_work work = {
        .run = close_run, .done = closing_done, .dropped = closing_dropped, .arg = closing};
    if (closing) {
        *closing =
            (struct closing){.reload = reload, .generation = generation, .next = reload->closings};
        reload->closings = closing;
        if (ferry_executor_submit(reload->executor, reload->loop, &work, &error))
            return;
        reload->closings = closing->next;
        free(closing);
    }
    ferry_log(FERRY_LOG_ERROR, "a config cannot be closed, it stays in memory", NULL);
}

/* ---- what has drained ---- */

static void on_poll(void *arg);

static void poll_later(struct reload *reload)
{
    if (!reload->poll)
        reload->poll = ferry_loop_call_later(reload->loop, POLL_MS, on_poll, reload);
}

static void on_poll(void *arg)
{
    struct reload *reload = arg;
    struct generations *all = reload->options.generations;
    reload->poll = 0;
    struct generation *drained;
    while ((drained = generations_look(all)) != NULL) {
        ferry_log(FERRY_LOG_INFO, "the config before has drained", NULL);
        close_later(reload, drained);
    }
    if (!reload->is_stopped && (all->old || !all->current->has_schedules_started))
        poll_later(reload);
}

/* ---- what was read ---- */

/* A line for each finding; the excerpts of the file are left out, as they may show secrets. */
static void log_report(struct bytes *report, ferry_log_level level)
{
    char *rest = (char *)bytes_text(report);
    for (char *line; report->length > 0 && (line = strsep(&rest, "\n"));) {
        if (strstr(line, ": error: ") || strstr(line, ": warning: "))
            ferry_log(level, "config", "finding=%s", line);
    }
}

static void log_restart(const struct load *load)
{
    if (load->made->config->wants_other_state)
        ferry_log(FERRY_LOG_WARN, "a change needs a restart", "key=state");
    if (!load->has_same_plugins)
        ferry_log(FERRY_LOG_WARN, "a change needs a restart", "key=plugins");
}

static void log_failure(struct reload *reload, const char *why)
{
    reload->failed->value++;
    ferry_log(FERRY_LOG_ERROR, "reload failed, the config before stays", "error=%s", why);
    if (!reload->is_stopped)
        supervisor_tell(SERVER_READY);
}

static void refuse(struct load *load, const char *why)
{
    log_report(&load->report, FERRY_LOG_ERROR);
    log_failure(load->reload, why);
}

static void install(struct reload *reload, struct load *load)
{
    struct generations *all = reload->options.generations;
    log_report(&load->report, FERRY_LOG_WARN);
    if (generations_install(all, load->made, &load->error) < 0) {
        refuse(load, load->error.message);
        close_later(reload, load->made);
        return;
    }
    reload->succeeded->value++;
    reload->options.apply(reload->options.arg);
    log_restart(load);
    const struct generation *made = load->made;
    ferry_log(FERRY_LOG_INFO, "reloaded", "routes=%zu pools=%zu kept_pools=%zu", made->route_count,
              made->pool_count, made->shared_pool_count);
    supervisor_tell(SERVER_READY);
    on_poll(reload);
}

static void load_free(struct load *load)
{
    bytes_fini(&load->report);
    free(load);
}

static void on_loaded(void *arg, const ferry_task_report *report)
{
    struct load *load = arg;
    struct reload *reload = load->reload;
    (void)report;
    reload->loading = NULL;
    if (!load->made)
        refuse(load, load->error.message);
    else if (reload->is_stopped)
        close_later(reload, load->made);
    else
        install(reload, load);
    load_free(load);
    if (reload->is_wanted && !reload->is_stopped)
        reload_begin(reload);
}

static void on_dropped(void *arg, const ferry_task_report *report)
{
    (void)report;
    load_free(arg);
}

static unsigned count_old(const struct reload *reload)
{
    unsigned count = 0;
    for (const struct generation *at = reload->options.generations->old; at; at = at->next)
        count++;
    return count;
}

void reload_begin(struct reload *reload)
{
    ferry_error error;
    if (reload->loading && !reload->is_wanted)
        ferry_log(FERRY_LOG_INFO, "a reload is under way, another one follows it", NULL);
    reload->is_wanted = reload->loading != NULL;
    if (reload->loading || reload->is_stopped)
        return;
    supervisor_tell(SERVER_RELOADING);
    ferry_log(FERRY_LOG_INFO, "reloading", NULL);
    bool has_room = count_old(reload) < OLD_MAX;
    struct load *load = has_room ? calloc(1, sizeof *load) : NULL;
    if (!load) {
        log_failure(reload, has_room
                                ? "no memory"
                                : "too many configs before have not drained: their calls hang; "
                                  "restart");
        return;
    }
    load->reload = reload;
    load->before = reload->options.generations->current;
    load->source = *reload->options.source;
    load->source.state = load->before->config->state;
    const ferry_task_work work = {
        .run = load_run, .done = on_loaded, .dropped = on_dropped, .arg = load};
    reload->loading = load;
    if (ferry_executor_submit(reload->executor, reload->loop, &work, &error))
        return;
    reload->loading = NULL;
    refuse(load, error.message);
    load_free(load);
}

/* ---- life ---- */

static double read_old(void *arg)
{
    return count_old(arg);
}

static struct metric_counter *count_outcome(struct metrics *metrics, const char *outcome)
{
    struct bytes labels = {0};
    metrics_label(&labels, "outcome", outcome);
    struct metric_counter *counter = metrics_counter(
        metrics, "ferry_reloads_total", "Reloads, by how they ended.", bytes_text(&labels));
    bytes_fini(&labels);
    return counter;
}

static bool register_metrics(struct reload *reload)
{
    struct metrics *metrics = reload->options.generations->context.metrics;
    reload->succeeded = count_outcome(metrics, "succeeded");
    reload->failed = count_outcome(metrics, "failed");
    metrics_gauge(metrics, "ferry_old_configs",
                  "Configs that were replaced, and whose calls have not all ended.", "", read_old,
                  reload);
    return reload->succeeded && reload->failed;
}

struct reload *reload_new(ferry_loop *loop, const struct reload_options *options,
                          ferry_error *error)
{
    struct reload *reload = calloc(1, sizeof *reload);
    if (reload)
        reload->executor = ferry_executor_new(
            &(ferry_executor_options){.name = "reload", .threads = 2, .queue = QUEUE});
    if (!reload || !reload->executor) {
        free(reload);
        ferry_error_set(error, FERRY_INTERNAL, "no memory, or no threads, to reload with");
        return NULL;
    }
    reload->loop = loop;
    reload->options = *options;
    if (register_metrics(reload))
        return reload;
    ferry_executor_free(reload->executor);
    free(reload);
    ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return NULL;
}

void reload_stop(struct reload *reload)
{
    reload->is_stopped = true;
    ferry_loop_cancel(reload->loop, reload->poll);
    reload->poll = 0;
}

/* What its threads have done and the loop has not taken. */
static void collect(struct generation *generation, bool is_closed)
{
    if (is_closed || generation_close(generation, 0) == 0)
        generation_free(generation);
}

bool reload_end(struct reload *reload, int64_t deadline_ms)
{
    if (!reload)
        return true;
    reload_stop(reload);
    int rc = ferry_executor_shutdown(reload->executor, deadline_ms);
    ferry_executor_free(reload->executor);
    reload->executor = NULL;
    if (rc < 0)
        return false;
    for (struct closing *at = reload->closings; at; at = at->next)
        collect(at->generation, at->is_closed);
    if (reload->loading && reload->loading->made)
        collect(reload->loading->made, false);
    return true;
}

void reload_free(struct reload *reload)
{
    if (!reload)
        return;
    ferry_executor_free(reload->executor);
    free(reload);
}
