/* ferry jobs: find the subcommand, and run it. Main thread. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "jobs_commands.h"
#include "suggest.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
    const char *summary;
} subcommands[] = {
    {"list", jobs_list, "list", "the jobs, the newest first"},
    {"show", jobs_show, "show ID", "all of one job, with its result"},
    {"watch", jobs_watch, "watch ID", "follow a job until it has ended"},
    {"stats", jobs_stats, "stats", "how many jobs of each route are in which state"},
    {"schedules", jobs_schedules, "schedules", "when each schedule is due"},
    {"retry", jobs_retry, "retry ID...", "let jobs run again, or at once"},
    {"cancel", jobs_cancel, "cancel ID...", "end jobs that have not ended"},
    {"delete", jobs_delete, "delete ID...", "forget jobs that have ended"},
    {"pause", jobs_pause, "pause ROUTE", "start no more jobs of a route"},
    {"resume", jobs_resume, "resume ROUTE", "start them again"},
};

enum { COUNT = sizeof subcommands / sizeof subcommands[0] };

static void print_usage(FILE *out)
{
    fprintf(out, "ferry jobs: see and steer the jobs of a running server\n\n"
                 "usage: ferry jobs COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < COUNT; i++)
        fprintf(out, "  %-14s %s\n", subcommands[i].usage, subcommands[i].summary);
    fprintf(
        out,
        "\nThe server is found by its config: -c FILE, or the built-in one without it; or by its\n"
        "admin address: --admin ADDRESS. ferry jobs COMMAND --help tells more.\n\n"
        "Exit code: 0; 1 the server cannot be reached, or the job is not known; 2 wrong usage;\n"
        "78 a wrong config.\n");
}

static int unknown(const char *name)
{
    struct suggestion suggestion = {.given = name};
    for (size_t i = 0; i < COUNT; i++)
        suggestion_add(&suggestion, subcommands[i].name);
    const char *closest = suggestion_closest(&suggestion);
    fprintf(stderr, "ferry jobs: there is no command \"%s\"", name);
    if (closest)
        fprintf(stderr, "; did you mean %s?", closest);
    fputs("\n\n", stderr);
    suggestion_fini(&suggestion);
    print_usage(stderr);
    return EXIT_USAGE;
}

int command_jobs(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_usage(stdout);
        return EXIT_OK;
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(subcommands[i].name, name) == 0)
            return subcommands[i].run(argc - 1, argv + 1);
    }
    if (*name)
        return unknown(name);
    print_usage(stderr);
    return EXIT_USAGE;
}
