/*
 * Writing to the outbox: a temporary file in the same folder, synced, renamed, the folder synced.
 * The temporary name is the delivery's own (no two attempts of one delivery run at once), so what a
 * crash leaves behind is overwritten by the next attempt.
 */
#include "mail_outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *path, ferry_error *error)
{
    int number = errno;
    bool full = number == ENOSPC || number == EDQUOT;
    return ferry_error_set(error, full ? FERRY_STORAGE_FULL : FERRY_TRANSIENT, "%s: %s", path,
                           strerror(number));
}

/* Sync a folder, so that what was renamed into it or made in it stays. */
static int folder_sync(const char *folder, ferry_error *error)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(folder, error);
    int rc = fsync(fd) < 0 ? fail(folder, error) : 0;
    close(fd);
    return rc;
}

/* Make a folder, and its parents where they are missing. */
static int folder_make(const char *folder, ferry_error *error)
{
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return 0;
    if (errno != ENOENT)
        return fail(folder, error);
    char *copy = strdup(folder);
    if (!copy)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    const char *parent = dirname(copy);
    int rc = folder_make(parent, error);
    if (rc == 0 && mkdir(folder, 0700) < 0 && errno != EEXIST)
        rc = fail(folder, error);
    if (rc == 0)
        rc = folder_sync(parent, error);
    free(copy);
    return rc;
}

static int write_all(int fd, const char *path, const struct bytes *message, ferry_error *error)
{
    size_t written = 0;
    while (written < message->length) {
        ssize_t n = write(fd, message->data + written, message->length - written);
        if (n < 0 && errno != EINTR)
            return fail(path, error);
        if (n > 0)
            written += (size_t)n;
    }
    return fsync(fd) < 0 ? fail(path, error) : 0;
}

static int file_write(const char *path, const struct bytes *message, ferry_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(path, error);
    int rc = write_all(fd, path, message, error);
    if (close(fd) < 0 && rc == 0)
        rc = fail(path, error);
    if (rc < 0)
        unlink(path);
    return rc;
}

int mail_outbox_write(const char *folder, const char *name, const struct bytes *message,
                      char **path, ferry_error *error)
{
    char *final = text_printf("%s/%s.eml", folder, name);
    char *temporary = text_printf("%s/.%s.tmp", folder, name);
    int rc = final && temporary ? folder_make(folder, error)
                                : ferry_error_set(error, FERRY_INTERNAL, "no memory");
    if (rc == 0)
        rc = file_write(temporary, message, error);
    if (rc == 0 && rename(temporary, final) < 0)
        rc = fail(final, error);
    if (rc == 0)
        rc = folder_sync(folder, error);
    free(temporary);
    if (rc == 0)
        *path = final;
    else
        free(final);
    return rc;
}
