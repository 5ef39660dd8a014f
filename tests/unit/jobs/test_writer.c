/* The writer on a disk that fails: what it answers, and how it comes back. */
#include "fixture.h"

#include <limits.h>

#include "database.h"
#include "disk_vfs.h"
#include "writer.h"

static struct folder folder;
static struct writer *writer;

/* The next `count` calls of a kind fail, from now on. */
static void fail_calls(unsigned calls, unsigned count, int code)
{
    disk_fail((struct disk_fault){.calls = calls, .first = 1, .count = count, .code = code});
}

static void no_answer(struct operation *operation)
{
    (void)operation;
}

static int set_up(void **ctx)
{
    (void)ctx;
    disk_reset(0);
    folder_make(&folder);
    writer = writer_open(folder.database, NULL, NULL);
    assert_non_null(writer);
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    disk_heal();
    writer_close(writer);
    folder_remove(&folder);
    return 0;
}

static struct insert_operation make_insert(void)
{
    static char block[] = "block";
    struct insert_operation insert = {
        .base = {.kind = OPERATION_INSERT, .done = no_answer},
        .route = "/r",
        .worker = "w",
        .state = JOB_QUEUED,
        .created_ms = 1,
        .run_at_ms = 1,
        .block = block,
        .length = sizeof block - 1,
    };
    random_id(insert.id);
    random_id(insert.delivery_id);
    return insert;
}

static struct insert_operation write_one(void)
{
    struct insert_operation insert = make_insert();
    writer_run(writer, &insert.base);
    return insert;
}

/* The writer opens a lost database at once, and then once a second. */
static bool comes_back(void)
{
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (clock_monotonic_ms() < until_ms) {
        if (write_one().base.error.code == FERRY_OK)
            return true;
        usleep(10000);
    }
    return false;
}

static void a_failed_sync_is_no_commit(void **ctx)
{
    (void)ctx;
    assert_int_equal(write_one().base.error.code, FERRY_OK);
    fail_calls(DISK_SYNC, 1, 0);
    struct insert_operation failed = write_one();
    assert_int_equal(failed.base.error.code, FERRY_REJECTED);
    assert_true(failed.base.in_doubt);
}

/* Nobody else has the database open here, so that opening it again reads the log as after a crash.
 */
static void what_is_in_doubt_may_turn_up_and_can_be_undone(void **ctx)
{
    (void)ctx;
    assert_int_equal(write_one().base.error.code, FERRY_OK); /* makes the log, with its own sync */
    fail_calls(DISK_SYNC, 1, 0);
    struct insert_operation failed = write_one();
    assert_true(failed.base.in_doubt);
    assert_true(comes_back());
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM jobs"), 3);
    struct undo_operation undo = {.base = {.kind = OPERATION_UNDO, .done = no_answer}};
    memcpy(undo.id, failed.id, sizeof undo.id);
    writer_run(writer, &undo.base);
    assert_int_equal(undo.base.error.code, FERRY_OK);
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM jobs"), 2);
}

static void after_a_failed_sync_the_handle_is_not_used_again(void **ctx)
{
    (void)ctx;
    unsigned opened = disk_opened();
    fail_calls(DISK_SYNC, 1, 0);
    write_one();
    assert_int_equal(disk_opened(), opened);
    assert_true(comes_back());
    assert_int_equal(disk_opened(), opened + 1);
}

static void it_stays_refused_until_all_of_the_database_is_synced(void **ctx)
{
    (void)ctx;
    assert_int_equal(write_one().base.error.code, FERRY_OK);
    fail_calls(DISK_SYNC, UINT_MAX, 0); /* the sync of the way back fails as well */
    assert_int_equal(write_one().base.error.code, FERRY_REJECTED);
    struct insert_operation refused = write_one();
    assert_int_equal(refused.base.error.code, FERRY_REJECTED);
    assert_false(refused.base.in_doubt); /* it never came near the disk */
    disk_heal();
    assert_true(comes_back());
}

static void it_stays_refused_while_the_file_does_not_open(void **ctx)
{
    (void)ctx;
    fail_calls(DISK_SYNC, 1, 0);
    assert_int_equal(write_one().base.error.code, FERRY_REJECTED);
    fail_calls(DISK_OPEN_MAIN, 1, 0);
    assert_int_equal(write_one().base.error.code, FERRY_REJECTED);
    assert_int_equal(disk_fault_count(), 2); /* it has tried */
    assert_true(comes_back());
}

static void all_of_a_failed_commit_fails(void **ctx)
{
    (void)ctx;
    struct insert_operation first = make_insert(), second = make_insert();
    first.base.next = &second.base;
    fail_calls(DISK_SYNC, 1, 0);
    writer_run(writer, &first.base);
    assert_int_equal(first.base.error.code, FERRY_REJECTED);
    assert_int_equal(second.base.error.code, FERRY_REJECTED);
}

static void an_error_of_writing_is_no_commit_either(void **ctx)
{
    (void)ctx;
    fail_calls(DISK_WRITE, 1, 0);
    assert_int_equal(write_one().base.error.code, FERRY_REJECTED);
    assert_true(comes_back());
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM jobs"), 1);
}

static void a_full_disk_is_said_to_be_full_and_needs_no_new_handle(void **ctx)
{
    (void)ctx;
    unsigned opened = disk_opened();
    fail_calls(DISK_WRITE, 1, SQLITE_FULL);
    struct insert_operation failed = write_one();
    assert_int_equal(failed.base.error.code, FERRY_STORAGE_FULL);
    assert_false(failed.base.in_doubt);
    assert_int_equal(write_one().base.error.code, FERRY_OK);
    assert_int_equal(disk_opened(), opened);
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM jobs"), 1);
}

static void when_the_disk_is_full_only_new_jobs_fail_for_it(void **ctx)
{
    (void)ctx;
    struct insert_operation running = make_insert();
    running.state = JOB_RUNNING;
    running.claim.token = 7;
    writer_run(writer, &running.base);
    struct insert_operation first = make_insert(), second = make_insert();
    struct settle_operation settle = {.base = {.kind = OPERATION_SETTLE, .done = no_answer},
                                      .key = running.claim,
                                      .state = JOB_SUCCEEDED,
                                      .now_ms = 2};
    first.base.next = &settle.base;
    settle.base.next = &second.base;
    fail_calls(DISK_WRITE, 1, SQLITE_FULL);
    writer_run(writer, &first.base);
    assert_int_equal(disk_fault_count(), 1);
    assert_int_equal(first.base.error.code, FERRY_STORAGE_FULL);
    assert_int_equal(second.base.error.code, FERRY_STORAGE_FULL);
    assert_int_equal(settle.base.error.code, FERRY_OK);
    assert_true(settle.changed);
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM jobs"), 1);
    assert_int_equal(folder_query(&folder, "SELECT state FROM jobs"), JOB_SUCCEEDED);
}

static void when_the_database_is_deleted_only_new_jobs_fail_for_it(void **ctx)
{
    (void)ctx;
    struct insert_operation running = make_insert();
    running.state = JOB_RUNNING;
    running.claim.token = 7;
    writer_run(writer, &running.base);
    assert_int_equal(unlink(folder.database), 0);
    struct insert_operation late = make_insert();
    struct settle_operation settle = {.base = {.kind = OPERATION_SETTLE, .done = no_answer},
                                      .key = running.claim,
                                      .state = JOB_SUCCEEDED,
                                      .now_ms = 2};
    late.base.next = &settle.base;
    writer_run(writer, &late.base);
    assert_int_equal(late.base.error.code, FERRY_REJECTED);
    assert_non_null(strstr(late.base.error.message, "was deleted"));
    assert_int_equal(settle.base.error.code, FERRY_OK);
    assert_true(settle.changed);
}

static void when_the_disk_stays_full_all_of_it_fails(void **ctx)
{
    (void)ctx;
    struct insert_operation insert = make_insert();
    struct undo_operation undo = {.base = {.kind = OPERATION_UNDO, .done = no_answer}};
    struct insert_operation there = write_one();
    memcpy(undo.id, there.id, sizeof undo.id);
    insert.base.next = &undo.base;
    fail_calls(DISK_WRITE, UINT_MAX, SQLITE_FULL);
    writer_run(writer, &insert.base);
    disk_heal();
    assert_int_equal(insert.base.error.code, FERRY_STORAGE_FULL);
    assert_int_equal(undo.base.error.code, FERRY_STORAGE_FULL);
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM jobs"), 1);
    writer_run(writer, &undo.base);
    assert_int_equal(undo.base.error.code, FERRY_OK);
}

/* Its id is the earlier job's by then: an undo of it would delete that one. */
static void a_repeat_whose_commit_fails_is_not_in_doubt(void **ctx)
{
    (void)ctx;
    struct insert_operation first = make_insert(), again = make_insert(), other = make_insert();
    first.key = again.key = "k";
    writer_run(writer, &first.base);
    again.base.next = &other.base;
    fail_calls(DISK_SYNC, 1, 0);
    writer_run(writer, &again.base);
    assert_int_equal(again.base.error.code, FERRY_REJECTED);
    assert_false(again.base.in_doubt);
    assert_true(other.base.in_doubt);
}

/* ---- the write-ahead log ---- */

static sqlite3 *start_reading(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(folder.database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM jobs", NULL, NULL, NULL),
                     SQLITE_OK);
    return db;
}

static void write_mebibytes(size_t count)
{
    static char block[1 << 20];
    for (size_t i = 0; i < count; i++) {
        struct insert_operation insert = make_insert();
        insert.block = block;
        insert.length = sizeof block;
        writer_run(writer, &insert.base);
        assert_int_equal(insert.base.error.code, FERRY_OK);
    }
}

static bool is_big(int64_t wal_bytes)
{
    return wal_bytes > 64 << 20;
}

static bool is_empty(int64_t wal_bytes)
{
    return wal_bytes == 0;
}

/* Write what changes nothing, so that no automatic checkpoint comes of it, until the log is so. */
static void wait_for_log(bool (*is_so)(int64_t wal_bytes))
{
    struct undo_operation nothing = {.base = {.kind = OPERATION_UNDO, .done = no_answer}};
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (!is_so(writer_wal_bytes(writer)) && clock_monotonic_ms() < until_ms) {
        writer_run(writer, &nothing.base);
        assert_int_equal(nothing.base.error.code, FERRY_OK); /* nothing fails for it */
        usleep(10000);
    }
    assert_true(is_so(writer_wal_bytes(writer)));
}

static void a_log_that_a_reader_has_made_big_is_emptied_when_it_is_gone(void **ctx)
{
    (void)ctx;
    write_one();
    sqlite3 *db = start_reading();
    write_mebibytes(70);
    wait_for_log(is_big);
    sqlite3_close(db);
    wait_for_log(is_empty);
    assert_int_equal(folder_query(&folder, "SELECT count(*) FROM jobs WHERE input_bytes > 5"), 70);
}

/* ---- the queue on such a disk ---- */

static struct fixture fixture, *f = &fixture;

static int set_up_queue(void **ctx)
{
    (void)ctx;
    disk_reset(0);
    fixture_make(f);
    fixture_start(f);
    fixture_wait(f, is_idle);
    return 0;
}

static int tear_down_queue(void **ctx)
{
    (void)ctx;
    disk_heal();
    fixture_remove(f);
    return 0;
}

static void a_job_that_is_refused_does_not_run_and_leaves_nothing(void **ctx)
{
    (void)ctx;
    fail_calls(DISK_SYNC, 1, 0);
    fixture_add(f, "/echo", "x");
    fixture_wait(f, is_answered);
    assert_int_equal(f->refused, 1);
    assert_int_equal(f->last_error.code, FERRY_REJECTED);
    fixture_wait(f, is_idle);
    assert_int_equal(atomic_load(&fakes.runs), 0);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), 0);
    f->options.max_pending = 1;
    fixture_add_committed(f, "/echo", "x");
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_SUCCEEDED);
}

static bool is_running_one(struct fixture *at)
{
    (void)at;
    return atomic_load(&fakes.running) == 1;
}

static bool has_failed_a_sync(struct fixture *at)
{
    (void)at;
    return disk_fault_count() == 1;
}

static int64_t told_version;
static enum job_state told_state;

static void on_told(void *arg, const struct job_change *change)
{
    (void)arg;
    told_version = change->version;
    told_state = change->state;
}

static void the_end_of_an_attempt_is_written_again_until_it_is_on_disk(void **ctx)
{
    (void)ctx;
    fixture_add_committed(f, "/gate", "x");
    struct queue_watch *watch = queue_watch(f->queue, f->last_id, on_told, NULL);
    fixture_wait(f, is_running_one);
    fail_calls(DISK_SYNC, 1, 0);
    gate_set(true);
    fixture_wait(f, has_failed_a_sync);
    assert_false(queue_is_idle(f->queue));
    fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->state, JOB_SUCCEEDED);
    assert_int_equal(atomic_load(&fakes.runs), 1);
    assert_int_equal(told_state, JOB_SUCCEEDED);
    assert_int_equal(told_version, f->record.version);
    assert_true(fixture_metric(f, "ferry_jobs{state=\"running\"}") == 0);
    assert_true(fixture_metric(f, "ferry_jobs{state=\"succeeded\"}") == 1);
    queue_unwatch(watch);
}

static void a_claim_that_failed_is_made_again(void **ctx)
{
    (void)ctx;
    fixture_close(f);
    fixture_open(f);
    fixture_add_committed(f, "/echo", "x");
    fail_calls(DISK_SYNC, 1, 0);
    queue_start(f->queue);
    fixture_wait(f, has_failed_a_sync);
    while (fixture_get(f, f->last_id)->state != JOB_SUCCEEDED)
        fixture_wait(f, is_idle);
    assert_int_equal(fixture_get(f, f->last_id)->attempt, 1);
    assert_int_equal(atomic_load(&fakes.runs), 1);
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_queue, tear_down_queue)

/* ---- the check at the start ---- */

/* Open it with the n-th read failing, and so many from there on. Returns whether there was one. */
static bool open_with_failed_reads(unsigned n, unsigned count)
{
    bool damaged = false;
    ferry_error error = {0};
    unsigned faults = disk_fault_count();
    disk_fail((struct disk_fault){.calls = DISK_READ, .first = n, .count = count});
    sqlite3 *db = database_open_writer(folder.database, &damaged, &error);
    bool was_faulty = disk_fault_count() > faults;
    disk_heal();
    if (damaged)
        fail_msg("read %u: %s", n, error.message);
    sqlite3_close(db);
    return was_faulty;
}

static void a_page_that_cannot_be_read_is_no_damage(void **ctx)
{
    (void)ctx;
    folder_sql(&folder, "CREATE TABLE filler (t);"
                        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                        "                         WHERE i < 60)"
                        " INSERT INTO filler SELECT zeroblob(i * 200) FROM n");
    writer_close(writer);
    writer = NULL;
    for (unsigned n = 1; open_with_failed_reads(n, 1); n++)
        open_with_failed_reads(n, UINT_MAX);
    writer = writer_open(folder.database, NULL, NULL);
    assert_non_null(writer);
}

int main(void)
{
    disk_install();
    const struct CMUnitTest tests[] = {
        TEST(a_failed_sync_is_no_commit),
        TEST(what_is_in_doubt_may_turn_up_and_can_be_undone),
        TEST(after_a_failed_sync_the_handle_is_not_used_again),
        TEST(it_stays_refused_until_all_of_the_database_is_synced),
        TEST(it_stays_refused_while_the_file_does_not_open),
        TEST(all_of_a_failed_commit_fails),
        TEST(an_error_of_writing_is_no_commit_either),
        TEST(a_full_disk_is_said_to_be_full_and_needs_no_new_handle),
        TEST(when_the_disk_is_full_only_new_jobs_fail_for_it),
        TEST(when_the_database_is_deleted_only_new_jobs_fail_for_it),
        TEST(when_the_disk_stays_full_all_of_it_fails),
        TEST(a_repeat_whose_commit_fails_is_not_in_doubt),
        TEST(a_log_that_a_reader_has_made_big_is_emptied_when_it_is_gone),
        QUEUE_TEST(a_job_that_is_refused_does_not_run_and_leaves_nothing),
        QUEUE_TEST(the_end_of_an_attempt_is_written_again_until_it_is_on_disk),
        QUEUE_TEST(a_claim_that_failed_is_made_again),
        TEST(a_page_that_cannot_be_read_is_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
