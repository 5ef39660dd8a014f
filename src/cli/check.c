/* ferry check: tell what is wrong with a config, without serving it. Main thread. */
#include <stdio.h>

#include "callbacks.h"
#include "commands.h"
#include "config_options.h"

static void print_entrance(const struct config_auth *auth)
{
    const char *between = "";
    if (!auth)
        printf("open to everyone");
    if (auth && auth->subjects) {
        printf("a client certificate");
        between = ", or ";
    }
    if (auth && auth->has_bearer) {
        printf("%sa bearer token", between);
        between = ", or ";
    }
    if (auth && auth->has_basic)
        printf("%sa password", between);
}

static void print_routes(const struct config *config)
{
    for (size_t i = 0; i < config->route_count; i++) {
        printf("  %s: ", config->routes[i].path);
        print_entrance(config->routes[i].auth);
        putchar('\n');
    }
}

/* The server opens it beside those of the config. Returns an exit code. */
static int check_callbacks_worker(const struct loaded_config *loaded)
{
    const struct config *config = loaded->config;
    struct worker *worker;
    ferry_error error;
    if (callbacks_open(&config->callbacks, config->state, loaded->registry, &worker, &error) == 0)
        return EXIT_OK;
    fprintf(stderr, "ferry: %s\n", error.message);
    return EXIT_CONFIG;
}

static void print_config(const struct config *config, const char *file)
{
    printf("%s: ok, %zu %s, %zu %s\n", file ? file : "built-in config", config->route_count,
           config->route_count == 1 ? "route" : "routes", config->pool_count,
           config->pool_count == 1 ? "pool" : "pools");
    print_routes(config);
}

int command_check(int argc, char **argv)
{
    struct config_options options;
    int rc = config_options_read(&options, argc, argv);
    if (rc == 0 && options.wants_help) {
        printf("ferry check: check a config; exit 0 if it can be served, 78 if not\n\n%s",
               config_options_help);
    } else if (rc == 0) {
        struct loaded_config loaded;
        rc = loaded_config_init(&loaded, &options);
        if (rc == 0) {
            rc = check_callbacks_worker(&loaded);
            if (rc == EXIT_OK)
                print_config(loaded.config, options.file);
            loaded_config_fini(&loaded);
        }
    }
    return rc;
}
