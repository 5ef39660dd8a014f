/*
 * Opening the database.
 *
 * What is set, and why: WAL, so that the reader does not wait for the writer. synchronous=FULL,
 * because NORMAL loses acknowledged commits when the power goes. No mmap: an I/O error would be a
 * signal. SQLite counts no memory: each malloc would take a lock for it. It makes its pages one by
 * one, as they are read: 20 at once for each of its caches are memory that is seldom used. The
 * writer keeps 4 MiB of them: what it needs is at the ends of few trees, and to make more pages
 * costs more than to use one again. What is deleted is overwritten where that costs no other write:
 * Debian's SQLite would also write each page that becomes free, so that every input is written to
 * the log twice. The log is copied at 4 MiB: a bigger one needs more of a full disk than is kept
 * free for it. One connection writes and checkpoints, and the reader does neither: SQLite before
 * 3.51.3 may corrupt a WAL that two connections reset at a time.
 */
#include "database.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <ferry/log.h>

#include "bytes.h"
#include "clock.h"
#include "schema.h"

enum {
    BIG_BYTES = 64 << 20,        /* a check of more than this takes a while */
    LEAST_FREE_BYTES = 64 << 10, /* with less, what fails fails for that */
};

/* ---- what SQLite says ---- */

static ferry_code code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return FERRY_OK;
    case SQLITE_FULL:
        return FERRY_STORAGE_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return FERRY_INVALID;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return FERRY_FORBIDDEN;
    default:
        return FERRY_INTERNAL;
    }
}

int database_error(sqlite3 *db, ferry_error *error)
{
    return ferry_error_set(error, code_of(sqlite3_errcode(db)), "the jobs' database: %s",
                           sqlite3_errmsg(db));
}

int database_exec(sqlite3 *db, const char *sql, ferry_error *error)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return database_error(db, error);
    return 0;
}

int database_query_int(sqlite3 *db, const char *sql, int64_t *value, ferry_error *error)
{
    sqlite3_stmt *statement = NULL;
    *value = 0;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    int code = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : database_error(db, error);
    sqlite3_finalize(statement);
    return code;
}

static int64_t file_bytes(sqlite3 *db, int which)
{
    sqlite3_int64 bytes = 0;
    sqlite3_file *file = NULL;
    sqlite3_file_control(db, "main", which, &file);
    if (file && file->pMethods && file->pMethods->xFileSize(file, &bytes) != SQLITE_OK)
        bytes = 0;
    return bytes;
}

int64_t database_wal_bytes(sqlite3 *db)
{
    return file_bytes(db, SQLITE_FCNTL_JOURNAL_POINTER);
}

/* What the file has of pages that nothing is on: jobs that have ended leave them behind. */
static int64_t unused_bytes(sqlite3 *db)
{
    int64_t pages, page_bytes;
    if (database_query_int(db, "PRAGMA freelist_count", &pages, NULL) < 0 ||
        database_query_int(db, "PRAGMA page_size", &page_bytes, NULL) < 0)
        return 0;
    return pages * page_bytes;
}

int64_t database_free_bytes(const char *path)
{
    struct statvfs disk;
    int rc = statvfs(path, &disk);
    if (rc < 0 && (errno == ENOENT || errno == ENOTDIR))
        return -1;
    if (rc < 0 || disk.f_blocks == 0 || disk.f_bavail > (uint64_t)INT64_MAX / disk.f_frsize)
        return INT64_MAX;
    return (int64_t)(disk.f_bavail * disk.f_frsize);
}

/* Twice the bytes, as they go through the log into the file. */
bool database_has_room(sqlite3 *db, const char *path, int64_t bytes)
{
    int64_t wanted = DATABASE_KEPT_FREE_BYTES + 2 * bytes;
    int64_t there = database_free_bytes(path);
    return there >= wanted || (there >= 0 && there + unused_bytes(db) >= wanted);
}

/* ---- the writer ---- */

/* Who waits for the server to start should know what for. */
static void database_announce_check(sqlite3 *db)
{
    int64_t bytes = file_bytes(db, SQLITE_FCNTL_FILE_POINTER);
    if (bytes > BIG_BYTES)
        ferry_log(FERRY_LOG_INFO, "checking the jobs' database", "bytes=%lld", (long long)bytes);
}

/* Say in *found what quick_check finds first, the caller's to free; NULL: nothing. Returns 0 or a
 * code. */
static int quick_check(sqlite3 *db, char **found, ferry_error *error)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    int code = 0;
    const char *text = NULL;
    if (rc != SQLITE_ROW)
        code = database_error(db, error);
    else if (!(text = (const char *)sqlite3_column_text(statement, 0)))
        code = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    else if (strcmp(text, "ok") != 0 && !(*found = strdup(text)))
        code = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    sqlite3_finalize(statement);
    return code;
}

static bool can_be_read(sqlite3 *db, int which)
{
    char block[16 << 10];
    sqlite3_int64 bytes = 0;
    sqlite3_file *file = NULL;
    sqlite3_file_control(db, "main", which, &file);
    if (!file || !file->pMethods)
        return true; /* there is none */
    int rc = file->pMethods->xFileSize(file, &bytes);
    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < bytes; at += (int)sizeof block) {
        int length = bytes - at < (int)sizeof block ? (int)(bytes - at) : (int)sizeof block;
        rc = file->pMethods->xRead(file, block, length, at);
    }
    return rc == SQLITE_OK;
}

/* A page that the disk does not give is a finding, too, which need not say so, but no damage; and
 * what is damaged is so when one looks again. */
static bool is_damage(sqlite3 *db, const char *found, const char *again)
{
    return strcmp(found, again) == 0 && !strstr(found, "unable to get the page") &&
           !strstr(found, "failed to get page") && can_be_read(db, SQLITE_FCNTL_FILE_POINTER) &&
           can_be_read(db, SQLITE_FCNTL_JOURNAL_POINTER);
}

/* Return 0 when the database is whole, FERRY_INVALID when it is damaged. */
static int database_check(sqlite3 *db, ferry_error *error)
{
    char *found = NULL, *again = NULL;
    database_announce_check(db);
    int code = quick_check(db, &found, error);
    if (found)
        code = quick_check(db, &again, error);
    if (again)
        code = ferry_error_set(error, is_damage(db, found, again) ? FERRY_INVALID : FERRY_INTERNAL,
                               "the jobs' database: %s", again);
    free(found);
    free(again);
    return code;
}

/* Return the name of a damaged database that was set aside beside `path`, the caller's to free;
 * NULL: there is none. Its own is shorter than those of its log and the like. */
static char *database_find_aside(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *prefix = text_printf("%s.damaged-", slash ? slash + 1 : path);
    char *folder = slash ? text_printf("%.*s", (int)(slash - path), path) : text_printf(".");
    char *found = NULL;
    DIR *entries = prefix && folder ? opendir(folder) : NULL;
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        const char *name = entry->d_name;
        if (strncmp(name, prefix, strlen(prefix)) == 0 &&
            (!found || strlen(name) < strlen(found + strlen(folder) + 1))) {
            free(found);
            found = text_printf("%s/%s", folder, name);
        }
    }
    if (entries)
        closedir(entries);
    free(folder);
    free(prefix);
    return found;
}

/* Whatever restarts a server that has ended must not give it an empty queue: that is for a person
 * to choose. */
static int database_check_aside(const char *path, ferry_error *error)
{
    char *aside = access(path, F_OK) < 0 ? database_find_aside(path) : NULL;
    int rc = 0;
    if (aside)
        rc = ferry_error_set(error, FERRY_UNSUPPORTED,
                             "a damaged database lies here, and no other: %s; recover it, or move "
                             "it out of this folder for an empty queue, then start again",
                             aside);
    free(aside);
    return rc;
}

static bool has_bytes(const char *path, const char *suffix)
{
    struct stat status;
    char *name = text_printf("%s%s", path, suffix);
    bool has = name && stat(name, &status) == 0 && status.st_size > 0;
    free(name);
    return has;
}

/* Nobody but a copy that failed, or a hand, takes away what a log or a journal belongs to: a first
 * page is on disk before these are made. SQLite would make a new one, and delete the log. */
static int database_check_cut(const char *path, ferry_error *error)
{
    if (has_bytes(path, "") || !(has_bytes(path, "-wal") || has_bytes(path, "-arrivals")))
        return 0;
    return ferry_error_set(error, FERRY_UNSUPPORTED,
                           "%s is empty or missing, and its log or journal is not: move them out "
                           "of this folder, and put a copy of the database there, or leave it "
                           "empty for an empty queue, then start again",
                           path);
}

/* Make the file ourselves: SQLite would let everybody read it. */
static int database_make_file(const char *path, ferry_error *error)
{
    if (database_check_aside(path, error) < 0 || database_check_cut(path, error) < 0)
        return FERRY_UNSUPPORTED;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return ferry_error_set(error,
                               errno == EACCES || errno == EROFS ? FERRY_FORBIDDEN : FERRY_INTERNAL,
                               "%s: %s", path, strerror(errno));
    close(fd);
    return 0;
}

/* Only a file without a page heeds this; on any other one it would only cost a write. */
static int database_choose_vacuum(sqlite3 *db, ferry_error *error)
{
    int64_t pages;
    int rc = database_query_int(db, "PRAGMA page_count", &pages, error);
    return rc == 0 && pages == 0 ? database_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", error)
                                 : rc;
}

static int database_set_up_writer(sqlite3 *db, ferry_error *error)
{
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, DATABASE_BUSY_TIMEOUT_MS);
    /* Until all is well, closing must not touch what may have to be set aside. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    int rc = schema_check_version(db, error);
    if (rc == 0)
        rc = database_check(db, error);
    if (rc == 0)
        rc = database_choose_vacuum(db, error);
    if (rc == 0)
        rc = database_exec(db,
                           "PRAGMA journal_mode = WAL;"
                           "PRAGMA synchronous = FULL;"
                           "PRAGMA foreign_keys = ON;"
                           "PRAGMA mmap_size = 0;"
                           "PRAGMA secure_delete = FAST;"
                           "PRAGMA wal_autocheckpoint = 1000;"
                           "PRAGMA cache_size = -4096;"
                           "PRAGMA journal_size_limit = 16777216",
                           error);
    if (rc == 0)
        rc = schema_migrate(db, error);
    if (rc == 0)
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return rc;
}

/* The index of the log is a file as well, and SQLite does not say why that cannot grow. */
static bool lacks_any_room(const char *path)
{
    return database_free_bytes(path) < LEAST_FREE_BYTES;
}

sqlite3 *database_open_writer(const char *path, bool *damaged, ferry_error *error)
{
    ferry_error why = {0};
    sqlite3 *db = NULL;
    /* Both are refused when somebody uses SQLite already. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    int rc = database_make_file(path, &why);
    if (rc == 0 && sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
        rc = database_error(db, &why);
    if (rc == 0)
        rc = database_set_up_writer(db, &why);
    if (damaged)
        *damaged = rc == FERRY_INVALID;
    if (rc == 0)
        return db;
    sqlite3_close(db);
    if (rc == FERRY_UNSUPPORTED)
        why.code =
            FERRY_INVALID; /* not this file is damaged: it is a newer one, or there is none */
    if (rc == FERRY_STORAGE_FULL || (rc == FERRY_INTERNAL && lacks_any_room(path)))
        ferry_error_set(&why, FERRY_STORAGE_FULL,
                        "%s: the disk is full; make room there, then start again", path);
    if (error)
        *error = why;
    return NULL;
}

sqlite3 *database_open_reader(const char *path, ferry_error *error)
{
    sqlite3 *db = NULL;
    int64_t version;
    int rc = 0;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL))
        rc = database_error(db, error);
    if (rc == 0) {
        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, DATABASE_BUSY_TIMEOUT_MS);
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        rc = database_exec(db, "PRAGMA wal_autocheckpoint = 0; PRAGMA mmap_size = 0", error);
    }
    /* This reads a page, and so holds the WAL's index from now on: a writer that opens the database
     * anew does not make one of what is in the log, and take a commit that failed for one. */
    if (rc == 0)
        rc = database_query_int(db, "PRAGMA user_version", &version, error);
    if (rc == 0)
        return db;
    sqlite3_close(db);
    return NULL;
}

/* ---- a damaged file ---- */

static int move_file(const char *from, const char *to, const char *suffix)
{
    char *old_name = text_printf("%s%s", from, suffix);
    char *new_name = text_printf("%s%s", to, suffix);
    int rc = old_name && new_name ? rename(old_name, new_name) : -1;
    if (rc < 0 && errno == ENOENT && *suffix)
        rc = 0; /* there need not be a -wal */
    free(old_name);
    free(new_name);
    return rc;
}

int database_set_aside(const char *path, ferry_error *error)
{
    char when[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(clock_wall_ms(), when);
    char *aside = text_printf("%s.damaged-%s", path, when);
    if (!aside)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    /* The file itself goes last: a new one beside an old -wal would take that for its own. */
    static const char *const suffixes[] = {"-arrivals", "-wal", "-shm", ""};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof suffixes / sizeof suffixes[0]; i++)
        rc = move_file(path, aside, suffixes[i]);
    if (rc < 0)
        ferry_error_set(error, FERRY_INTERNAL, "%s is damaged and cannot be moved away: %s", path,
                        strerror(errno));
    else
        ferry_error_set(error, FERRY_INVALID,
                        "damaged database set aside as %s: recover it (docs/operating.md), or "
                        "move it out of this folder for an empty queue, then start again",
                        aside);
    free(aside);
    return error->code;
}
