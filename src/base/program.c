/* Programs: posix_spawn, kill and wait, with what must not be forgotten at each. */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

/* Returns 0 or an errno. */
static int start_with(pid_t *id, const struct program_options *options,
                      posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int number = 0;
    for (size_t i = 0; i < options->fd_count && number == 0; i++)
        number = posix_spawn_file_actions_adddup2(actions, options->fds[i], (int)i);
    if (number == 0)
        number = posix_spawn_file_actions_addclosefrom_np(actions, (int)options->fd_count);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);
    if (number == 0)
        number = posix_spawn(id, options->path, actions, attributes, options->arguments,
                             options->environment);
    return number;
}

int program_start(pid_t *id, const struct program_options *options)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&actions);
    if (number)
        return number;
    number = posix_spawnattr_init(&attributes);
    if (number == 0) {
        number = start_with(id, options, &actions, &attributes);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return number;
}

void program_kill(pid_t id)
{
    kill(-id, SIGKILL);
}

bool program_reap(pid_t id, int *code)
{
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)id, &info, WEXITED) < 0 && errno == EINTR)
        continue;
    /* As process 1 of a container we are the one that orphans are given to: then the rest of the
     * group is ours to reap as well. Elsewhere there is none (ECHILD). */
    while (waitpid(-id, NULL, 0) > 0)
        continue;
    *code = info.si_status;
    return info.si_code == CLD_EXITED;
}
