/*
 * The server. One thread, the loop's: this file only puts things together, in server_new, and takes
 * them apart, in server_free (the second half of the order that stands in drain.c).
 */
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ferry/log.h>
#include <ferry/version.h>

#include "admin.h"
#include "dashboard.h"
#include "descriptors.h"
#include "drain.h"
#include "health.h"
#include "held_wait.h"
#include "http_metrics.h"
#include "job_events.h"
#include "jobs_admin.h"
#include "jobs_api.h"
#include "listeners.h"
#include "process_metrics.h"
#include "reload.h"
#include "supervisor.h"

enum {
    POOL_STOP_MS = 5000,
    QUEUE_CLOSE_MS = 10000,
    RELOAD_STOP_MS = 5000,
    PASSWORDS_STOP_MS = 2000,
};

struct server {
    const struct config *config; /* of the current generation */
    ferry_loop *loop;
    struct metrics *metrics;
    struct queue *queue;
    unsigned max_crashes; /* as the queue was opened */
    ferry_http_server *http;
    ferry_http_server *admin_http;
    struct listeners listeners;
    struct held_waits waits;
    struct job_events events;
    struct jobs_api jobs_api; /* of the admin listener */
    struct jobs_admin jobs_admin;
    struct passwords *passwords;
    struct generations generations;
    struct reload *reload;
    struct health health;
    struct admin admin;
    char *admin_token; /* what `admin` asks for */
    struct loop_lag lag;
    struct drain drain;
    int loop_rc;
};

/* ---- putting together ---- */

/* Make a folder if it is not there, with those above it. Returns 0 or -1 and errno. */
static int make_folder(char *path)
{
    int rc = 0;
    for (char *slash = strchr(path + 1, '/'); slash && rc == 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        rc = mkdir(path, 0755) < 0 && errno != EEXIST ? -1 : 0;
        *slash = '/';
    }
    if (rc == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
        rc = -1;
    return rc;
}

static int make_state_folder(const char *path, ferry_error *error)
{
    char *inside = text_printf("%s/.", path); /* a file in its place is not taken for a folder */
    if (!inside)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    inside[strlen(path)] = '\0';
    int rc = make_folder(inside);
    inside[strlen(path)] = '/';
    if (rc == 0)
        rc = access(inside, W_OK | X_OK);
    free(inside);
    if (rc < 0)
        return ferry_error_set(error, FERRY_FORBIDDEN,
                               "state folder %s: %s; choose another by state, or --set "
                               "state=FOLDER",
                               path, strerror(errno));
    return 0;
}

static int open_queue(struct server *server, ferry_error *error)
{
    const struct config *config = server->config;
    if (make_state_folder(config->state, error) < 0)
        return error->code;
    server->max_crashes = config->max_crashes;
    server->queue = queue_open(server->loop,
                               &(struct queue_options){
                                   .folder = config->state,
                                   .max_pending = config->max_pending,
                                   .max_bytes = config->max_bytes,
                                   .max_crashes = config->max_crashes,
                                   .keep_ms = config->keep_ms,
                                   .metrics = server->metrics,
                               },
                               error);
    return server->queue ? 0 : error->code;
}

/* Connections that may wait for a job are a part of all, so that they never keep out a probe, or
 * the request that would end them. */
static unsigned waits_limit(const struct config *config)
{
    return (config->limits.connections + 1) / 2;
}

static unsigned streams_limit(const struct config *config)
{
    return (config->limits.connections + 3) / 4;
}

static void init_waits(struct server *server)
{
    held_waits_init(&server->waits, server->loop, server->queue, waits_limit(server->config),
                    server->metrics);
    job_events_init(&server->events, server->loop, server->queue, streams_limit(server->config),
                    server->metrics);
}

/* The public ones, which are bound again with each generation's routes. */
static int bind_public_paths(void *arg, struct generation *made, ferry_error *error)
{
    struct server *server = arg;
    made->jobs_api = (struct jobs_api){
        .queue = server->queue, .events = &server->events, .cors = made->config->cors};
    int rc = jobs_api_bind(server->http, &made->jobs_api, error);
    return rc < 0 ? rc : health_bind(server->http, &server->health, error);
}

static int add_admin_paths(struct server *server, ferry_error *error)
{
    server->admin.metrics = server->metrics;
    server->jobs_api = (struct jobs_api){.queue = server->queue, .events = &server->events};
    server->jobs_admin = (struct jobs_admin){
        .admin = &server->admin, .api = &server->jobs_api, .generations = &server->generations};
    int rc = jobs_admin_bind(server->admin_http, &server->jobs_admin, error);
    rc = rc < 0 ? rc : health_bind(server->admin_http, &server->health, error);
    rc = rc < 0 ? rc : admin_bind(server->admin_http, &server->admin, error);
    return rc < 0 ? rc : dashboard_bind(server->admin_http, error);
}

/* ---- generations ---- */

/* What is asked at each request or so. */
static void point_at_current(struct server *server)
{
    const struct generation *current = server->generations.current;
    server->config = current->config;
    server->health.pools = current->pools;
    server->health.pool_count = current->pool_count;
    server->drain.limit_ms = server->config->drain_ms;
}

static int trust_proxies(struct server *server, ferry_error *error)
{
    int rc = ferry_http_trust(server->http, NULL, error);
    for (char **proxy = server->config->trusted_proxies; rc == 0 && proxy && *proxy; proxy++)
        rc = ferry_http_trust(server->http, *proxy, error);
    return rc;
}

/* A config may have no token where its own admin listener is on loopback. If that is not where the
 * server listens, as it moves at a restart only, the token stays until then. */
static int take_admin_token(struct server *server, bool listens_there)
{
    const char *token = server->config->admin_token;
    if (!token && !listens_there && server->admin_token) {
        ferry_log(FERRY_LOG_WARN, "a change needs a restart", "key=admin.token_file");
        return 0;
    }
    char *copy = token ? strdup(token) : NULL;
    if (token && !copy)
        return FERRY_INTERNAL;
    free(server->admin_token);
    server->admin.token = server->admin_token = copy;
    return 0;
}

/* Use the listeners' certificates and the admin token of a new config, and say what waits. */
static void update_listeners(struct server *server)
{
    struct listeners_kept kept = listeners_update(&server->listeners, server->config);
    if (take_admin_token(server, kept.admin) < 0)
        ferry_log(FERRY_LOG_ERROR, "no memory for a new admin token, the one before stays", NULL);
    if (!kept.public)
        ferry_log(FERRY_LOG_WARN, "a change needs a restart", "key=listen");
    if (!kept.admin)
        ferry_log(FERRY_LOG_WARN, "a change needs a restart", "key=admin.listen");
}

/* Take over what a new config says beside its routes. */
static void on_reloaded(void *arg)
{
    struct server *server = arg;
    ferry_error error;
    point_at_current(server);
    const struct config *config = server->config;
    if (trust_proxies(server, &error) < 0)
        ferry_log(FERRY_LOG_ERROR, "not all proxies are trusted", "error=%s", error.message);
    ferry_log_set_level(config->log_level);
    ferry_log_set_format(config->log_format);
    ferry_http_set_limits(server->http, &config->limits);
    server->waits.limit = waits_limit(config);
    server->events.limit = streams_limit(config);
    queue_set_limits(server->queue, config->max_pending, config->max_bytes, config->keep_ms);
    update_listeners(server);
    if (config->max_crashes != server->max_crashes)
        ferry_log(FERRY_LOG_WARN, "a change needs a restart", "key=jobs.max_crashes");
}

static int install_first(struct server *server, struct config *config, struct registry *registry,
                         ferry_error *error)
{
    server->generations.context = (struct route_context){
        .loop = server->loop,
        .http = server->http,
        .metrics = server->metrics,
        .queue = server->queue,
        .waits = &server->waits,
        .passwords = server->passwords,
    };
    server->generations.bind_own = bind_public_paths;
    server->generations.arg = server;
    struct generation *made = generation_open(config, registry, NULL, error);
    if (!made)
        return error->code;
    if (generations_install(&server->generations, made, error) < 0) {
        if (generation_close(made, POOL_STOP_MS) == 0)
            generation_free(made);
        return error->code;
    }
    point_at_current(server);
    if (take_admin_token(server, true) < 0)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return trust_proxies(server, error);
}

static int start_reload(struct server *server, const struct config_source *source,
                        ferry_error *error)
{
    server->reload = reload_new(server->loop,
                                &(struct reload_options){
                                    .source = source,
                                    .generations = &server->generations,
                                    .apply = on_reloaded,
                                    .arg = server,
                                },
                                error);
    return server->reload ? 0 : error->code;
}

static int make_http(struct server *server, ferry_error *error)
{
    server->http = ferry_http_server_new(server->loop, &server->config->limits);
    server->admin_http = ferry_http_server_new(server->loop, NULL);
    if (!server->http || !server->admin_http)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    server->listeners.http = server->http;
    server->listeners.admin_http = server->admin_http;
    http_metrics_register(server->metrics, server->http);
    return 0;
}

/* ---- signals ---- */

static void on_terminate(void *arg)
{
    drain_begin(arg);
}

static void on_hangup(void *arg)
{
    struct server *server = arg;
    reload_begin(server->reload);
}

static int add_signals(struct server *server, ferry_error *error)
{
    server->drain = (struct drain){
        .loop = server->loop,
        .http = server->http,
        .health = &server->health,
        .generations = &server->generations,
        .reload = server->reload,
        .queue = server->queue,
        .waits = &server->waits,
        .events = &server->events,
        .limit_ms = server->config->drain_ms,
    };
    if (!ferry_loop_add_signal(server->loop, SIGTERM, on_terminate, &server->drain) ||
        !ferry_loop_add_signal(server->loop, SIGINT, on_terminate, &server->drain) ||
        !ferry_loop_add_signal(server->loop, SIGHUP, on_hangup, server))
        return ferry_error_set(error, FERRY_INTERNAL, "cannot handle signals: %s", strerror(errno));
    return 0;
}

/* ---- life ---- */

/* What does not depend on routes. */
static int build_base(struct server *server, ferry_error *error)
{
    server->loop = ferry_loop_new();
    server->metrics = metrics_new();
    server->passwords = server->loop ? passwords_new(server->loop) : NULL;
    if (!server->loop || !server->metrics || !server->passwords)
        return ferry_error_set(error, FERRY_INTERNAL, "cannot make an event loop: %s",
                               strerror(errno));
    process_metrics_register(server->metrics);
    int rc = make_http(server, error);
    rc = rc < 0 ? rc : open_queue(server, error);
    if (rc == 0)
        init_waits(server);
    return rc;
}

/* Takes over config and registry. */
static int build(struct server *server, const struct config_source *source, struct config *config,
                 struct registry *registry, ferry_error *error)
{
    descriptors_fit(&config->limits);
    server->config = config;
    int rc = build_base(server, error);
    if (rc < 0) {
        registry_free(registry);
        config_free(config);
        return rc;
    }
    rc = install_first(server, config, registry, error);
    rc = rc < 0 ? rc : add_admin_paths(server, error);
    rc = rc < 0 ? rc : start_reload(server, source, error);
    rc = rc < 0 ? rc : add_signals(server, error);
    return rc < 0 ? rc : listeners_open(&server->listeners, server->config, error);
}

struct server *server_new(const struct config_source *source, struct config *config,
                          struct registry *registry, ferry_error *error)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        registry_free(registry);
        config_free(config);
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    if (build(server, source, config, registry, error) < 0) {
        server_free(server);
        return NULL;
    }
    return server;
}

/* The end is under way: a signal neither hastens it nor, when the loop with its handlers is gone,
 * makes a failure of it. */
static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int server_run(struct server *server)
{
    const struct generation *current = server->generations.current;
    loop_lag_start(&server->lag, server->loop, server->metrics);
    queue_start(server->queue);
    generations_start(&server->generations);
    ferry_log(FERRY_LOG_INFO, "serving", "version=%s routes=%zu pools=%zu state=%s pid=%d",
              ferry_version(), current->route_count, current->pool_count, current->config->state,
              (int)getpid());
    supervisor_tell(SERVER_READY);
    server->loop_rc = ferry_loop_run(server->loop);
    block_signals();
    loop_lag_stop(&server->lag);
    if (server->loop_rc == 0)
        ferry_log(FERRY_LOG_INFO, "stopped", NULL);
    return server->loop_rc;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    job_events_end_all(&server->events);
    held_waits_end_all(&server->waits);
    ferry_http_server_free(server->http);
    passwords_free(server->passwords, PASSWORDS_STOP_MS);
    bool threads_ended = reload_end(server->reload, RELOAD_STOP_MS);
    threads_ended &= generations_stop_pools(&server->generations, POOL_STOP_MS);
    if (server->queue)
        queue_close(server->queue, QUEUE_CLOSE_MS);
    if (!threads_ended)
        _exit(server->loop_rc < 0); /* a worker's thread_close hangs: nothing is freed under it */
    ferry_http_server_free(server->admin_http);
    listeners_fini(&server->listeners);
    generations_free(&server->generations);
    metrics_free(server->metrics);
    ferry_loop_free(server->loop);
    reload_free(server->reload);
    free(server->admin_token);
    free(server);
}
