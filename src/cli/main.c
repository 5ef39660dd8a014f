/* The ferry program: find the command, and run it. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ferry/version.h>

#include "commands.h"
#include "suggest.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary; /* NULL: not for people */
} commands[] = {
    {"serve", command_serve, "serve the routes of a config"},
    {"check", command_check, "check a config, without serving it"},
    {"call", command_call, "run one call of a route, without a server"},
    {"jobs", command_jobs, "see and steer the jobs of a running server"},
    {"version", command_version, "show the version"},
    {"worker", command_worker, NULL},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *out)
{
    fprintf(out, "ferry carries blocking work off the event loop and brings the result back.\n\n"
                 "usage: ferry COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].summary)
            fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\nferry COMMAND --help tells more. To begin: ferry serve\n");
}

static void print_unknown(const char *name)
{
    struct suggestion suggestion = {.given = name};
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].summary)
            suggestion_add(&suggestion, commands[i].name);
    }
    const char *closest = suggestion_closest(&suggestion);
    fprintf(stderr, "ferry: there is no command \"%s\"", name);
    if (closest)
        fprintf(stderr, "; did you mean %s?", closest);
    fputs("\n\n", stderr);
    suggestion_fini(&suggestion);
}

int command_version(int argc, char **argv)
{
    bool wants_help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (argc > 1 && !wants_help) {
        fprintf(stderr, "ferry version: what is \"%s\"? it takes nothing\n", argv[1]);
        return EXIT_USAGE;
    }
    if (wants_help)
        printf("ferry version: show the version\n");
    else
        printf("ferry %s\n", ferry_version());
    return EXIT_OK;
}

/* "help COMMAND" is "COMMAND --help". */
static void put_help_last(int argc, char **argv)
{
    static char option[] = "--help";
    for (int i = 2; i < argc; i++)
        argv[i - 1] = argv[i];
    argv[argc - 1] = option;
}

/* Who starts this may have closed some: a file or a socket of ours would take their place, and get
 * what a library prints. */
static void open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", O_RDWR); /* the lowest that is free */
    }
}

static void on_end(int number)
{
    _exit(128 + number);
}

/* What is blocked or ignored is inherited: a SIGTERM would never come, and programs that we run
 * would leave no status. The first process of a container is spared by a signal without a handler:
 * until a command has its own, this ends it. */
static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGCHLD, SIG_DFL);
    if (getpid() == 1) {
        signal(SIGTERM, on_end);
        signal(SIGINT, on_end);
    }
}

int main(int argc, char **argv)
{
    open_standard_streams();
    reset_signals();
    if (argc > 2 && strcmp(argv[1], "help") == 0)
        put_help_last(argc, argv);
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_usage(stdout);
        return EXIT_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    if (*name)
        print_unknown(name);
    print_usage(stderr);
    return EXIT_USAGE;
}
