/* The options that a command with a config takes: -c FILE, --set KEY=VALUE, --listen ADDRESS. */
#ifndef CLI_CONFIG_OPTIONS_H
#define CLI_CONFIG_OPTIONS_H

#include "config.h"
#include "options.h"

struct config_options {
    const char *file;
    struct option_list sets;
    struct option_list listen;
    bool wants_help;
    bool hides_warnings; /* of the config: the command is about something else */
};

/* For the table of a command that has options of its own as well. */
#define CONFIG_OPTION_DEFS(options)                                                                \
    option_text("config", 'c', &(options)->file), option_list("set", 0, &(options)->sets),         \
        option_flag("help", 'h', &(options)->wants_help)

/* Read them from the command line. Returns 0, or EXIT_USAGE after saying why on standard error. */
int config_options_read(struct config_options *options, int argc, char **argv);

/* Say on standard error that a command was asked for wrongly, and how to learn more. Returns
 * EXIT_USAGE. */
int usage_error(const char *command, const char *format, ...) FERRY_PRINTF(2, 3);

/* What --help says of them. */
extern const char config_options_help[];

/* A config, the workers it opened, and what it was read from: strings of the options. */
struct loaded_config {
    struct config_source source;
    char *folder; /* where the process began */
    struct registry *registry;
    struct config *config;
};

/* Load with the built-in workers known; what is wrong goes to standard error. Returns 0,
 * EXIT_CONFIG or EXIT_RUNTIME. */
int loaded_config_init(struct loaded_config *loaded, const struct config_options *options);
void loaded_config_fini(struct loaded_config *loaded);

#endif
