/* The files of the disk: names, contents, and who holds which lock. For disk_vfs.c, under its lock.
 */
#ifndef TESTS_FAULT_DISK_FILE_H
#define TESTS_FAULT_DISK_FILE_H

#include <stdbool.h>

#include <sqlite3.h>

#include "platter.h"

enum { DISK_MAX_REGIONS = 64, DISK_REGION_BYTES = 32768 };

struct disk_file {
    struct disk_file *next;   /* of the disk, the newest first */
    char *name;               /* NULL: a temporary file */
    bool is_named, was_named; /* in the folder; in the folder as it is synced */
    struct platter platter;
    unsigned handles;

    unsigned shared; /* handles that hold the lock of that kind */
    const void *reserved, *pending, *exclusive;

    void *regions[DISK_MAX_REGIONS]; /* shared memory, which is gone with the power */
    unsigned shm_users;
    unsigned shm_shared[SQLITE_SHM_NLOCK];
    const void *shm_exclusive[SQLITE_SHM_NLOCK];
};

struct disk_folder {
    struct disk_file *files;
};

/* Find by name, NULL if there is none. */
struct disk_file *disk_folder_find(const struct disk_folder *folder, const char *name);
struct disk_file *disk_folder_add(struct disk_folder *folder, const char *name);

/* Make what the folder holds now what it holds after a cut. */
void disk_folder_sync(struct disk_folder *folder);

/* Give back a file that nobody uses and no name leads to. */
void disk_folder_collect(struct disk_folder *folder);
void disk_folder_cut_power(struct disk_folder *folder, struct survival survival,
                           struct chance *chance);
void disk_folder_clear(struct disk_folder *folder);

/* ---- locks, as SQLite's file locks; `handle` is who asks ---- */

struct disk_locks {
    int level;                          /* of the database file */
    unsigned shm_shared, shm_exclusive; /* bits */
};

int disk_file_lock(struct disk_file *file, struct disk_locks *locks, int level);
void disk_file_unlock(struct disk_file *file, struct disk_locks *locks, int level);
int disk_file_shm_lock(struct disk_file *file, struct disk_locks *locks, int offset, int count,
                       int flags);

/* Leave the shared memory; the last one frees it. */
void disk_file_shm_leave(struct disk_file *file);

#endif
