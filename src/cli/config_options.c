/* From the command line to a loaded config. Main thread. */
#include "config_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "builtin.h"
#include "commands.h"

const char config_options_help[] =
    "  -c, --config FILE      read this config; without it the built-in defaults hold:\n"
    "                         127.0.0.1:8002, admin on 127.0.0.1:8003, state in ./var\n"
    "      --listen ADDRESS   listen here instead: HOST:PORT or unix:/PATH; port 0 picks one\n"
    "      --set KEY=VALUE    set one key, such as pools.default.threads=16; may be repeated\n"
    "  -h, --help             show this\n"
    "\n"
    "The environment sets keys as well: FERRY_POOLS__DEFAULT__THREADS=16.\n";

static int add_set(struct config_options *options, const char *set)
{
    if (options->set_count == CONFIG_SETS_MAX) {
        fprintf(stderr, "ferry: more than %d --set options; write a config file\n",
                CONFIG_SETS_MAX);
        return EXIT_USAGE;
    }
    options->sets[options->set_count++] = set;
    return 0;
}

static int add_listen(struct config_options *options, const char *address)
{
    free(options->listen_set);
    options->listen_set = text_printf("listen=\"%s\"", address);
    return options->listen_set ? 0 : EXIT_RUNTIME;
}

int config_options_read(struct config_options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"listen", required_argument, NULL, 'l'},
        {"set", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct config_options){0};
    int letter, rc = 0;
    optind = 1;
    while (rc == 0 && (letter = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        if (letter == 'c')
            options->file = optarg;
        else if (letter == 's')
            rc = add_set(options, optarg);
        else if (letter == 'l')
            rc = add_listen(options, optarg);
        else if (letter == 'h')
            options->wants_help = true;
        else
            rc = EXIT_USAGE;
    }
    if (rc == 0 && optind < argc) {
        fprintf(stderr, "ferry %s: what is \"%s\"? a config file is given with -c FILE\n", argv[0],
                argv[optind]);
        rc = EXIT_USAGE;
    }
    if (rc == 0 && options->listen_set)
        rc = add_set(options, options->listen_set);
    if (rc == EXIT_USAGE)
        fprintf(stderr, "try: ferry %s --help\n", argv[0]);
    return rc;
}

void config_options_fini(struct config_options *options)
{
    free(options->listen_set);
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
    struct config_source source = {
        .file = options->file,
        .sets = options->sets,
        .environ = (const char *const *)environ,
    };
    loaded->config = config_load(&source, loaded->registry, &report);
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
}
