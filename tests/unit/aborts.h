/* What ends a program with a message, tried in a child. */
#ifndef UNIT_ABORTS_H
#define UNIT_ABORTS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* Run a function in a child; returns whether it aborted, with its last words in `words`. */
static inline bool aborts(void (*fn)(void), char *words, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka and the sanitizers have their own */
        fn();
        _exit(0);
    }
    close(ends[1]);
    ssize_t length = read(ends[0], words, size - 1);
    words[length > 0 ? length : 0] = '\0';
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
