/*
 * SQLite's calls, on the disk in memory. One lock guards the disk; a file's handle belongs to the
 * connection that opened it.
 *
 * Like the real one, the first sync of a log or journal also syncs the folder that names it.
 */
#include "disk_vfs.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk_file.h"

struct handle {
    sqlite3_file base;
    struct disk_file *file;
    struct disk_locks locks;
    bool syncs_folder;
    bool uses_shm;
};

static struct disk {
    pthread_mutex_t lock;
    sqlite3_vfs *real;
    struct disk_folder folder;
    struct chance chance;
    bool has_power;
    unsigned cut_at; /* so many changes are left until then; 0: no cut */
    struct disk_fault fault;
    unsigned seen, fault_count, opened;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- what goes wrong ---- */

static bool fault_is_due(unsigned call)
{
    struct disk_fault *fault = &disk.fault;
    if (!(fault->calls & call) || fault->count == 0)
        return false;
    unsigned number = ++disk.seen;
    return number >= fault->first && number - fault->first < fault->count;
}

/* Enter a call. Returns SQLITE_OK or what it fails with. A call in whose middle the power is cut
 * has *is_cut set and goes on until then. */
static int disk_enter(unsigned call, int failure, bool *is_cut)
{
    if (!disk.has_power)
        return failure;
    if (fault_is_due(call)) {
        disk.fault_count++;
        return disk.fault.code ? disk.fault.code : failure;
    }
    if (is_cut && disk.cut_at > 0 && --disk.cut_at == 0) {
        disk.has_power = false;
        *is_cut = true;
    }
    return SQLITE_OK;
}

static int locked(int rc)
{
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

static void lock_disk(void)
{
    pthread_mutex_lock(&disk.lock);
}

/* Temporary files are none of the disk's business. */
static unsigned call_on(const struct handle *handle, unsigned call)
{
    return handle->file->name ? call : 0;
}

/* ---- contents ---- */

static int disk_read(sqlite3_file *file, void *data, int amount, sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)file;
    lock_disk();
    int rc = disk_enter(call_on(handle, DISK_READ), SQLITE_IOERR_READ, NULL);
    if (rc != SQLITE_OK)
        return locked(rc);
    size_t wanted = (size_t)amount;
    size_t got = platter_read(&handle->file->platter, data, wanted, (size_t)offset);
    memset((char *)data + got, 0, wanted - got);
    return locked(got == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ);
}

static int disk_write(sqlite3_file *file, const void *data, int amount, sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)file;
    bool is_cut = false, *cut = handle->file->name ? &is_cut : NULL;
    lock_disk();
    int rc = disk_enter(call_on(handle, DISK_WRITE), SQLITE_IOERR_WRITE, cut);
    if (rc == SQLITE_OK)
        platter_write(&handle->file->platter, data, (size_t)amount, (size_t)offset);
    return locked(is_cut ? SQLITE_IOERR_WRITE : rc);
}

static int disk_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct handle *handle = (struct handle *)file;
    bool is_cut = false, *cut = handle->file->name ? &is_cut : NULL;
    lock_disk();
    int rc = disk_enter(call_on(handle, DISK_TRUNCATE), SQLITE_IOERR_TRUNCATE, cut);
    if (rc == SQLITE_OK)
        platter_resize(&handle->file->platter, (size_t)size);
    return locked(is_cut ? SQLITE_IOERR_TRUNCATE : rc);
}

/* What a sync has failed to write is lost, and the next one says that all is well: so does Linux.
 */
static int disk_sync(sqlite3_file *file, int flags)
{
    struct handle *handle = (struct handle *)file;
    bool is_cut = false, *cut = handle->file->name ? &is_cut : NULL;
    (void)flags;
    lock_disk();
    int rc = disk_enter(call_on(handle, DISK_SYNC), SQLITE_IOERR_FSYNC, cut);
    if (is_cut)
        return locked(SQLITE_IOERR_FSYNC);
    if (rc == SQLITE_OK)
        platter_sync(&handle->file->platter);
    else if (disk.has_power)
        platter_lose(&handle->file->platter);
    if (rc == SQLITE_OK && handle->syncs_folder) {
        disk_folder_sync(&disk.folder);
        handle->syncs_folder = false;
    }
    return locked(rc);
}

static int disk_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct handle *handle = (struct handle *)file;
    lock_disk();
    int rc = disk_enter(call_on(handle, DISK_SIZE), SQLITE_IOERR_FSTAT, NULL);
    *size = (sqlite3_int64)handle->file->platter.current.size;
    return locked(rc);
}

/* ---- locks and shared memory ---- */

static int disk_lock(sqlite3_file *file, int level)
{
    struct handle *handle = (struct handle *)file;
    lock_disk();
    int rc = disk_enter(DISK_LOCK, SQLITE_IOERR_LOCK, NULL);
    return locked(rc == SQLITE_OK ? disk_file_lock(handle->file, &handle->locks, level) : rc);
}

static int disk_unlock(sqlite3_file *file, int level)
{
    struct handle *handle = (struct handle *)file;
    lock_disk();
    disk_file_unlock(handle->file, &handle->locks, level);
    return locked(SQLITE_OK);
}

static int disk_check_reserved(sqlite3_file *file, int *is_reserved)
{
    const struct handle *handle = (struct handle *)file;
    lock_disk();
    *is_reserved = handle->file->reserved != NULL;
    return locked(SQLITE_OK);
}

static int disk_shm_map(sqlite3_file *file, int region, int size, int extend,
                        void volatile **memory)
{
    struct handle *handle = (struct handle *)file;
    (void)size; /* SQLite maps regions of one size only */
    assert(size == DISK_REGION_BYTES && region < DISK_MAX_REGIONS);
    lock_disk();
    *memory = NULL;
    int rc = disk_enter(DISK_SHM_MAP, SQLITE_IOERR_SHMMAP, NULL);
    if (rc != SQLITE_OK)
        return locked(rc);
    handle->file->shm_users += !handle->uses_shm;
    handle->uses_shm = true;
    if (!handle->file->regions[region] && extend)
        handle->file->regions[region] = calloc(1, DISK_REGION_BYTES);
    *memory = handle->file->regions[region];
    return locked(SQLITE_OK);
}

static int disk_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    struct handle *handle = (struct handle *)file;
    lock_disk();
    return locked(disk_file_shm_lock(handle->file, &handle->locks, offset, count, flags));
}

static void disk_shm_barrier(sqlite3_file *file)
{
    (void)file;
    lock_disk();
    locked(SQLITE_OK);
}

static int disk_shm_unmap(sqlite3_file *file, int is_delete)
{
    struct handle *handle = (struct handle *)file;
    (void)is_delete;
    lock_disk();
    if (handle->uses_shm)
        disk_file_shm_leave(handle->file);
    handle->uses_shm = false;
    return locked(SQLITE_OK);
}

/* ---- the rest of a file ---- */

static int disk_control(sqlite3_file *file, int op, void *arg)
{
    (void)file, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int disk_sector(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

static int disk_traits(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int disk_close(sqlite3_file *file)
{
    struct handle *handle = (struct handle *)file;
    lock_disk();
    disk_file_unlock(handle->file, &handle->locks, SQLITE_LOCK_NONE);
    handle->file->handles--;
    disk_folder_collect(&disk.folder);
    return locked(SQLITE_OK);
}

static const sqlite3_io_methods disk_methods = {
    .iVersion = 2,
    .xClose = disk_close,
    .xRead = disk_read,
    .xWrite = disk_write,
    .xTruncate = disk_truncate,
    .xSync = disk_sync,
    .xFileSize = disk_size,
    .xLock = disk_lock,
    .xUnlock = disk_unlock,
    .xCheckReservedLock = disk_check_reserved,
    .xFileControl = disk_control,
    .xSectorSize = disk_sector,
    .xDeviceCharacteristics = disk_traits,
    .xShmMap = disk_shm_map,
    .xShmLock = disk_shm_lock,
    .xShmBarrier = disk_shm_barrier,
    .xShmUnmap = disk_shm_unmap,
};

/* ---- names ---- */

static struct disk_file *disk_find_or_make(const char *name, int flags)
{
    struct disk_file *file = name ? disk_folder_find(&disk.folder, name) : NULL;
    if (!file && (!name || (flags & SQLITE_OPEN_CREATE) || access(name, F_OK) == 0))
        file = disk_folder_add(&disk.folder, name);
    return file;
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *out_flags)
{
    struct handle *handle = (struct handle *)file;
    bool is_main = flags & SQLITE_OPEN_MAIN_DB;
    (void)vfs;
    *handle = (struct handle){0};
    lock_disk();
    disk.opened += is_main;
    unsigned calls = is_main ? DISK_OPEN | DISK_OPEN_MAIN : DISK_OPEN;
    int rc = disk_enter(name ? calls : 0, SQLITE_CANTOPEN, NULL);
    struct disk_file *found = rc == SQLITE_OK ? disk_find_or_make(name, flags) : NULL;
    if (!found)
        return locked(rc == SQLITE_OK ? SQLITE_CANTOPEN : rc);
    found->handles++;
    handle->file = found;
    handle->syncs_folder =
        (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
    handle->base.pMethods = &disk_methods;
    if (out_flags)
        *out_flags = flags;
    return locked(SQLITE_OK);
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int syncs_folder)
{
    bool is_cut = false;
    (void)vfs;
    lock_disk();
    int rc = disk_enter(DISK_DELETE, SQLITE_IOERR_DELETE, &is_cut);
    struct disk_file *file = rc == SQLITE_OK ? disk_folder_find(&disk.folder, name) : NULL;
    if (rc == SQLITE_OK && !file)
        rc = SQLITE_IOERR_DELETE_NOENT;
    if (file)
        file->is_named = false;
    if (is_cut)
        return locked(SQLITE_IOERR_DELETE);
    if (file && syncs_folder)
        disk_folder_sync(&disk.folder);
    disk_folder_collect(&disk.folder);
    return locked(rc);
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    (void)vfs;
    lock_disk();
    int rc = disk_enter(DISK_ACCESS, SQLITE_IOERR_ACCESS, NULL);
    const struct disk_file *file = disk_folder_find(&disk.folder, name);
    *result = file && (flags != SQLITE_ACCESS_EXISTS || file->platter.current.size > 0);
    return locked(rc);
}

static int disk_randomness(sqlite3_vfs *vfs, int length, char *data)
{
    (void)vfs;
    lock_disk();
    for (int i = 0; i < length; i++)
        data[i] = (char)chance_next(&disk.chance);
    return locked(length);
}

/* ---- control ---- */

void disk_install(void)
{
    static sqlite3_vfs vfs;
    disk.real = sqlite3_vfs_find(NULL);
    vfs = *disk.real;
    vfs.zName = "disk";
    vfs.szOsFile = sizeof(struct handle);
    vfs.xOpen = disk_open;
    vfs.xDelete = disk_delete;
    vfs.xAccess = disk_access;
    vfs.xRandomness = disk_randomness;
    sqlite3_vfs_register(&vfs, 1);
    disk_reset(0);
}

void disk_reset(uint64_t seed)
{
    lock_disk();
    disk_folder_clear(&disk.folder);
    disk.chance.state = seed;
    disk.has_power = true;
    disk.cut_at = 0;
    disk.fault = (struct disk_fault){0};
    disk.fault_count = disk.opened = 0;
    locked(SQLITE_OK);
    sqlite3_randomness(0, NULL); /* it takes new randomness from us */
}

void disk_cut_power_at(unsigned n)
{
    lock_disk();
    disk.cut_at = n;
    locked(SQLITE_OK);
}

void disk_cut_power_now(void)
{
    lock_disk();
    disk.has_power = false;
    locked(SQLITE_OK);
}

bool disk_has_power(void)
{
    lock_disk();
    return locked(disk.has_power);
}

void disk_restore_power(void)
{
    static const unsigned percents[] = {0, 10, 50, 90, 100};
    lock_disk();
    struct survival survival = {
        .percent = percents[chance_below(&disk.chance, sizeof percents / sizeof percents[0])],
        .sector = chance_of(&disk.chance, 50) ? 512 : 4096,
    };
    disk_folder_cut_power(&disk.folder, survival, &disk.chance);
    disk.cut_at = 0;
    disk.has_power = true;
    locked(SQLITE_OK);
}

void disk_restart(void)
{
    lock_disk();
    disk.cut_at = 0;
    disk.has_power = true;
    locked(SQLITE_OK);
}

void disk_fail(struct disk_fault fault)
{
    lock_disk();
    disk.fault = fault;
    disk.seen = 0;
    locked(SQLITE_OK);
}

void disk_heal(void)
{
    disk_fail((struct disk_fault){0});
}

unsigned disk_fault_count(void)
{
    lock_disk();
    return (unsigned)locked((int)disk.fault_count);
}

unsigned disk_opened(void)
{
    lock_disk();
    return (unsigned)locked((int)disk.opened);
}
