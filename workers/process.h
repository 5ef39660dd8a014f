/*
 * Run one program to its end: bytes in, bytes out, a deadline, and nothing left behind.
 *
 * The program is the head of a process group of its own. When it has ended, when the deadline has
 * passed, when it is interrupted, or when it says too much, the whole group is killed and the
 * program reaped: no zombie, no grandchild, no descriptor stays. (A grandchild that made itself a
 * session of its own leaves the group, and lives on; it is not waited for.)
 *
 * The calling thread must block or ignore SIGPIPE. It blocks as long as the program runs.
 */
#ifndef WORKERS_PROCESS_H
#define WORKERS_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include <ferry/error.h>

#include "bytes.h"

struct process_options {
    const char *path; /* an executable; not searched for */
    char *const *arguments;
    char *const *environment;
    const void *input; /* given to its standard input, which is then closed */
    size_t input_length;
    size_t output_limit; /* of its standard output, in bytes */
    size_t errors_kept;  /* how much of the end of its standard error is kept, in bytes */
    int64_t timeout_ms;  /* INT64_MAX: none */
    int interrupt_fd;    /* readable: give up (an eventfd, say) */
};

enum process_end {
    PROCESS_EXITED,        /* `code` is its exit code */
    PROCESS_SIGNALLED,     /* `code` is the signal that ended it */
    PROCESS_TIMED_OUT,     /* killed at the deadline */
    PROCESS_INTERRUPTED,   /* killed because interrupt_fd was readable */
    PROCESS_SAID_TOO_MUCH, /* killed because it wrote more than output_limit */
    PROCESS_OUT_OF_MEMORY, /* killed because its output had no room here */
};

struct process_result {
    enum process_end end;
    int code;
    struct bytes output;
    struct bytes errors; /* the end of what it wrote to standard error */
};

/* Run it. Fills `result`, whose bytes the caller frees (process_result_fini), also on failure.
 * Returns 0, or FERRY_TRANSIENT and `error` when it could not be started. */
int process_run(const struct process_options *options, struct process_result *result,
                ferry_error *error);
void process_result_fini(struct process_result *result);

#endif
