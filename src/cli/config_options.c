/* From the command line to a loaded config. Main thread. */
#include "config_options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "builtin.h"
#include "commands.h"

const char config_options_help[] =
    "  -c, --config FILE      read this config; without it the built-in defaults hold:\n"
    "                         127.0.0.1:8002, admin on 127.0.0.1:8003, state in ./var\n"
    "      --listen ADDRESS   listen here instead: HOST:PORT or unix:/PATH; port 0 picks one; may "
    "be\n"
    "                         repeated\n"
    "      --set KEY=VALUE    set one key, such as pools.default.threads=16; may be repeated\n"
    "  -h, --help             show this\n"
    "\n"
    "The environment sets keys as well: FERRY_POOLS__DEFAULT__THREADS=16.\n";

int usage_error(const char *command, const char *format, ...)
{
    struct bytes text = {0};
    va_list args;
    va_start(args, format);
    bytes_vprintf(&text, format, args);
    va_end(args);
    fprintf(stderr, "ferry %s: %s\ntry: ferry %s --help\n", command, bytes_text(&text), command);
    bytes_fini(&text);
    return EXIT_USAGE;
}

int config_options_read(struct config_options *options, int argc, char **argv)
{
    *options = (struct config_options){0};
    const struct option_def defs[] = {
        CONFIG_OPTION_DEFS(options),
        option_list("listen", 0, &options->listen),
        {0},
    };
    ferry_error error;
    if (options_read(defs, &argc, argv, &error) < 0)
        return usage_error(argv[0], "%s", error.message);
    if (argc > 1)
        return usage_error(argv[0], "what is \"%s\"? a config file is given with -c FILE", argv[1]);
    return 0;
}

static struct registry *builtin_registry(void)
{
    struct registry *registry = registry_new();
    for (const ferry_worker *const *kind = builtin_workers; registry && *kind; kind++) {
        if (registry_add_kind(registry, *kind, NULL) < 0) {
            registry_free(registry);
            return NULL;
        }
    }
    return registry;
}

int loaded_config_init(struct loaded_config *loaded, const struct config_options *options)
{
    *loaded = (struct loaded_config){.registry = builtin_registry()};
    if (!loaded->registry) {
        fprintf(stderr, "ferry: no memory\n");
        return EXIT_RUNTIME;
    }
    struct bytes report = {0};
    loaded->folder = getcwd(NULL, 0);
    loaded->source = (struct config_source){
        .file = options->file,
        .folder = loaded->folder,
        .sets = options->sets.items,
        .listen = options->listen.items,
        .environ = (const char *const *)environ,
    };
    loaded->config = config_load(&loaded->source, loaded->registry, &report);
    if (!loaded->config || !options->hides_warnings)
        fputs(bytes_text(&report), stderr);
    bytes_fini(&report);
    if (loaded->config)
        return 0;
    loaded_config_fini(loaded);
    return EXIT_CONFIG;
}

void loaded_config_fini(struct loaded_config *loaded)
{
    config_free(loaded->config);
    registry_free(loaded->registry);
    free(loaded->folder);
}
