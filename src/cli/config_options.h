/* The options that every command with a config takes: -c FILE, --set KEY=VALUE, --listen ADDRESS.
 */
#ifndef CLI_CONFIG_OPTIONS_H
#define CLI_CONFIG_OPTIONS_H

#include "config.h"

enum { CONFIG_SETS_MAX = 64 };

struct config_options {
    const char *file;
    const char *sets[CONFIG_SETS_MAX + 1];
    size_t set_count;
    char *listen_set; /* what --listen stands for, as a --set */
    bool wants_help;
};

/* Read them from the command line. Returns 0, or EXIT_USAGE after saying why on standard error. */
int config_options_read(struct config_options *options, int argc, char **argv);
void config_options_fini(struct config_options *options);

/* What --help says of them. */
extern const char config_options_help[];

/* A config, and the workers it opened. */
struct loaded_config {
    struct registry *registry;
    struct config *config;
};

/* Load with the built-in workers known; what is wrong goes to standard error. Returns 0,
 * EXIT_CONFIG or EXIT_RUNTIME. */
int loaded_config_init(struct loaded_config *loaded, const struct config_options *options);
void loaded_config_fini(struct loaded_config *loaded);

#endif
