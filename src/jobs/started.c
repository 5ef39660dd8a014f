/*
 * The file: a head, and places for so many notes. It is mapped, and a note is written over a free
 * place in memory that is the kernel's, too: so it survives whatever ends the process. It is not
 * synced, as it says nothing of the jobs that the database does not say, but who is to blame; after
 * the machine was started anew it is not believed.
 *
 * A place is the loop's to give, and is written by the thread that begins with the job. It is free
 * when the job's end is on disk. The note stays in it, and names a claim that is over: nobody asks
 * for it. A job that finds no place is missing, and as long as one is, `missing` in the head says
 * so.
 *
 * The next process writes over the file: the notes that it finds in it name claims that are over as
 * well, and to give the file's blocks back and take new ones would be a part of each start.
 */
#include "started.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

struct file {
    struct head head;
    struct claim_key notes[PLACES];
};

struct started {
    unsigned references;
    struct file *file;     /* mapped; NULL: not yet */
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

/* Map the file, which is as long as it has to be. Returns false when it cannot be. */
static bool map_file(struct started *started, int fd, int protection)
{
    void *memory = mmap(NULL, sizeof(struct file), protection, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return false;
    started->file = memory;
    return true;
}

static bool read_file(struct started *started, const char *folder)
{
    struct stat status;
    int fd = open_file(folder, O_RDONLY);
    bool is_whole = fd >= 0 && fstat(fd, &status) == 0 &&
                    status.st_size >= (off_t)sizeof(struct file) &&
                    map_file(started, fd, PROT_READ);
    if (fd >= 0)
        close(fd);
    return is_whole;
}

struct started *started_read(const char *folder)
{
    char boot[KERNEL_BOOT_BYTES];
    struct started *started = calloc(1, sizeof *started);
    if (!started)
        return NULL;
    started->references = 1;
    if (read_file(started, folder) && kernel_boot(boot)) {
        const struct head *head = &started->file->head;
        if (memcmp(head->magic, magic, sizeof magic) == 0 &&
            memcmp(head->kernel_boot, boot, sizeof boot) == 0 && head->missing == 0)
            return started;
    }
    started_free(started);
    return NULL;
}

/* The name of what it is goes first and comes back last: between, the file is none. All of it is
 * allocated, as a place that cannot be written would be a signal and no error. */
static bool make_file(struct started *started, const char *folder,
                      const unsigned char boot[RANDOM_ID_BYTES])
{
    int fd = open_file(folder, O_RDWR | O_CREAT);
    bool is_mapped = fd >= 0 && posix_fallocate(fd, 0, sizeof(struct file)) == 0 &&
                     map_file(started, fd, PROT_READ | PROT_WRITE);
    if (fd >= 0)
        close(fd);
    if (!is_mapped)
        return false;
    struct head *head = &started->file->head;
    memset(head->magic, 0, sizeof head->magic);
    atomic_signal_fence(memory_order_seq_cst);
    if (!kernel_boot(head->kernel_boot))
        return false;
    memcpy(head->boot, boot, RANDOM_ID_BYTES);
    head->missing = 0;
    atomic_signal_fence(memory_order_seq_cst);
    memcpy(head->magic, magic, sizeof magic);
    return true;
}

struct started *started_new(const char *folder, const unsigned char boot[RANDOM_ID_BYTES])
{
    struct started *started = calloc(1, sizeof *started);
    if (!started)
        return NULL;
    started->references = 1;
    for (unsigned i = 0; i < PLACES; i++)
        started->free[i] = (uint16_t)i;
    started->free_count = PLACES;
    if (make_file(started, folder, boot))
        return started;
    started_free(started);
    return NULL;
}

struct started *started_ref(struct started *started)
{
    if (started)
        started->references++;
    return started;
}

void started_free(struct started *started)
{
    if (!started || --started->references > 0)
        return;
    if (started->file)
        munmap(started->file, sizeof *started->file);
    free(started);
}

const unsigned char *started_boot(const struct started *started)
{
    return started->file->head.boot;
}

/* ---- notes ---- */

/* The process may end between any two instructions, so that their order is what counts: what was
 * half written names no claim. */
static void write_note(struct claim_key *note, const struct claim_key *key)
{
    note->token = 0;
    atomic_signal_fence(memory_order_release);
    note->job = key->job;
    atomic_signal_fence(memory_order_release);
    note->token = key->token;
}

int started_reserve(struct started *started)
{
    if (!started)
        return STARTED_NOWHERE;
    if (started->free_count == 0) {
        started->file->head.missing++;
        return STARTED_MISSING;
    }
    return started->free[--started->free_count];
}

void started_note(struct started *started, int place, const struct claim_key *key)
{
    if (place >= 0)
        write_note(&started->file->notes[place], key);
}

void started_forget(struct started *started, int place)
{
    if (place == STARTED_MISSING)
        started->file->head.missing--;
    else if (place != STARTED_NOWHERE)
        started->free[started->free_count++] = (uint16_t)place;
}

bool started_has(const struct started *started, const struct claim_key *key)
{
    const struct claim_key *notes = started->file->notes;
    for (unsigned i = 0; i < PLACES; i++) {
        if (notes[i].token == key->token && notes[i].job == key->job)
            return true;
    }
    return false;
}
