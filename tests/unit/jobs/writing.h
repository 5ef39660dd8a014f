/* A folder with its database and the writer, without a loop: operations are run one by one. */
#ifndef TESTS_JOBS_WRITING_H
#define TESTS_JOBS_WRITING_H

#include "folder.h"

#include "call_input.h"
#include "writer.h"

static struct folder folder;
static struct writer *writer;

static inline int writing_set_up(void **ctx)
{
    (void)ctx;
    folder_make(&folder);
    writer = writer_open(folder.database, NULL, NULL);
    assert_non_null(writer);
    return 0;
}

static inline int writing_tear_down(void **ctx)
{
    (void)ctx;
    writer_close(writer);
    folder_remove(&folder);
    return 0;
}

/* As after a stop and a start. */
static inline void writing_reopen(void)
{
    writer_close(writer);
    writer = writer_open(folder.database, NULL, NULL);
    assert_non_null(writer);
}

#define WRITING_TEST(name) cmocka_unit_test_setup_teardown(name, writing_set_up, writing_tear_down)

/* Run one operation and return its error's code. */
static inline int run(struct operation *operation)
{
    writer_run(writer, operation);
    return operation->error.code;
}

static inline int64_t query(const char *sql)
{
    return folder_query(&folder, sql);
}

/* ---- operations as the tests need them ---- */

static inline struct insert_operation insert_of(enum job_state state)
{
    static char block[] = "block";
    struct insert_operation insert = {
        .base = {.kind = OPERATION_INSERT},
        .route = "/r",
        .worker = "w",
        .state = state,
        .created_ms = 1000,
        .run_at_ms = 1000,
        .block = block,
        .length = sizeof block - 1,
        .claim = {.token = 7},
    };
    random_id(insert.id);
    random_id(insert.delivery_id);
    return insert;
}

/* Insert it, which must make a job. */
static inline void insert_added(struct insert_operation *insert)
{
    assert_int_equal(run(&insert->base), FERRY_OK);
    assert_int_equal(insert->outcome, INSERT_ADDED);
}

/* Have the journal begun, by the first transaction: of a job that waits. */
static inline void journal_begin(void)
{
    struct insert_operation waiting = insert_of(JOB_QUEUED);
    insert_added(&waiting);
}

/* Set up with the journal begun and no job. */
static inline int writing_set_up_journal(void **ctx)
{
    writing_set_up(ctx);
    journal_begin();
    folder_sql(&folder, "DELETE FROM jobs; DELETE FROM inputs");
    return 0;
}

/* Tell that the jobs on disk, and what belongs to them, differ in nothing but their names. */
static inline void expect_rows_alike(void)
{
    assert_int_equal(query("SELECT count(DISTINCT version || route || worker || state || attempt"
                           " || crashes || input_bytes || created_ms || run_at_ms ||"
                           " quote(started_ms) || quote(finished_ms) || quote(hex(boot)) ||"
                           " quote(error_code) || quote(error) || quote(result_status) ||"
                           " quote(result_type) || quote(result) || is_wall || is_cancelling ||"
                           " quote(callback) || quote(memory) || quote(block))"
                           " FROM jobs LEFT JOIN inputs ON inputs.job = jobs.job"),
                     1);
}

/* Insert a job, then set it to any state by force; of a final one, finished_ms is 1500. */
static inline struct insert_operation insert_in(enum job_state state)
{
    struct insert_operation insert = insert_of(state == JOB_RUNNING ? state : JOB_QUEUED);
    insert_added(&insert);
    char sql[128];
    snprintf(sql, sizeof sql,
             "UPDATE jobs SET state = %d, finished_ms = iif(%d > 3, 1500, NULL)"
             " WHERE job = %lld",
             (int)state, (int)state, (long long)insert.claim.job);
    folder_sql(&folder, sql);
    return insert;
}

static inline struct settle_operation settle_of(struct claim_key key, enum job_state state)
{
    return (struct settle_operation){
        .base = {.kind = OPERATION_SETTLE},
        .key = key,
        .state = state,
        .now_ms = 2000,
        .run_at_ms = state == JOB_RETRYING ? 2500 : 0,
    };
}

/* A running job that is through within milliseconds. */
static inline struct insert_operation short_of(void)
{
    struct insert_operation insert = insert_of(JOB_RUNNING);
    insert.is_short = true;
    return insert;
}

static inline struct settle_operation success_of(const struct insert_operation *insert)
{
    static char type[] = "text/plain", result[] = "ok";
    struct settle_operation settle = settle_of(insert->claim, JOB_SUCCEEDED);
    settle.was_version = 1;
    settle.result_status = 200;
    settle.result_type = type;
    settle.result = result;
    settle.result_length = sizeof result - 1;
    return settle;
}

/* Tell whether the job is written as one that has succeeded. */
static inline bool succeeds(const struct insert_operation *insert)
{
    struct settle_operation settle = success_of(insert);
    return run(&settle.base) == FERRY_OK && settle.changed;
}

static inline struct claim_operation claim_of(const char *route)
{
    return (struct claim_operation){
        .base = {.kind = OPERATION_CLAIM},
        .route = route,
        .limit = 10,
        .token = 8,
        .now_ms = 3000,
    };
}

static inline struct change_operation change_of(enum job_action action, const char *id)
{
    struct change_operation change = {
        .base = {.kind = OPERATION_CHANGE}, .action = action, .now_ms = 4000};
    snprintf(change.id, sizeof change.id, "%s", id);
    return change;
}

static inline struct give_row_operation give_row_to(const char *id)
{
    struct give_row_operation give = {.base = {.kind = OPERATION_GIVE_ROW}};
    snprintf(give.id, sizeof give.id, "%s", id);
    return give;
}

/* ---- jobs without rows ---- */

/* Have so many rows, and no job without one, or some. */
static inline void expect_rows(int64_t jobs, bool has_all)
{
    assert_int_equal(query("SELECT count(*) FROM jobs"), jobs);
    assert_int_equal(writer_has_all_rows(writer), has_all);
}

/* Keep some job running, so that the journal is used for the ends of others. */
static inline struct insert_operation insert_runner(void)
{
    struct insert_operation runner = short_of();
    insert_added(&runner);
    return runner;
}

static inline void insert_three(void)
{
    for (int i = 0; i < 3; i++)
        insert_runner();
    expect_rows(0, false);
}

#endif
