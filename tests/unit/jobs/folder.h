/* A state folder for a test, and a way to look into its database from outside. */
#ifndef TESTS_JOBS_FOLDER_H
#define TESTS_JOBS_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include <ferry/error.h>

struct folder {
    char path[64];
    char database[96];
};

static inline void folder_make(struct folder *folder)
{
    snprintf(folder->path, sizeof folder->path, "/tmp/ferry-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->database, sizeof folder->database, "%s/jobs.db", folder->path);
}

static inline void folder_remove(struct folder *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf -- '%s'", folder->path);
    assert_int_equal(system(command), 0);
}

/* Copy a file of a folder into another one. */
static inline void folder_copy(const struct folder *from, const struct folder *to, const char *name)
{
    char path[128], block[4096];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", from->path, name);
    FILE *in = fopen(path, "rb");
    snprintf(path, sizeof path, "%s/%s", to->path, name);
    FILE *out = fopen(path, "wb");
    assert_true(in && out);
    while ((n = fread(block, 1, sizeof block, in)) > 0)
        assert_int_equal(fwrite(block, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

/* Run statements on a connection of our own. */
static inline void folder_sql(const struct folder *folder, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(folder->database, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

/* Return the first column of the first row as a number; -1 without a row. */
static inline int64_t folder_query(const struct folder *folder, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    int64_t value = -1;
    assert_int_equal(sqlite3_open(folder->database, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

#endif
