/*
 * A disk in memory as SQLite's file system, for tests of what the store does when it fails: its
 * power can be cut at any change, and any of its calls can be made to fail. It becomes the default,
 * so that the code under test needs no hook. There is one disk; any thread may use its files, one
 * thread controls it.
 *
 * A file whose name is new on the disk is there, empty, if the real file system has it: the store
 * makes its database file itself.
 */
#ifndef TESTS_FAULT_DISK_VFS_H
#define TESTS_FAULT_DISK_VFS_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

enum disk_call {
    DISK_OPEN = 1 << 0,
    DISK_OPEN_MAIN = 1 << 1, /* of a database, not of its log */
    DISK_READ = 1 << 2,
    DISK_WRITE = 1 << 3,
    DISK_TRUNCATE = 1 << 4,
    DISK_SYNC = 1 << 5,
    DISK_SIZE = 1 << 6,
    DISK_DELETE = 1 << 7,
    DISK_ACCESS = 1 << 8,
    DISK_SHM_MAP = 1 << 9,
    DISK_LOCK = 1 << 10,
    DISK_ANY = (1 << 11) - 1,
    DISK_CHANGES = DISK_WRITE | DISK_TRUNCATE | DISK_SYNC | DISK_DELETE,
};

void disk_install(void);

/* Start over with an empty disk, in full health; the seed decides what power cuts leave. No file
 * may be open. */
void disk_reset(uint64_t seed);

/* ---- power ---- */

/* Cut the power at the n-th change from now on, in the middle of it; 0: not at all. What comes
 * after fails. */
void disk_cut_power_at(unsigned n);
void disk_cut_power_now(void);
bool disk_has_power(void);

/* Bring the disk back with what has survived. No file may be open. */
void disk_restore_power(void);

/* Bring it back as it was: the process had ended, and not the machine. */
void disk_restart(void);

/* ---- faults ---- */

/* Of the calls named, from the `first` one on (1: the next), so many fail. A sync that fails loses
 * nothing until the power is cut. */
struct disk_fault {
    unsigned calls;
    unsigned first;
    unsigned count; /* 0: none; UINT_MAX: all */
    int code;       /* 0: the I/O error of the call, or SQLITE_CANTOPEN */
};

void disk_fail(struct disk_fault fault);
void disk_heal(void);

/* How many faults there were, and how often a database was opened, since the disk was reset. */
unsigned disk_fault_count(void);
unsigned disk_opened(void);

#endif
