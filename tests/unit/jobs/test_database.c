/* Opening the database: what is set, what is refused, and what is done with a damaged one. */
#include "folder.h"

#include <fcntl.h>
#include <glob.h>

#include <ferry/log.h>

#include "database.h"

static void the_writer_is_set_up_for_durability(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    sqlite3 *db = database_open_writer(folder.database, NULL, NULL);
    assert_non_null(db);
    int64_t value;
    assert_int_equal(database_query_int(db, "PRAGMA synchronous", &value, NULL), 0);
    assert_int_equal(value, 2); /* FULL */
    assert_int_equal(database_query_int(db, "PRAGMA foreign_keys", &value, NULL), 0);
    assert_int_equal(value, 1);
    assert_int_equal(database_query_int(db, "PRAGMA auto_vacuum", &value, NULL), 0);
    assert_int_equal(value, 2); /* incremental */
    assert_int_equal(database_query_int(db, "PRAGMA user_version", &value, NULL), 0);
    assert_int_equal(value, 6);
    assert_int_equal(database_query_int(db, "PRAGMA secure_delete", &value, NULL), 0);
    assert_int_equal(value, 2); /* fast */
    assert_int_equal(database_query_int(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode",
                                        &value, NULL),
                     0);
    assert_int_equal(value, 1);
    sqlite3_close(db);
    struct stat status;
    assert_int_equal(stat(folder.database, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600); /* mails are in there */
    folder_remove(&folder);
}

static void the_reader_cannot_write(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    sqlite3 *writer = database_open_writer(folder.database, NULL, NULL);
    sqlite3 *reader = database_open_reader(folder.database, NULL);
    assert_non_null(reader);
    ferry_error error = {0};
    assert_int_equal(database_exec(reader, "DELETE FROM jobs", &error), FERRY_FORBIDDEN);
    int64_t value;
    assert_int_equal(database_query_int(reader, "PRAGMA wal_autocheckpoint", &value, NULL), 0);
    assert_int_equal(value, 0);
    sqlite3_close(reader);
    sqlite3_close(writer);
    folder_remove(&folder);
}

static void it_opens_again_with_what_was_in_it(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    sqlite3_close(database_open_writer(folder.database, NULL, NULL));
    folder_sql(&folder, "CREATE TABLE kept (n)");
    sqlite3 *db = database_open_writer(folder.database, NULL, NULL);
    int64_t value;
    assert_int_equal(database_query_int(db, "SELECT count(*) FROM kept", &value, NULL), 0);
    sqlite3_close(db);
    folder_remove(&folder);
}

static void a_newer_one_is_refused_and_left_alone(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    sqlite3_close(database_open_writer(folder.database, NULL, NULL));
    folder_sql(&folder, "PRAGMA user_version = 999");
    ferry_error error = {0};
    bool damaged = true;
    assert_null(database_open_writer(folder.database, &damaged, &error));
    assert_int_equal(error.code, FERRY_INVALID);
    assert_non_null(strstr(error.message, "999"));
    assert_false(damaged);
    assert_int_equal(folder_query(&folder, "PRAGMA user_version"), 999);
    folder_remove(&folder);
}

static bool has_said_that_it_checks;

static void look_for_check(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    char text[512];
    snprintf(text, sizeof text, "%.*s", (int)length, line);
    has_said_that_it_checks |= strstr(text, "checking the jobs' database") != NULL;
}

static void the_check_of_a_big_one_is_announced(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    ferry_log_set_sink(look_for_check, NULL);
    sqlite3_close(database_open_writer(folder.database, NULL, NULL));
    sqlite3_close(database_open_writer(folder.database, NULL, NULL));
    assert_false(has_said_that_it_checks);
    folder_sql(&folder, "CREATE TABLE filler (t); INSERT INTO filler VALUES (zeroblob(65 << 20))");
    sqlite3_close(database_open_writer(folder.database, NULL, NULL));
    assert_true(has_said_that_it_checks);
    ferry_log_set_sink(NULL, NULL);
    folder_remove(&folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static const char garbage[] = "this is no database, and it is longer than a hundred bytes, so that "
                              "nobody can take it for one that is still empty.\n";

static void garbage_is_damage(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    write_file(folder.database, garbage);
    ferry_error error = {0};
    bool damaged = false;
    assert_null(database_open_writer(folder.database, &damaged, &error));
    assert_true(damaged);
    assert_int_equal(error.code, FERRY_INVALID);
    folder_remove(&folder);
}

/* Overwrite the middle of a big enough database: its header stays whole. */
static void damage_pages(const struct folder *folder)
{
    sqlite3_close(database_open_writer(folder->database, NULL, NULL));
    folder_sql(folder, "CREATE TABLE filler (t);"
                       "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)"
                       " INSERT INTO filler SELECT hex(randomblob(50)) FROM n;"
                       "PRAGMA wal_checkpoint(TRUNCATE)");
    int fd = open(folder->database, O_WRONLY);
    char noise[4096];
    memset(noise, 0x5a, sizeof noise);
    for (off_t page = 3; page < 40; page++)
        assert_int_equal(pwrite(fd, noise, sizeof noise, page * 4096), sizeof noise);
    close(fd);
}

static void quick_check_finds_damaged_pages(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    damage_pages(&folder);
    bool damaged = false;
    assert_null(database_open_writer(folder.database, &damaged, NULL));
    assert_true(damaged);
    folder_remove(&folder);
}

static size_t count_files(const struct folder *folder, const char *pattern)
{
    char full[160];
    glob_t found;
    snprintf(full, sizeof full, "%s/%s", folder->path, pattern);
    size_t count = glob(full, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static void a_damaged_one_is_set_aside_whole(void **ctx)
{
    (void)ctx;
    struct folder folder;
    char path[128];
    folder_make(&folder);
    write_file(folder.database, garbage);
    snprintf(path, sizeof path, "%s-wal", folder.database);
    write_file(path, "wal");
    snprintf(path, sizeof path, "%s-shm", folder.database);
    write_file(path, "shm");
    ferry_error error = {.code = FERRY_INVALID, .message = "file is not a database"};
    assert_int_equal(database_set_aside(folder.database, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "jobs.db.damaged-"));
    assert_non_null(strstr(error.message, "start again"));
    assert_int_equal(count_files(&folder, "jobs.db.damaged-*"), 3);
    assert_int_equal(count_files(&folder, "jobs.db.damaged-*Z-wal"), 1);
    assert_int_equal(count_files(&folder, "jobs.db.damaged-*Z-shm"), 1);
    assert_int_equal(count_files(&folder, "jobs.db*"), 3);
    folder_remove(&folder);
}

/* A supervisor starts again at once what has ended: nobody has looked by then. */
static void beside_one_that_was_set_aside_no_empty_one_is_made(void **ctx)
{
    (void)ctx;
    struct folder folder;
    static const char *const others[] = {"-arrivals", "-shm", "-wal"};
    char aside[160], named[200], other[200];
    folder_make(&folder);
    snprintf(aside, sizeof aside, "%s.damaged-2026-11-26T00:00:00.000Z", folder.database);
    snprintf(named, sizeof named, "%s; recover it", aside);
    write_file(aside, garbage);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(other, sizeof other, "%s%s", aside, others[i]);
        write_file(other, garbage);
    }
    bool damaged = true;
    ferry_error error = {0};
    assert_null(database_open_writer(folder.database, &damaged, &error));
    assert_false(damaged);
    assert_int_equal(error.code, FERRY_INVALID);
    assert_non_null(strstr(error.message, named));
    assert_int_equal(count_files(&folder, "jobs.db*"), 4);
    unlink(aside);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(other, sizeof other, "%s%s", aside, others[i]);
        unlink(other);
    }
    sqlite3 *db = database_open_writer(folder.database, &damaged, &error);
    assert_non_null(db);
    sqlite3_close(db);
    folder_remove(&folder);
}

static void what_was_cut_off_from_its_log_is_left_alone(void **ctx)
{
    (void)ctx;
    static const char *const others[] = {"-arrivals", "-wal"};
    for (size_t i = 0; i < 2 * (sizeof others / sizeof *others); i++) {
        struct folder folder;
        char other[200];
        folder_make(&folder);
        if (i % 2) /* empty, else it is not there at all */
            write_file(folder.database, "");
        snprintf(other, sizeof other, "%s%s", folder.database, others[i / 2]);
        write_file(other, garbage);
        bool damaged = true;
        ferry_error error = {0};
        assert_null(database_open_writer(folder.database, &damaged, &error));
        assert_false(damaged);
        assert_int_equal(error.code, FERRY_INVALID);
        assert_non_null(strstr(error.message, "is empty or missing"));
        assert_int_equal(count_files(&folder, "jobs.db*"), 1 + i % 2);
        struct stat status;
        assert_int_equal(stat(other, &status), 0);
        assert_int_equal(status.st_size, strlen(garbage));
        unlink(other);
        sqlite3 *db = database_open_writer(folder.database, &damaged, &error);
        assert_non_null(db);
        sqlite3_close(db);
        folder_remove(&folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_writer_is_set_up_for_durability),
        cmocka_unit_test(the_reader_cannot_write),
        cmocka_unit_test(it_opens_again_with_what_was_in_it),
        cmocka_unit_test(a_newer_one_is_refused_and_left_alone),
        cmocka_unit_test(the_check_of_a_big_one_is_announced),
        cmocka_unit_test(garbage_is_damage),
        cmocka_unit_test(quick_check_finds_damaged_pages),
        cmocka_unit_test(a_damaged_one_is_set_aside_whole),
        cmocka_unit_test(beside_one_that_was_set_aside_no_empty_one_is_made),
        cmocka_unit_test(what_was_cut_off_from_its_log_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
