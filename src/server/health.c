/*
 * Health, for probes: /livez says that the loop turns, /readyz that requests can be served. Never
 * with a token. Loop thread.
 */
#include "health.h"

#include "bytes.h"
#include "own_path.h"

static void on_livez(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_request_reply_text(request, 200, "ok\n");
}

static void on_readyz(ferry_request *request, void *ctx)
{
    const struct health *health = ctx;
    struct bytes stuck = {0};
    for (size_t i = 0; i < health->pool_count; i++) {
        if (pool_is_stuck(health->pools[i]))
            bytes_printf(&stuck, "%s%s", stuck.length ? ", " : "", health->pools[i]->config->name);
    }
    ferry_error error = {0};
    if (health->draining)
        ferry_error_set(&error, FERRY_REJECTED, "draining");
    else if (stuck.length)
        ferry_error_set(&error, FERRY_REJECTED, "every thread is stuck in pool %s",
                        bytes_text(&stuck));
    bytes_fini(&stuck);
    if (error.code)
        ferry_request_reply_error(request, &error);
    else
        ferry_request_reply_text(request, 200, "ready\n");
}

int health_bind(ferry_http_server *http, struct health *health, ferry_error *error)
{
    static const struct own_path paths[] = {
        {.path = "/livez", .get = on_livez},
        {.path = "/readyz", .get = on_readyz},
    };
    return own_paths_bind(http, paths, sizeof paths / sizeof *paths, health, error);
}
