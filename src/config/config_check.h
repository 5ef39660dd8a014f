/*
 * From the tree to a struct config, a file a section. What they share while they do it.
 *
 * Each reads on after what is wrong, with the default in its place, so that one run reports all.
 */
#ifndef CONFIG_CONFIG_CHECK_H
#define CONFIG_CONFIG_CHECK_H

#include "config.h"
#include "diagnostics.h"
#include "tree.h"

/* The whole file, cut into its sections; NULL for what is absent or empty. */
struct sections {
    const struct tree *listen;
    const struct tree *admin;
    const struct tree *state;
    const struct tree *limits;
    const struct tree *jobs;
    const struct tree *drain;
    const struct tree *plugins;
    const struct tree *log;
    const struct tree *pools;
    const struct tree *workers;
    const struct tree *routes;
    const struct tree *callbacks;
    const struct tree *schedules;
    const struct tree *trusted_proxies;
    const struct tree *auth;
    const struct tree *cors;
};

/* What is known of a pool beyond its config_pool (of the same index). */
struct pool_check {
    const struct tree *node; /* NULL: the implicit default pool */
    bool has_calls;          /* a route waits for it */
    bool is_used;
};

/* A worker that the config names, or a kind that a route names directly. */
struct worker_check {
    const struct tree *node; /* NULL: a kind */
    const char *name;
    struct worker *worker; /* NULL: it did not open, which is reported */
    bool is_used;
};

struct checking {
    struct diagnostics *diagnostics;
    struct registry *registry;
    struct config *config;
    const char *folder, *state; /* of the config_source */
    struct pool_check *pools;
    const struct tree *routes; /* the section, while it is read */
    struct worker_check *workers;
    size_t worker_count;
    bool lacks_plugin;              /* one did not load: nobody knows which kind it has */
    const struct config_auth *auth; /* of a route that says nothing of it; NULL: open */
};

/* config_server.c: listen, admin, state, limits, jobs, drain, log. */
void check_server(struct checking *checking, const struct sections *sections);

/* config_listen.c */
void check_listen(struct checking *checking, const struct tree *listen);
void check_admin(struct checking *checking, const struct tree *admin);
void check_listeners_differ(struct checking *checking, const struct tree *place, bool is_of_admin);

/* config_proxies.c */
void check_trusted_proxies(struct checking *checking, const struct tree *proxies);

/* config_pools.c. A pool's `deferred` is settled when all routes are known. */
void check_pools(struct checking *checking, const struct tree *pools);
const struct config_pool *check_pool_name(struct checking *checking, const struct tree *name,
                                          bool has_calls);
void check_pools_end(struct checking *checking);

/* config_workers.c. Opens them. A name that a route gives may be a worker's or a kind's; NULL if
 * it is neither, or could not be opened: both are reported. */
void check_plugins(struct checking *checking, const struct tree *plugins);
void check_workers(struct checking *checking, const struct tree *workers);
struct worker *check_worker_name(struct checking *checking, const struct tree *name);
void check_workers_end(struct checking *checking);

/* config_routes.c */
void check_routes(struct checking *checking, const struct tree *routes);

/* config_route_jobs.c: what a route says of its jobs; on a route without any each key is a warning.
 * `where` is the route's name in messages. */
struct job_nodes {
    const struct tree *retry;
    const struct tree *rate;
    const struct tree *concurrency;
    const struct tree *priority;
    const struct tree *breaker;
    const struct tree *retention;
    const struct tree *max_result;
};
void check_route_jobs(struct checking *checking, const struct job_nodes *nodes, const char *where,
                      struct config_route *route);

/* config_route_entry.c: who may enter. The sections `auth` and `cors` of the whole config, which
 * are those of every route that has none of its own; then what a route says. `none` is no section.
 */
struct entry_nodes {
    const struct tree *auth;
    const struct tree *cors;
    const struct tree *client_rate;
};
void check_entry(struct checking *checking, const struct tree *root);
void check_route_entry(struct checking *checking, const struct entry_nodes *nodes,
                       const struct tree *node, const char *where, struct config_route *route);

/* config_auth.c and config_cors.c: read a section into a struct of the config's; NULL without
 * memory. `where` is its name in messages. */
struct config_auth *check_auth(struct checking *checking, const struct tree *node,
                               const char *where);
struct config_cors *check_cors(struct checking *checking, const struct tree *node,
                               const char *where);

/* config_rate.c: "10/s", "100/m", "5/h", or "0" for no bound. What is wrong is reported and changes
 * nothing. */
struct rate_value {
    unsigned count;
    int64_t per_ms;
};
void check_rate(struct checking *checking, const struct tree *node, const char *key,
                struct rate_value *value);

/* config_retry.c: the section `retry` of a route, or of something else that is tried again. */
struct retry_values {
    unsigned attempts;
    int64_t backoff_min_ms;
    int64_t backoff_max_ms;
};
void check_retry(struct checking *checking, const struct tree *retry, const char *where,
                 struct retry_values *values);

/* config_secret.c: read a file that a key names into `content`, of `limit` bytes at most. Returns
 * false after a report. */
enum { SECRET_BYTES_MAX = 4096 };
bool check_secret_file(struct checking *checking, const struct tree *node, const char *key,
                       size_t limit, struct bytes *content);

/* Warn if others may read it. */
void check_secret_mode(struct checking *checking, const struct tree *node, const char *key);

/* config_tls.c: the section `tls` of a listener; NULL: none. */
void check_tls(struct checking *checking, const struct tree *tls, struct config_tls *into);
void config_tls_fini(struct config_tls *tls);

/* config_callbacks.c */
void check_callbacks(struct checking *checking, const struct tree *callbacks);

/* config_schedules.c, after the routes. */
void check_schedules(struct checking *checking, const struct tree *schedules);

/* config_schedule_input.c: what a schedule asks of its route, made into the block of a call.
 * `route` may be NULL, when it is not known. */
struct input_nodes {
    const struct tree *method;
    const struct tree *query;
    const struct tree *headers;
    const struct tree *body;
};
void check_schedule_input(struct checking *checking, const struct input_nodes *nodes,
                          const struct config_route *route, struct bytes *block);

#endif
