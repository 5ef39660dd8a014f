/*
 * The folder's lock. flock(2) belongs to the open file, and O_CLOEXEC keeps it from being handed
 * to the programs that workers start: those must not hold the folder after a crash of the server.
 * The file stays when the lock is given back: removing it would let two processes lock two files of
 * the same name.
 */
#include "folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "bytes.h"

static int error_from_errno(ferry_error *error, const char *folder)
{
    ferry_code code = FERRY_INTERNAL;
    if (errno == EACCES || errno == EPERM || errno == EROFS)
        code = FERRY_FORBIDDEN;
    return ferry_error_set(error, code, "%s: cannot write there: %s", folder, strerror(errno));
}

static int error_held(ferry_error *error, const char *folder, int fd)
{
    char holder[32] = {0};
    ssize_t length = pread(fd, holder, sizeof holder - 1, 0);
    long pid = length > 0 ? strtol(holder, NULL, 10) : 0;
    if (pid > 0)
        return ferry_error_set(error, FERRY_CONFLICT,
                               "%s: in use by another ferry, process %ld; end that, or choose "
                               "another folder by state",
                               folder, pid);
    return ferry_error_set(
        error, FERRY_CONFLICT,
        "%s: in use by another ferry; end that, or choose another folder by state", folder);
}

/* Leave our pid for the message above; nothing depends on it. */
static void write_holder(int fd)
{
    char holder[32];
    int length = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, holder, (size_t)length, 0) < 0)
        return;
}

int folder_lock_take(const char *folder, ferry_error *error)
{
    char *path = text_printf("%s/lock", folder);
    if (!path)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    if (fd < 0)
        return error_from_errno(error, folder);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int code =
            errno == EWOULDBLOCK ? error_held(error, folder, fd) : error_from_errno(error, folder);
        close(fd);
        return code;
    }
    write_holder(fd);
    return fd;
}

void folder_lock_give_back(int fd)
{
    if (fd < 0)
        return;
    if (ftruncate(fd, 0) < 0) {
        /* the pid in it is only a hint */
    }
    close(fd);
}
