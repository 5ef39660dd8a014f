#include "reserve.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "database.h"

enum {
    WHOLE_BYTES = 8 << 20, /* a log that is not copied yet, and as much again */
    STEP_BYTES = 2 << 20,  /* at a time, or others have it before it is needed */
    LEAST_FREE_BYTES = DATABASE_KEPT_FREE_BYTES + 2 * WHOLE_BYTES, /* or jobs have no room */
    LOOK_PAUSE_US = 10000000,
};

struct reserve {
    char *path;
    int64_t look_us; /* not before this time; INT64_MAX: it is whole */
};

struct reserve *reserve_new(const char *database)
{
    struct reserve *reserve = calloc(1, sizeof *reserve);
    if (!reserve)
        return NULL;
    reserve->path = text_printf("%s-reserve", database);
    if (reserve->path)
        return reserve;
    free(reserve);
    return NULL;
}

void reserve_free(struct reserve *reserve)
{
    if (!reserve)
        return;
    free(reserve->path);
    free(reserve);
}

/* Whether its blocks are there, not only its length. */
static bool is_whole(int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 && file.st_size >= WHOLE_BYTES &&
           file.st_blocks >= WHOLE_BYTES / 512;
}

static bool fill(int fd, const char *path)
{
    if (is_whole(fd))
        return true;
    return database_free_bytes(path) >= LEAST_FREE_BYTES &&
           posix_fallocate(fd, 0, WHOLE_BYTES) == 0;
}

void reserve_keep(struct reserve *reserve)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us < reserve->look_us)
        return;
    reserve->look_us = now_us + LOOK_PAUSE_US;
    int fd = open(reserve->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (fill(fd, reserve->path))
        reserve->look_us = INT64_MAX;
    close(fd);
}

void reserve_give(struct reserve *reserve, int kept_bytes)
{
    struct stat file;
    if (stat(reserve->path, &file) < 0 || file.st_size - STEP_BYTES < kept_bytes ||
        database_free_bytes(reserve->path) >= STEP_BYTES)
        return;
    if (truncate(reserve->path, file.st_size - STEP_BYTES) == 0)
        reserve->look_us = clock_monotonic_us() + LOOK_PAUSE_US;
}
