/* The commands of the ferry program: one function each, from its arguments to the exit code. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

enum exit_code {
    EXIT_OK = 0,
    EXIT_RUNTIME = 1, /* it could not be done */
    EXIT_USAGE = 2,   /* it was asked for wrongly */
    EXIT_CONFIG = 78, /* the configuration is wrong (EX_CONFIG) */
};

/* `argv[0]` is the command's name. Main thread. */
int command_serve(int argc, char **argv);
int command_check(int argc, char **argv);
int command_call(int argc, char **argv);
int command_jobs(int argc, char **argv);
int command_version(int argc, char **argv);
int command_worker(int argc, char **argv);

#endif
