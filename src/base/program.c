/*
 * Programs: vfork, kill and wait, with what must not be forgotten at each.
 *
 * posix_spawn does all of this but one thing: it cannot have the kernel end the program with the
 * thread that has started it. From vfork to exec the child runs in our memory while our thread
 * waits: every signal is blocked until no handler of ours is left, and nothing is called that has a
 * state. Why it could not go on comes through a pipe that the exec closes.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- start: the child, until it is the program ---- */

/* Put its descriptors where they belong, and the report behind them. Returns 0 or -1 and errno. */
static int fds_move(const struct program_options *options, int *report_fd)
{
    int count = (int)options->fd_count;
    for (int i = 0; i < count; i++) {
        int fd = options->fds[i];
        if (fd == i ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, i) < 0)
            return -1;
    }
    if (*report_fd != count && dup3(*report_fd, count, O_CLOEXEC) < 0)
        return -1;
    *report_fd = count;
    return close_range((unsigned)count + 1, ~0U, 0);
}

static void signals_reset(void)
{
    const struct sigaction as_by_default = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &as_by_default, NULL); /* two cannot be, and two are the libc's */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const struct program_options *options, pid_t parent, int report_fd)
{
    int rc = setpgid(0, 0);
    if (rc == 0)
        rc = prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* that has ended before */
        _exit(EXIT_FAILURE);
    if (rc == 0)
        rc = fds_move(options, &report_fd);
    if (rc == 0) {
        signals_reset();
        execve(options->path, options->arguments, options->environment);
    }
    int number = errno;
    (void)!write(report_fd, &number, sizeof number);
    _exit(EXIT_FAILURE);
}

/* ---- start ---- */

/* Make a pipe whose end to write to is none of the program's. Returns 0 or -1 and errno. */
static int report_open(int ends[2], size_t fd_count)
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    int lifted = fcntl(ends[1], F_DUPFD_CLOEXEC, (int)fd_count);
    int number = errno;
    close(ends[1]);
    if (lifted < 0)
        close(ends[0]);
    ends[1] = lifted;
    errno = number;
    return lifted < 0 ? -1 : 0;
}

/* Returns 0, or the errno that the child has reported, which has ended then. */
static int report_read(int fd, pid_t id)
{
    int number, code;
    ssize_t n;
    do {
        n = read(fd, &number, sizeof number);
    } while (n < 0 && errno == EINTR);
    if (n != sizeof number)
        return 0;
    program_reap(id, &code);
    return number;
}

int program_start(pid_t *id, const struct program_options *options)
{
    int report[2];
    sigset_t all, before;
    pid_t parent = getpid();
    if (report_open(report, options->fd_count) < 0)
        return errno;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t child = vfork();
    if (child == 0)
        become(options, parent, report[1]);
    int number = child < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (number == 0)
        number = report_read(report[0], child);
    close(report[0]);
    *id = child;
    return number;
}

/* ---- end ---- */

bool program_ends_show(void)
{
    struct sigaction of_child;
    sigaction(SIGCHLD, NULL, &of_child);
    return of_child.sa_handler != SIG_IGN && !(of_child.sa_flags & SA_NOCLDWAIT);
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
