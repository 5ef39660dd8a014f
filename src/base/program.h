/*
 * Programs that this process runs.
 *
 * A program is the head of a process group of its own, and starts with every signal unblocked and
 * as it is by default. Of our descriptors it has those that it is given, and no others, not even
 * what a library forgot to mark O_CLOEXEC. The kernel kills it when the thread that has started it
 * ends, however that comes; not what it has started in turn, and no file with a set-user-ID bit or
 * capabilities. Any thread.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct program_options {
    const char *path; /* an executable; not searched for */
    char *const *arguments;
    char *const *environment;
    const int
        *fds; /* they become 0, 1, 2, ...; each is that already, or is above the last of these */
    size_t fd_count;
};

/* Returns 0, or an errno. Blocks until it is the program. */
int program_start(pid_t *id, const struct program_options *options);

/* Tell whether ends can be seen: a library in this process may have told the kernel to forget how
 * programs end, by SIGCHLD. */
bool program_ends_show(void);

/* Kill it with all of its group. Before it is reaped: until then the number is nobody else's. */
void program_kill(pid_t id);

/* Wait for its end. Returns whether it has exited, with this code; else it is the signal that has
 * ended it (0: somebody told the kernel to forget how programs end). Blocks until then. */
bool program_reap(pid_t id, int *code);

#endif
