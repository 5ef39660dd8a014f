/*
 * ferry worker: the process of an isolated worker. Started by ferry itself, which holds the other
 * end of its standard input; not for people, and so not among what `ferry` shows.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ferry/log.h>

#include "builtin.h"
#include "commands.h"
#include "crash_report.h"
#include "lane_host.h"
#include "log_stderr.h"

/* Move the socket away from where a library would read what people type. Returns its new place, or
 * -1: there is none. */
static int take_socket(void)
{
    int type;
    socklen_t size = sizeof type;
    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
        return -1;
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
        return -1;
    close(nothing);
    return fd;
}

int command_worker(int argc, char **argv)
{
    (void)argc, (void)argv; /* the worker's name, for who lists processes */
    int fd = take_socket();
    if (fd < 0) {
        fprintf(stderr, "ferry worker: it runs isolated workers, and is started by ferry itself\n");
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    crash_report_install();
    log_stderr_open();
    ferry_log_set_sink(ferry_log_to_stderr, NULL);
    return lane_host_run(fd, builtin_workers) < 0 ? EXIT_RUNTIME : EXIT_OK;
}
