/* ferry check: tell what is wrong with a config, without serving it. Main thread. */
#include <stdio.h>

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
            printf("%s: ok, %zu routes, %zu pools\n",
                   options.file ? options.file : "built-in config", loaded.config->route_count,
                   loaded.config->pool_count);
            print_routes(loaded.config);
            loaded_config_fini(&loaded);
        }
    }
    config_options_fini(&options);
    return rc;
}
