/* Names and locks of the disk's files. The lock of disk_vfs.c guards all of it. */
#include "disk_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- the folder ---- */

struct disk_file *disk_folder_find(const struct disk_folder *folder, const char *name)
{
    struct disk_file *at = folder->files;
    while (at && !(at->is_named && strcmp(at->name, name) == 0))
        at = at->next;
    return at;
}

struct disk_file *disk_folder_add(struct disk_folder *folder, const char *name)
{
    struct disk_file *file = calloc(1, sizeof *file);
    if (!file || (name && !(file->name = strdup(name))))
        abort();
    platter_init(&file->platter);
    file->is_named = name != NULL;
    file->next = folder->files;
    folder->files = file;
    return file;
}

static void disk_file_free(struct disk_file *file)
{
    for (int i = 0; i < DISK_MAX_REGIONS; i++)
        free(file->regions[i]);
    platter_fini(&file->platter);
    free(file->name);
    free(file);
}

void disk_folder_collect(struct disk_folder *folder)
{
    struct disk_file **link = &folder->files;
    while (*link) {
        struct disk_file *file = *link;
        if (file->handles > 0 || file->is_named || file->was_named) {
            link = &file->next;
            continue;
        }
        *link = file->next;
        disk_file_free(file);
    }
}

void disk_folder_sync(struct disk_folder *folder)
{
    for (struct disk_file *at = folder->files; at; at = at->next)
        at->was_named = at->is_named;
    disk_folder_collect(folder);
}

/* A name that was given or taken away, and not synced, is there or not; a file that has taken
 * another one's name, and was not synced either, keeps it. */
void disk_folder_cut_power(struct disk_folder *folder, struct survival survival,
                           struct chance *chance)
{
    for (struct disk_file *at = folder->files; at; at = at->next) {
        assert(at->handles == 0);
        bool keeps_now = chance_of(chance, survival.percent);
        bool is_named = keeps_now ? at->is_named : at->was_named;
        at->is_named = false;
        at->is_named = is_named && !disk_folder_find(folder, at->name);
        at->was_named = at->is_named;
        platter_cut_power(&at->platter, survival, chance);
    }
    disk_folder_collect(folder);
}

void disk_folder_clear(struct disk_folder *folder)
{
    while (folder->files) {
        struct disk_file *file = folder->files;
        assert(file->handles == 0);
        folder->files = file->next;
        disk_file_free(file);
    }
}

/* ---- the lock of the database file ---- */

static bool is_free_of(const void *holder, const void *self)
{
    return holder == NULL || holder == self;
}

static int lock_shared(struct disk_file *file, struct disk_locks *locks)
{
    if (!is_free_of(file->pending, locks) || !is_free_of(file->exclusive, locks))
        return SQLITE_BUSY;
    file->shared++;
    locks->level = SQLITE_LOCK_SHARED;
    return SQLITE_OK;
}

static int lock_reserved(struct disk_file *file, struct disk_locks *locks)
{
    if (!is_free_of(file->reserved, locks))
        return SQLITE_BUSY;
    file->reserved = locks;
    locks->level = SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

static int lock_exclusive(struct disk_file *file, struct disk_locks *locks)
{
    if (!is_free_of(file->pending, locks) || !is_free_of(file->reserved, locks))
        return SQLITE_BUSY;
    file->pending = locks;
    if (file->shared > 1) {
        locks->level = SQLITE_LOCK_PENDING;
        return SQLITE_BUSY;
    }
    file->exclusive = locks;
    locks->level = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

int disk_file_lock(struct disk_file *file, struct disk_locks *locks, int level)
{
    if (locks->level >= level)
        return SQLITE_OK;
    switch (level) {
    case SQLITE_LOCK_SHARED:
        return lock_shared(file, locks);
    case SQLITE_LOCK_RESERVED:
        return lock_reserved(file, locks);
    default:
        return lock_exclusive(file, locks);
    }
}

static void give_back(const void **holder, const void *self)
{
    if (*holder == self)
        *holder = NULL;
}

void disk_file_unlock(struct disk_file *file, struct disk_locks *locks, int level)
{
    if (locks->level <= level)
        return;
    give_back(&file->reserved, locks);
    give_back(&file->pending, locks);
    give_back(&file->exclusive, locks);
    if (level == SQLITE_LOCK_NONE)
        file->shared--;
    locks->level = level;
}

/* ---- shared memory ---- */

static int shm_unlock(struct disk_file *file, struct disk_locks *locks, int slot)
{
    unsigned bit = 1U << slot;
    if (locks->shm_shared & bit)
        file->shm_shared[slot]--;
    give_back(&file->shm_exclusive[slot], locks);
    locks->shm_shared &= ~bit;
    locks->shm_exclusive &= ~bit;
    return SQLITE_OK;
}

static bool shm_is_free(const struct disk_file *file, const struct disk_locks *locks, int slot,
                        bool shared)
{
    unsigned own = (locks->shm_shared >> slot) & 1;
    return is_free_of(file->shm_exclusive[slot], locks) &&
           (shared || file->shm_shared[slot] == own);
}

static void shm_take(struct disk_file *file, struct disk_locks *locks, int slot, bool shared)
{
    unsigned bit = 1U << slot;
    if (!shared) {
        file->shm_exclusive[slot] = locks;
        locks->shm_exclusive |= bit;
    } else if (!(locks->shm_shared & bit)) {
        file->shm_shared[slot]++;
        locks->shm_shared |= bit;
    }
}

int disk_file_shm_lock(struct disk_file *file, struct disk_locks *locks, int offset, int count,
                       int flags)
{
    bool shared = flags & SQLITE_SHM_SHARED, unlocks = flags & SQLITE_SHM_UNLOCK;
    for (int slot = offset; !unlocks && slot < offset + count; slot++) {
        if (!shm_is_free(file, locks, slot, shared))
            return SQLITE_BUSY;
    }
    for (int slot = offset; slot < offset + count; slot++) {
        if (unlocks)
            shm_unlock(file, locks, slot);
        else
            shm_take(file, locks, slot, shared);
    }
    return SQLITE_OK;
}

void disk_file_shm_leave(struct disk_file *file)
{
    if (--file->shm_users > 0)
        return;
    for (int i = 0; i < DISK_MAX_REGIONS; i++) {
        free(file->regions[i]);
        file->regions[i] = NULL;
    }
}
