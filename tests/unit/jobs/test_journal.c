/* The journal's file: what was appended is read again, and nothing else. */
#include "folder.h"

#include "disk_vfs.h"
#include "journal.h"

enum { MAX_BYTES = 4 << 20 };

static const unsigned char boot[RANDOM_ID_BYTES] = "one process it i";
static const unsigned char other_boot[RANDOM_ID_BYTES] = "another process.";

static struct folder folder;
static struct journal *journal;

static int set_up(void **ctx)
{
    (void)ctx;
    disk_reset(0);
    folder_make(&folder);
    journal = journal_new(folder.database, boot);
    assert_non_null(journal);
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    disk_heal();
    journal_free(journal);
    folder_remove(&folder);
    return 0;
}

static int append(const char *text)
{
    struct bytes entry = {0};
    bytes_append_text(&entry, text);
    int rc = journal_append(journal, &entry, NULL);
    bytes_fini(&entry);
    return rc;
}

/* The file is the disk's: it is opened through SQLite's file system, as the journal does. */
static sqlite3_file *file_open(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    char path[128];
    assert_non_null(file);
    snprintf(path, sizeof path, "%s-arrivals", folder.database);
    assert_int_equal(vfs->xOpen(vfs, path, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, NULL), 0);
    return file;
}

static void file_close(sqlite3_file *file)
{
    file->pMethods->xClose(file);
    free(file);
}

static int64_t file_bytes(void)
{
    sqlite3_file *file = file_open();
    sqlite3_int64 bytes;
    assert_int_equal(file->pMethods->xFileSize(file, &bytes), 0);
    file_close(file);
    return bytes;
}

/* Numbers and texts of what was visited, as "1 first,2 second,". */
static struct bytes visited;

static int on_entry(void *arg, int64_t number, struct bytes *entry, ferry_error *error)
{
    bytes_printf(&visited, "%lld %s,", (long long)number, bytes_text(entry));
    return arg ? ferry_error_set(error, FERRY_REJECTED, "stop") : 0;
}

static void expect_read(const unsigned char *of, int64_t after, const char *expected)
{
    ferry_error error = {0};
    assert_int_equal(journal_read(journal, of, after, on_entry, NULL, &error), 0);
    assert_string_equal(bytes_text(&visited), expected);
    bytes_fini(&visited);
}

/* As the process that comes next reads it. */
static void reopen(const unsigned char *as)
{
    journal_free(journal);
    journal = journal_new(folder.database, as);
    assert_non_null(journal);
}

static void what_was_appended_is_read_in_its_order(void **ctx)
{
    (void)ctx;
    assert_int_equal(append("first"), 0);
    assert_int_equal(append(""), 0);
    assert_int_equal(append("third, and longer than a word"), 0);
    assert_int_equal(journal_number(journal), 3);
    expect_read(boot, 0, "1 first,2 ,3 third, and longer than a word,");
    expect_read(boot, 2, "3 third, and longer than a word,");
    expect_read(boot, 3, "");
}

static void the_next_process_reads_it_by_the_name_of_the_one_before(void **ctx)
{
    (void)ctx;
    assert_int_equal(append("first"), 0);
    reopen(other_boot);
    expect_read(other_boot, 0, "");
    expect_read(boot, 0, "1 first,");
    assert_int_equal(append("mine"), 0); /* in its place */
    expect_read(other_boot, 0, "1 mine,");
    expect_read(boot, 0, "");
}

static void the_visitor_ends_the_visit(void **ctx)
{
    (void)ctx;
    ferry_error error = {0};
    append("first");
    append("second");
    assert_int_equal(journal_read(journal, boot, 0, on_entry, &error, &error), FERRY_REJECTED);
    assert_string_equal(bytes_text(&visited), "1 first,");
    bytes_fini(&visited);
}

static void what_is_behind_the_last_one_counts_for_nothing(void **ctx)
{
    (void)ctx;
    append("first");
    append("second");
    journal_empty(journal);
    assert_int_equal(append("third"), 0); /* ends where the second begins */
    expect_read(boot, 2, "3 third,");
    reopen(other_boot);
    expect_read(boot, 2, "3 third,");
}

/* As a copy of it was: it lacks what came in between, and what became of that. */
static void beside_an_older_database_it_counts_for_nothing(void **ctx)
{
    (void)ctx;
    append("first");
    append("second");
    expect_read(boot, 0, "1 first,2 second,");
    journal_empty(journal);
    append("third");
    append("fourth");
    expect_read(boot, 1, "");
    expect_read(boot, 2, "3 third,4 fourth,");
}

static void there_is_room_until_it_is_full_and_again_when_it_is_emptied(void **ctx)
{
    (void)ctx;
    struct bytes entry = {0};
    assert_non_null(bytes_extend(&entry, MAX_BYTES / 2));
    memset(entry.data, 'x', entry.length);
    assert_true(journal_has_room(journal, entry.length));
    assert_int_equal(journal_append(journal, &entry, NULL), 0);
    assert_false(journal_has_room(journal, entry.length));
    assert_true(journal_has_room(journal, entry.length / 2));
    journal_empty(journal);
    assert_true(journal_has_room(journal, entry.length));
    bytes_fini(&entry);
}

/* A sync of what makes a file bigger writes more than that. */
static void the_file_grows_in_few_big_steps(void **ctx)
{
    (void)ctx;
    enum { STEP = 512 << 10 };
    struct bytes entry = {0};
    assert_non_null(bytes_extend(&entry, STEP / 4));
    memset(entry.data, 'x', entry.length);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(journal_append(journal, &entry, NULL), 0);
        assert_int_equal(file_bytes(), i < 3 ? STEP : 2 * STEP);
    }
    bytes_fini(&entry);
}

/* ---- a disk that fails ---- */

static void after_a_failure_nothing_is_appended_for_a_while(void **ctx)
{
    (void)ctx;
    append("first");
    disk_fail((struct disk_fault){.calls = DISK_SYNC, .first = 1, .count = 1});
    assert_true(append("in doubt") < 0);
    assert_int_equal(journal_number(journal), 2);
    assert_false(journal_has_room(journal, 0));
    journal_empty(journal);
    assert_false(journal_has_room(journal, 0)); /* yet */
}

static void a_full_disk_is_said_to_be_full(void **ctx)
{
    (void)ctx;
    disk_fail(
        (struct disk_fault){.calls = DISK_WRITE, .first = 1, .count = 1, .code = SQLITE_FULL});
    assert_int_equal(append("first"), FERRY_STORAGE_FULL);
}

static void what_cannot_be_read_is_an_error(void **ctx)
{
    (void)ctx;
    ferry_error error;
    append("first");
    static const unsigned calls[] = {DISK_OPEN, DISK_SIZE, DISK_READ};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        reopen(other_boot);
        disk_fail((struct disk_fault){.calls = calls[i], .first = 1, .count = 1});
        assert_true(journal_read(journal, boot, 0, on_entry, NULL, &error) < 0);
    }
    assert_null(visited.data);
    expect_read(boot, 0, "1 first,");
}

/* As the database's: what it says from then on need not be so. */
static void a_file_that_could_not_be_read_is_opened_anew(void **ctx)
{
    (void)ctx;
    ferry_error error;
    append("first");
    static const unsigned calls[] = {DISK_READ, DISK_OPEN};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        disk_fail((struct disk_fault){.calls = calls[i], .first = 1, .count = 1});
        assert_true(journal_read(journal, boot, 0, on_entry, NULL, &error) < 0);
    }
    expect_read(boot, 0, "1 first,");
}

/* ---- what is on disk ---- */

/* Another ferry may have written it. */
static void an_entry_has_the_bytes_of_the_format(void **ctx)
{
    (void)ctx;
    static const char expected[] = "\x7f\x21\xe9\xb3\x72\x08\xed\xe7" /* its checksum */
                                   "\x11\0\0\0\0\0\0\0"               /* length */
                                   "\1\0\0\0\0\0\0\0"                 /* number */
                                   "one process it i"
                                   "a job and its end";
    char bytes[sizeof expected - 1];
    append("a job and its end");
    sqlite3_file *file = file_open();
    assert_int_equal(file->pMethods->xRead(file, bytes, sizeof bytes, 0), 0);
    file_close(file);
    assert_memory_equal(bytes, expected, sizeof bytes);
}

/* Change a byte of the file. */
static void flip(sqlite3_int64 at)
{
    sqlite3_file *file = file_open();
    char byte;
    assert_int_equal(file->pMethods->xRead(file, &byte, 1, at), 0);
    byte ^= 1;
    assert_int_equal(file->pMethods->xWrite(file, &byte, 1, at), 0);
    file_close(file);
}

static void an_entry_with_a_wrong_byte_is_none_and_the_last_one(void **ctx)
{
    (void)ctx;
    enum { HEAD = 40, FIRST = HEAD + 5, SECOND = HEAD + 6 };
    append("first");
    append("second");
    append("third");
    for (int at = 0; at < SECOND; at++) {
        flip(FIRST + at);
        expect_read(boot, 0, "1 first,");
        flip(FIRST + at);
    }
    expect_read(boot, 0, "1 first,2 second,3 third,");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    disk_install();
    const struct CMUnitTest tests[] = {
        TEST(what_was_appended_is_read_in_its_order),
        TEST(the_next_process_reads_it_by_the_name_of_the_one_before),
        TEST(the_visitor_ends_the_visit),
        TEST(what_is_behind_the_last_one_counts_for_nothing),
        TEST(beside_an_older_database_it_counts_for_nothing),
        TEST(the_file_grows_in_few_big_steps),
        TEST(there_is_room_until_it_is_full_and_again_when_it_is_emptied),
        TEST(after_a_failure_nothing_is_appended_for_a_while),
        TEST(a_full_disk_is_said_to_be_full),
        TEST(what_cannot_be_read_is_an_error),
        TEST(a_file_that_could_not_be_read_is_opened_anew),
        TEST(an_entry_has_the_bytes_of_the_format),
        TEST(an_entry_with_a_wrong_byte_is_none_and_the_last_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
