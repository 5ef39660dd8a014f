/*
 * The file: a head, and places for so many notes. A note is written over a free place with one
 * pwrite, which the kernel finishes also when the process is killed: so it survives whatever ends
 * the process. It is not synced, as it says nothing of the jobs that the database does not say,
 * but who is to blame; after the machine was started anew it is not believed.
 *
 * A place is free when its job's end is on disk. The note stays in it, and names a claim that is
 * over: nobody asks for it. A job that finds no place is missing, and as long as one is, `missing`
 * in the head says so. All of the file is allocated at the start, so that a full disk is no matter.
 *
 * The next process writes over the file: the notes that it finds in it name claims that are over as
 * well, and to give the file's blocks back and take new ones would be a part of each start.
 */
#include "started.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"

enum { PLACES = 4096, KERNEL_BOOT_BYTES = 36 };

struct head {
    char magic[16];
    char kernel_boot[KERNEL_BOOT_BYTES]; /* a text of the kernel's, another one at each start */
    uint32_t missing;                    /* jobs that have started and are not here */
    unsigned char boot[RANDOM_ID_BYTES];
};

static const char magic[16] = "ferry started 1";

struct started {
    int fd;
    struct head head;
    struct claim_key notes[PLACES];
    uint16_t free[PLACES]; /* places, `free_count` of them */
    unsigned free_count;
};

/* ---- the file ---- */

/* Returns false where the kernel does not say. */
static bool kernel_boot(char boot[KERNEL_BOOT_BYTES])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, boot, KERNEL_BOOT_BYTES);
    close(fd);
    return length == KERNEL_BOOT_BYTES;
}

static int open_file(const char *folder, int flags)
{
    char *path = text_printf("%s/started", folder);
    int fd = path ? open(path, flags | O_CLOEXEC, 0600) : -1;
    free(path);
    return fd;
}

static bool write_head(const struct started *started)
{
    const struct head head = started->head;
    return pwrite(started->fd, &head, sizeof head, 0) == (ssize_t)sizeof head;
}

static off_t place_offset(unsigned place)
{
    return (off_t)(sizeof(struct head) + place * sizeof(struct claim_key));
}

static bool read_file(struct started *started, const char *folder)
{
    started->fd = open_file(folder, O_RDONLY);
    return started->fd >= 0 &&
           pread(started->fd, &started->head, sizeof started->head, 0) ==
               (ssize_t)sizeof started->head &&
           pread(started->fd, started->notes, sizeof started->notes, place_offset(0)) ==
               (ssize_t)sizeof started->notes;
}

struct started *started_read(const char *folder)
{
    char boot[KERNEL_BOOT_BYTES];
    struct started *started = calloc(1, sizeof *started);
    if (!started)
        return NULL;
    if (read_file(started, folder) && kernel_boot(boot) &&
        memcmp(started->head.magic, magic, sizeof magic) == 0 &&
        memcmp(started->head.kernel_boot, boot, sizeof boot) == 0 && started->head.missing == 0)
        return started;
    started_free(started);
    return NULL;
}

/* The head comes last: until then the file is none, or that of the process before. */
static bool make_file(struct started *started, const char *folder)
{
    started->fd = open_file(folder, O_RDWR | O_CREAT);
    return started->fd >= 0 && posix_fallocate(started->fd, 0, place_offset(PLACES)) == 0 &&
           kernel_boot(started->head.kernel_boot) && write_head(started);
}

struct started *started_new(const char *folder, const unsigned char boot[RANDOM_ID_BYTES])
{
    struct started *started = calloc(1, sizeof *started);
    if (!started)
        return NULL;
    memcpy(started->head.magic, magic, sizeof magic);
    memcpy(started->head.boot, boot, RANDOM_ID_BYTES);
    for (unsigned i = 0; i < PLACES; i++)
        started->free[i] = (uint16_t)i;
    started->free_count = PLACES;
    if (make_file(started, folder))
        return started;
    started_free(started);
    return NULL;
}

void started_free(struct started *started)
{
    if (!started)
        return;
    if (started->fd >= 0)
        close(started->fd);
    free(started);
}

const unsigned char *started_boot(const struct started *started)
{
    return started->head.boot;
}

/* ---- notes ---- */

static void count_missing(struct started *started, int change)
{
    started->head.missing += (uint32_t)change;
    write_head(started);
}

int started_note(struct started *started, const struct claim_key *key)
{
    if (!started)
        return STARTED_NOWHERE;
    unsigned place = started->free_count > 0 ? started->free[started->free_count - 1] : 0;
    if (started->free_count == 0 ||
        pwrite(started->fd, key, sizeof *key, place_offset(place)) != (ssize_t)sizeof *key) {
        count_missing(started, +1);
        return STARTED_MISSING;
    }
    started->free_count--;
    return (int)place;
}

void started_forget(struct started *started, int place)
{
    if (place == STARTED_MISSING)
        count_missing(started, -1);
    else if (place != STARTED_NOWHERE)
        started->free[started->free_count++] = (uint16_t)place;
}

bool started_has(const struct started *started, const struct claim_key *key)
{
    for (unsigned i = 0; i < PLACES; i++) {
        if (started->notes[i].token == key->token && started->notes[i].job == key->job)
            return true;
    }
    return false;
}
