/* SQLite lacks memory twice, at any two places where it asks for some: what is asked for may fail,
 * but nothing is done to a job, or said of it, that is not so. */
#include "writing.h"

#include "record.h"
#include "statements.h"

static sqlite3_mem_methods real;
static unsigned asked, lacking[2]; /* which pieces are not there */
static bool is_counted;

static bool is_lacking(void)
{
    if (is_counted)
        asked++;
    return is_counted && (asked == lacking[0] || asked == lacking[1]);
}

static void *malloc_or_not(int size)
{
    return is_lacking() ? NULL : real.xMalloc(size);
}

static void *realloc_or_not(void *memory, int size)
{
    return is_lacking() ? NULL : real.xRealloc(memory, size);
}

static void stand_in_for_malloc(void)
{
    sqlite3_mem_methods methods;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real), SQLITE_OK);
    methods = real;
    methods.xMalloc = malloc_or_not;
    methods.xRealloc = realloc_or_not;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

static void count(bool counts)
{
    if (counts)
        asked = 0;
    is_counted = counts;
}

/* Call it for any two pieces of those that it counts, once its statements are prepared. */
static void for_any_two(void (*call)(void))
{
    lacking[0] = lacking[1] = 0;
    call();
    do {
        lacking[1] = ++lacking[0];
        do {
            lacking[1]++;
            call();
        } while (asked >= lacking[1]);
    } while (asked >= lacking[0]);
}

static int run_with_little(struct operation *operation)
{
    count(true);
    int rc = run(operation);
    count(false);
    assert_true(rc == FERRY_OK || rc == FERRY_REJECTED);
    return rc;
}

static void have_a_row_given(void)
{
    struct insert_operation runner = insert_runner();
    struct operation give_rows = {.kind = OPERATION_GIVE_ROWS};
    run_with_little(&give_rows);
    assert_int_equal(run(&give_rows), FERRY_OK);
    assert_true(succeeds(&runner));
}

static void a_job_that_gets_its_row_still_runs(void **ctx)
{
    (void)ctx;
    for_any_two(have_a_row_given);
}

static void have_one_undone(void)
{
    struct insert_operation insert = insert_of(JOB_QUEUED);
    insert_added(&insert);
    struct undo_operation undo = {.base = {.kind = OPERATION_UNDO}};
    memcpy(undo.id, insert.id, sizeof undo.id);
    if (run_with_little(&undo.base) != FERRY_OK)
        assert_int_equal(run(&undo.base), FERRY_OK);
    expect_rows(0, true);
}

static void what_is_undone_is_undone(void **ctx)
{
    (void)ctx;
    for_any_two(have_one_undone);
}

static struct insert_operation known;

static int find(const char *id)
{
    struct job_record record = {0};
    ferry_error error;
    int rc = record_find(writer_statements(writer), id, &record, &error);
    job_record_fini(&record);
    return rc;
}

static void have_it_found(void)
{
    count(true);
    int rc = find(known.id);
    count(false);
    assert_true(rc == 0 || rc == FERRY_INTERNAL);
}

static void one_that_is_there_is_never_taken_for_one_that_is_not(void **ctx)
{
    (void)ctx;
    char unknown[RANDOM_ID_TEXT_SIZE];
    assert_int_equal(find(random_id(unknown)), FERRY_NOT_FOUND);
    known = insert_in(JOB_DEAD);
    for_any_two(have_it_found);
}

/* ---- a commit ---- */

enum { PAGE_BYTES = 4096, FRAME_BYTES = PAGE_BYTES + 24, FRAMES = 4062 };

static int64_t log_frames(void)
{
    char path[128];
    struct stat log;
    snprintf(path, sizeof path, "%s-wal", folder.database);
    assert_int_equal(stat(path, &log), 0);
    return log.st_size / FRAME_BYTES;
}

/* Have the log's index need more memory for the next commit: it comes in pieces of so many frames.
 * A reader keeps the log from beginning anew. */
static sqlite3 *fill_first_piece(void)
{
    char sql[128];
    sqlite3 *reader;
    assert_int_equal(sqlite3_open(folder.database, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT 1 FROM jobs", NULL, NULL, NULL),
                     SQLITE_OK);
    snprintf(sql, sizeof sql, "CREATE TABLE filler (t); INSERT INTO filler VALUES (zeroblob(%d))",
             (FRAMES - 100) * PAGE_BYTES);
    folder_sql(&folder, sql);
    while (log_frames() < FRAMES - 10)
        folder_sql(&folder, "INSERT INTO filler VALUES (zeroblob(4000))");
    assert_true(log_frames() < FRAMES);
    return reader;
}

static int on_commit(void *arg)
{
    (void)arg;
    count(true);
    return 0;
}

/* As the next process would find it after a crash. */
static bool is_on_disk(const struct insert_operation *insert)
{
    struct folder copy;
    char sql[96];
    folder_make(&copy);
    folder_copy(&folder, &copy, "jobs.db");
    folder_copy(&folder, &copy, "jobs.db-wal");
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jobs WHERE id = x'%s'", insert->id);
    int64_t found = folder_query(&copy, sql);
    folder_remove(&copy);
    return found == 1;
}

static void what_a_failed_commit_may_have_left_is_in_doubt(void **ctx)
{
    (void)ctx;
    static char block[25 * PAGE_BYTES];
    sqlite3 *reader = fill_first_piece();
    sqlite3_commit_hook(sqlite3_db_handle(statement_of(writer_statements(writer), BEGIN)),
                        on_commit, NULL);
    unsigned left = 0;
    lacking[0] = lacking[1] = 0;
    int rc;
    do {
        lacking[0]++;
        struct insert_operation insert = insert_of(JOB_QUEUED);
        insert.block = block;
        insert.length = sizeof block;
        rc = run(&insert.base);
        count(false);
        bool is_left = rc != FERRY_OK && is_on_disk(&insert);
        assert_true(!is_left || insert.base.in_doubt);
        left += is_left;
    } while (rc != FERRY_OK);
    assert_true(left > 0);
    sqlite3_close(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, writing_set_up_journal, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_that_gets_its_row_still_runs),
        TEST(what_is_undone_is_undone),
        TEST(one_that_is_there_is_never_taken_for_one_that_is_not),
        TEST(what_a_failed_commit_may_have_left_is_in_doubt),
    };
    stand_in_for_malloc();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
