/*
 * The configuration, read and checked: from a YAML file, the environment and the command line to
 * plain structures that need no further checks.
 *
 * Main thread, before the loop runs; or a reload's. Everything in a config lives until config_free.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <ferry/http.h>
#include <ferry/log.h>

#include "bytes.h"
#include "config_entry.h"
#include "cron.h"
#include "registry.h"

enum route_mode { ROUTE_CALL, ROUTE_DEFER, ROUTE_EITHER };

struct config_pool {
    char *name;
    unsigned threads;
    unsigned queue;
    size_t queue_bytes;
    int64_t queue_timeout_ms; /* 0: none */
    unsigned deferred;        /* threads that jobs may hold at once; never 0 if a job can come */
    unsigned nice;            /* added to the niceness of its threads */
};

struct config_route {
    char *path;
    char *methods; /* "GET,POST"; what ferry_http_route takes */
    enum route_mode mode;
    struct worker *worker;
    const struct config_pool *pool;
    int64_t timeout_ms;     /* 0: none */
    unsigned attempts;      /* of a job; at least 1 */
    int64_t backoff_min_ms; /* of a job: the first wait, and the longest */
    int64_t backoff_max_ms;
    unsigned rate_count;       /* starts of jobs in rate_per_ms; 0: no bound */
    int64_t rate_per_ms;       /* a second, a minute or an hour */
    unsigned concurrency;      /* jobs that run at once; 0: no bound but the pool's */
    int priority;              /* of a job among those of its pool: -100 to 100, higher first */
    unsigned breaker_failures; /* transient failures in a row that pause the route; 0: off */
    int64_t breaker_pause_ms;
    int64_t keep_ms;                /* a job that has ended; 0: as the config's keep_ms */
    size_t max_result_bytes;        /* of a job: a longer result is not kept */
    const struct config_auth *auth; /* NULL: open to everyone */
    const struct config_cors *cors; /* NULL: nothing is said to browsers */
    struct config_client_rate client_rate;
};

/* What a request may ask with Ferry-Callback. */
struct config_callbacks {
    char **allow; /* NULL-terminated: what a URL must begin with; NULL: none, that is off */
    char *secret_file;
    const struct config_pool *pool;
    int64_t timeout_ms;
    unsigned attempts;
    int64_t backoff_min_ms;
    int64_t backoff_max_ms;
    bool enabled; /* there is an `allow`, and so a secret_file */
};

enum schedule_missed { MISSED_SKIP, MISSED_ONCE };

/* What adds a job to a route, by the clock. */
struct config_schedule {
    char *name;
    const struct config_route *route;
    int64_t every_ms; /* 0: as `cron` says */
    struct cron cron;
    struct time_zone *zone; /* of cron; never NULL */
    enum schedule_missed missed;
    bool may_overlap; /* with its run before */
    int64_t jitter_ms;
    struct bytes block; /* the input of its jobs (call_input.h) */
};

/* What a listener needs to speak TLS. */
struct config_tls {
    ferry_tls *context; /* NULL: it does not */
    char *certificate;  /* its file */
    bool asks_client;   /* for a certificate */
};

struct config {
    char **listen;                 /* NULL-terminated, at least one */
    struct config_tls *listen_tls; /* one for each of them; NULL: none speaks TLS */
    char *admin_listen;
    struct config_tls admin_tls;
    char *admin_token; /* NULL: none */
    char *state;
    bool wants_other_state; /* than a running server has; `state` is that one's */
    char **trusted_proxies; /* NULL-terminated; NULL: none */
    ferry_http_options limits;
    int64_t max_pending;
    int64_t max_bytes;
    unsigned max_crashes; /* 0: unlimited */
    int64_t keep_ms;
    int64_t drain_ms;
    ferry_log_level log_level;
    ferry_log_format log_format;
    struct config_pool *pools;
    size_t pool_count;
    struct config_route *routes;
    size_t route_count;
    struct config_callbacks callbacks;
    struct config_schedule *schedules;
    size_t schedule_count;
    struct config_auth *auths; /* all of them; routes point at theirs */
    struct config_cors *cors_list;
    const struct config_cors *cors; /* of what has no route: the jobs' paths; NULL: none */
};

struct config_source {
    const char *file;           /* NULL: the built-in text */
    const char *const *sets;    /* "key.key=value", NULL-terminated; may be NULL */
    const char *const *listen;  /* addresses of --listen, NULL-terminated; may be NULL */
    const char *folder;         /* what relative paths are in; NULL: where the process is */
    const char *state;          /* the folder that a running server has; NULL: none */
    const char *const *environ; /* as in environ(7); FERRY_SECTION__KEY is looked at; may be NULL */
};

/*
 * Read, merge (--listen over sets over environment over file over defaults) and check; load the
 * plug-ins that the config names into `registry`, which must know the built-in kinds, and open
 * every worker that it names or a route uses.
 *
 * All that is wrong, and every warning, is appended to `report` in one go, each as
 *     FILE:LINE:COL: error: message
 *         the offending line
 *         ^~~~~ and a hint below where there is one
 * Returns NULL after an error. Blocks: reads files.
 */
struct config *config_load(const struct config_source *source, struct registry *registry,
                           struct bytes *report);
void config_free(struct config *config);

/* The text that stands in for a file when there is none: conf/ferry.yaml, built in. */
extern const char config_default_text[];

#endif
