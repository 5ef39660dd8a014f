/* The subcommands of `ferry jobs`: one function each, from its arguments to the exit code. */
#ifndef CLI_JOBS_COMMANDS_H
#define CLI_JOBS_COMMANDS_H

/* `argv[0]` is the subcommand's name. Main thread. */
int jobs_list(int argc, char **argv);
int jobs_show(int argc, char **argv);
int jobs_retry(int argc, char **argv);
int jobs_cancel(int argc, char **argv);
int jobs_delete(int argc, char **argv);
int jobs_pause(int argc, char **argv);
int jobs_resume(int argc, char **argv);
int jobs_watch(int argc, char **argv);
int jobs_stats(int argc, char **argv);
int jobs_schedules(int argc, char **argv);

#endif
