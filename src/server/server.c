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
#include "callbacks.h"
#include "clock.h"
#include "drain.h"
#include "health.h"
#include "held_wait.h"
#include "http_metrics.h"
#include "job_events.h"
#include "jobs_admin.h"
#include "jobs_api.h"
#include "pool.h"
#include "process_metrics.h"
#include "route.h"
#include "schedules.h"

enum { POOL_STOP_MS = 5000, QUEUE_CLOSE_MS = 10000 };

struct server {
    const struct config *config;
    struct registry *registry;
    ferry_loop *loop;
    struct metrics *metrics;
    struct pool *pools;
    size_t pool_count;
    struct queue *queue;
    ferry_http_server *http;
    ferry_http_server *admin_http;
    struct held_waits waits;
    struct job_events events;
    struct jobs_api jobs_api;
    struct jobs_admin jobs_admin;
    struct route_context route_context;
    struct route **routes;
    size_t route_count;
    struct schedules *schedules;
    struct health health;
    struct admin admin;
    struct loop_lag lag;
    struct drain drain;
    int loop_rc;
};

/* ---- putting together ---- */

static int start_pools(struct server *server, ferry_error *error)
{
    const struct config *config = server->config;
    server->pools = calloc(config->pool_count, sizeof *server->pools);
    if (!server->pools)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < config->pool_count; i++) {
        server->pool_count++;
        rc = pool_init(&server->pools[i], &config->pools[i], server->metrics, error);
    }
    return rc;
}

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
        return ferry_error_set(error, FERRY_FORBIDDEN, "state folder %s: %s", path,
                               strerror(errno));
    return 0;
}

static int open_queue(struct server *server, ferry_error *error)
{
    const struct config *config = server->config;
    if (make_state_folder(config->state, error) < 0)
        return error->code;
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

static struct pool *find_pool(const struct server *server, const struct config_pool *config)
{
    return &server->pools[config - server->config->pools];
}

static int add_routes(struct server *server, ferry_error *error)
{
    const struct config *config = server->config;
    server->route_context = (struct route_context){
        .loop = server->loop,
        .http = server->http,
        .metrics = server->metrics,
        .queue = server->queue,
        .waits = &server->waits,
        .callbacks = config->callbacks.enabled ? config->callbacks.allow : NULL,
    };
    server->routes = calloc(config->route_count + 1, sizeof(struct route *));
    if (!server->routes)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        server->routes[i] =
            route_new(&server->route_context, route, find_pool(server, route->pool), error);
        if (!server->routes[i])
            return error->code;
        server->route_count++;
    }
    return 0;
}

static int add_schedules(struct server *server, ferry_error *error)
{
    server->schedules = schedules_new(&(struct schedules_options){
        .loop = server->loop,
        .queue = server->queue,
        .metrics = server->metrics,
        .schedules = server->config->schedules,
        .count = server->config->schedule_count,
    });
    return server->schedules ? 0 : ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

/* Connections that may wait for a job are a part of all, so that they never keep out a probe, or
 * the request that would end them. */
static void init_waits(struct server *server)
{
    unsigned connections = server->config->limits.connections;
    held_waits_init(&server->waits, server->loop, server->queue, (connections + 1) / 2,
                    server->metrics);
    job_events_init(&server->events, server->loop, server->queue, (connections + 3) / 4,
                    server->metrics);
}

static int open_callbacks(struct server *server, ferry_error *error)
{
    const struct config_callbacks *callbacks = &server->config->callbacks;
    struct pool *pool = callbacks->enabled ? find_pool(server, callbacks->pool) : NULL;
    return callbacks_open(callbacks, server->config->state, server->registry, server->queue,
                          pool ? &pool->deferred : NULL, error);
}

static int add_own_paths(struct server *server, ferry_error *error)
{
    server->health.pools = server->pools;
    server->health.pool_count = server->pool_count;
    server->admin.metrics = server->metrics;
    server->admin.token = server->config->admin_token;
    server->jobs_api = (struct jobs_api){.queue = server->queue, .events = &server->events};
    server->jobs_admin = (struct jobs_admin){.admin = &server->admin, .api = &server->jobs_api};
    int rc = jobs_api_bind(server->http, &server->jobs_api, error);
    rc = rc < 0 ? rc : jobs_admin_bind(server->admin_http, &server->jobs_admin, error);
    rc = rc < 0 ? rc : health_bind(server->http, &server->health, error);
    rc = rc < 0 ? rc : health_bind(server->admin_http, &server->health, error);
    return rc < 0 ? rc : admin_bind(server->admin_http, &server->admin, error);
}

static int listen_on(ferry_http_server *http, const char *name, const char *address,
                     ferry_error *error)
{
    char bound[128];
    ferry_error why;
    if (ferry_http_listen(http, address, bound, sizeof bound, &why) < 0)
        return ferry_error_set(error, why.code, "cannot listen: %s", why.message);
    ferry_log(FERRY_LOG_INFO, "listening", "listener=%s addr=%s", name, bound);
    return 0;
}

static int listen_all(struct server *server, ferry_error *error)
{
    int rc = listen_on(server->admin_http, "admin", server->config->admin_listen, error);
    for (char **address = server->config->listen; rc == 0 && *address; address++)
        rc = listen_on(server->http, "public", *address, error);
    return rc;
}

static int make_http(struct server *server, ferry_error *error)
{
    server->http = ferry_http_server_new(server->loop, &server->config->limits);
    server->admin_http = ferry_http_server_new(server->loop, NULL);
    if (!server->http || !server->admin_http)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
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
    (void)arg;
    ferry_log(FERRY_LOG_WARN, "SIGHUP ignored: restart to apply a new config", NULL);
}

static int add_signals(struct server *server, ferry_error *error)
{
    const struct config *config = server->config;
    server->drain = (struct drain){
        .loop = server->loop,
        .http = server->http,
        .health = &server->health,
        .pools = server->pools,
        .pool_count = server->pool_count,
        .queue = server->queue,
        .routes = &server->route_context,
        .schedules = server->schedules,
        .events = &server->events,
        .limit_ms = config->drain_ms,
    };
    if (!ferry_loop_add_signal(server->loop, SIGTERM, on_terminate, &server->drain) ||
        !ferry_loop_add_signal(server->loop, SIGINT, on_terminate, &server->drain) ||
        !ferry_loop_add_signal(server->loop, SIGHUP, on_hangup, NULL))
        return ferry_error_set(error, FERRY_INTERNAL, "cannot handle signals: %s", strerror(errno));
    return 0;
}

/* ---- life ---- */

static int server_build(struct server *server, ferry_error *error)
{
    server->loop = ferry_loop_new();
    server->metrics = metrics_new();
    if (!server->loop || !server->metrics)
        return ferry_error_set(error, FERRY_INTERNAL, "cannot make an event loop: %s",
                               strerror(errno));
    process_metrics_register(server->metrics);
    int rc = make_http(server, error);
    rc = rc < 0 ? rc : open_queue(server, error);
    rc = rc < 0 ? rc : start_pools(server, error);
    if (rc == 0)
        init_waits(server);
    rc = rc < 0 ? rc : add_routes(server, error);
    rc = rc < 0 ? rc : add_schedules(server, error);
    rc = rc < 0 ? rc : open_callbacks(server, error);
    rc = rc < 0 ? rc : add_own_paths(server, error);
    rc = rc < 0 ? rc : add_signals(server, error);
    return rc < 0 ? rc : listen_all(server, error);
}

struct server *server_new(const struct config *config, struct registry *registry,
                          ferry_error *error)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    server->config = config;
    server->registry = registry;
    if (server_build(server, error) < 0) {
        server_free(server);
        return NULL;
    }
    return server;
}

int server_run(struct server *server)
{
    loop_lag_start(&server->lag, server->loop, server->metrics);
    queue_start(server->queue);
    schedules_start(server->schedules);
    ferry_log(FERRY_LOG_INFO, "serving", "version=%s routes=%zu pools=%zu state=%s pid=%d",
              ferry_version(), server->route_count, server->pool_count, server->config->state,
              (int)getpid());
    server->loop_rc = ferry_loop_run(server->loop);
    loop_lag_stop(&server->lag);
    if (server->loop_rc == 0)
        ferry_log(FERRY_LOG_INFO, "stopped", NULL);
    return server->loop_rc;
}

/* Returns whether every thread has ended, all pools together within POOL_STOP_MS. */
static bool stop_pools(struct server *server)
{
    int64_t until_ms = clock_monotonic_ms() + POOL_STOP_MS;
    bool ended = true;
    for (size_t i = 0; i < server->pool_count; i++) {
        int64_t left_ms = until_ms - clock_monotonic_ms();
        ended &= pool_fini(&server->pools[i], left_ms > 0 ? left_ms : 0) == 0;
    }
    return ended;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    job_events_end_all(&server->events);
    held_waits_end_all(&server->waits);
    ferry_http_server_free(server->http);
    bool threads_ended = stop_pools(server);
    if (server->queue)
        queue_close(server->queue, QUEUE_CLOSE_MS);
    if (!threads_ended)
        _exit(server->loop_rc < 0); /* a worker's thread_close hangs: nothing is freed under it */
    schedules_free(server->schedules);
    ferry_http_server_free(server->admin_http);
    for (size_t i = 0; i < server->route_count; i++)
        route_free(server->routes[i]);
    free(server->routes);
    free(server->pools);
    metrics_free(server->metrics);
    ferry_loop_free(server->loop);
    free(server);
}
