/*
 * Listeners. Loop thread. They are told apart by their addresses as the config gives them; those
 * of one address, which port 0 allows, by their order.
 */
#include "listeners.h"

#include <stdlib.h>
#include <string.h>

enum { BOUND_SIZE = 128 };

struct listener_bound {
    ferry_http_server *http;
    char *address; /* as the config gives it */
    bool is_tls;
    bool is_met; /* by an entry of a new config */
    char bound[BOUND_SIZE];
};

static int listen_on(struct listeners *listeners, ferry_http_server *http, const char *name,
                     const char *address, const struct config_tls *tls, ferry_error *error)
{
    struct listener_bound *made = &listeners->bound[listeners->count];
    ferry_error why;
    *made = (struct listener_bound){
        .http = http, .address = strdup(address), .is_tls = tls && tls->context};
    if (!made->address)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    listeners->count++;
    int rc = made->is_tls ? ferry_http_listen_tls(http, address, tls->context, made->bound,
                                                  sizeof made->bound, &why)
                          : ferry_http_listen(http, address, made->bound, sizeof made->bound, &why);
    if (rc < 0)
        return ferry_error_set(
            error, why.code, "cannot listen: %s; choose another by %s", why.message,
            http == listeners->admin_http ? "admin.listen, or --set admin.listen=ADDRESS"
                                          : "listen, or --listen ADDRESS");
    ferry_log(FERRY_LOG_INFO, "listening", "listener=%s addr=%s tls=%s", name, made->bound,
              made->is_tls ? "yes" : "no");
    return 0;
}

static size_t count_addresses(const struct config *config)
{
    size_t count = 0;
    while (config->listen[count])
        count++;
    return count;
}

static const struct config_tls *tls_of(const struct config *config, size_t i)
{
    return config->listen_tls ? &config->listen_tls[i] : NULL;
}

int listeners_open(struct listeners *listeners, const struct config *config, ferry_error *error)
{
    listeners->bound = calloc(count_addresses(config) + 1, sizeof *listeners->bound);
    if (!listeners->bound)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    int rc = listen_on(listeners, listeners->admin_http, "admin", config->admin_listen,
                       &config->admin_tls, error);
    for (size_t i = 0; rc == 0 && config->listen[i]; i++)
        rc = listen_on(listeners, listeners->http, "public", config->listen[i], tls_of(config, i),
                       error);
    return rc;
}

void listeners_fini(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        free(listeners->bound[i].address);
    free(listeners->bound);
}

/* ---- a new config ---- */

/* The first one of this address that no other entry of the config has met. */
static struct listener_bound *find(struct listeners *listeners, const ferry_http_server *http,
                                   const char *address)
{
    for (size_t i = 0; i < listeners->count; i++) {
        struct listener_bound *bound = &listeners->bound[i];
        if (bound->http == http && !bound->is_met && strcmp(bound->address, address) == 0)
            return bound;
    }
    return NULL;
}

/* Returns whether it listens there as before. */
static bool update_one(struct listeners *listeners, ferry_http_server *http, const char *address,
                       const struct config_tls *tls)
{
    ferry_error error;
    bool is_tls = tls && tls->context;
    struct listener_bound *bound = find(listeners, http, address);
    if (!bound)
        return false;
    bound->is_met = true;
    if (bound->is_tls != is_tls)
        return false;
    if (is_tls && ferry_http_set_tls(bound->http, bound->bound, tls->context, &error) < 0)
        ferry_log(FERRY_LOG_ERROR, "a certificate is not used", "addr=%s error=%s", bound->bound,
                  error.message);
    return true;
}

struct listeners_kept listeners_update(struct listeners *listeners, const struct config *config)
{
    for (size_t i = 0; i < listeners->count; i++)
        listeners->bound[i].is_met = false;
    struct listeners_kept kept = {
        .admin =
            update_one(listeners, listeners->admin_http, config->admin_listen, &config->admin_tls),
        .public = listeners->count == count_addresses(config) + 1,
    };
    for (size_t i = 0; config->listen[i]; i++)
        kept.public &= update_one(listeners, listeners->http, config->listen[i], tls_of(config, i));
    return kept;
}
