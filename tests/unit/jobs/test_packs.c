/* Packs: jobs that came together and have succeeded share a row, and each is what it would be with
 * a row of its own. */
#include "packing.h"

static struct together together;

static int set_up(void **ctx)
{
    together = (struct together){0};
    return writing_set_up_journal(ctx);
}

/* ---- what becomes a pack ---- */

static void jobs_that_came_together_share_a_row(void **ctx)
{
    (void)ctx;
    come_together(&together, PACK_JOBS);
    expect_tables(1, PACK_JOBS, 0);
    expect_all_found(&together);
    struct insert_operation unknown = together.jobs[0].insert;
    job_id_make(unknown.id, 1000);
    expect_not_found(&unknown, FERRY_NOT_FOUND);
}

static void few_have_rows(void **ctx)
{
    (void)ctx;
    come_together(&together, TOGETHER_LEAST - 1);
    expect_tables(0, 0, TOGETHER_LEAST - 1);
    expect_all_found(&together);
    come_together(&together, TOGETHER_LEAST);
    expect_tables(1, TOGETHER_LEAST, TOGETHER_LEAST - 1);
    expect_all_found(&together);
}

static void a_pack_has_so_many_at_most(void **ctx)
{
    (void)ctx;
    come_together(&together, PACK_JOBS + TOGETHER_LEAST);
    expect_tables(2, PACK_JOBS + TOGETHER_LEAST, 0);
    expect_all_found(&together);
    struct together more;
    come_together(&more, PACK_JOBS + 1);
    expect_tables(3, 2 * PACK_JOBS + TOGETHER_LEAST, 1);
    expect_all_found(&more);
}

/* Full statements of rows among them, before and between packs. */
static void those_of_one_transaction_each_get_their_own_place(void **ctx)
{
    (void)ctx;
    enum { FEW = TOGETHER_LEAST - 1, TIMES = 6 };
    for (int i = 0; i < TIMES; i++) {
        together_add(&together, FEW, 1000 + 1000 * i);
        together_add(&together, TOGETHER_LEAST + i, 1500 + 1000 * i);
    }
    together_come(&together);
    char results[TOGETHER_MOST][8];
    for (int i = 0; i < together.count; i++) {
        struct settle_operation *settle = &together.jobs[i].settle;
        settle->result = results[i];
        settle->result_length = (size_t)snprintf(results[i], sizeof results[i], "%d", i);
    }
    together_end(&together);
    expect_tables(TIMES, together.count - FEW * TIMES, FEW * TIMES);
    for (int i = 0; i < together.count; i++) {
        struct job_record record;
        expect_found(&together.jobs[i].insert);
        assert_int_equal(find(together.jobs[i].insert.id, &record), 0);
        assert_string_equal(record.result, results[i]);
        job_record_fini(&record);
    }
}

/* Add as many as a pack needs on either side of something. */
static struct comer *add_halves(int64_t second_id_ms)
{
    together_add(&together, TOGETHER_LEAST, 1000);
    return together_add(&together, TOGETHER_LEAST, second_id_ms);
}

static void another_route_begins_a_new_one(void **ctx)
{
    (void)ctx;
    struct comer *second = add_halves(1000);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        second[i].insert.route = "/other";
    together_run(&together);
    expect_tables(2, 2 * TOGETHER_LEAST, 0);
    assert_int_equal(query("SELECT count(DISTINCT route) FROM packs"), 2);
    expect_all_found(&together);
}

static void so_does_another_worker(void **ctx)
{
    (void)ctx;
    struct comer *second = add_halves(1000);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        second[i].insert.worker = "other";
    together_run(&together);
    expect_tables(2, 2 * TOGETHER_LEAST, 0);
    assert_int_equal(query("SELECT count(DISTINCT worker) FROM packs"), 2);
    expect_all_found(&together);
}

static void so_does_what_came_later(void **ctx)
{
    (void)ctx;
    add_halves(1100);
    together_run(&together);
    expect_tables(1, 2 * TOGETHER_LEAST, 0);
    expect_all_found(&together);
    together = (struct together){0};
    add_halves(1101);
    together_run(&together);
    expect_tables(3, 4 * TOGETHER_LEAST, 0);
    expect_all_found(&together);
}

static void so_does_a_clock_that_went_back(void **ctx)
{
    (void)ctx;
    add_halves(999);
    together_run(&together);
    expect_tables(2, 2 * TOGETHER_LEAST, 0);
    expect_all_found(&together);
}

/* The times in ids have 32 bits, and begin again all 50 days. */
static void so_does_the_time_in_ids_that_begins_again(void **ctx)
{
    (void)ctx;
    together_add(&together, TOGETHER_LEAST, UINT32_MAX - 10);
    together_add(&together, TOGETHER_LEAST, UINT32_MAX);
    together_add(&together, TOGETHER_LEAST, (int64_t)UINT32_MAX + 1);
    together_add(&together, TOGETHER_LEAST, (int64_t)UINT32_MAX + 20);
    together_run(&together);
    expect_tables(2, 4 * TOGETHER_LEAST, 0);
    expect_all_found(&together);
}

static void so_do_results_that_are_too_many_bytes(void **ctx)
{
    (void)ctx;
    enum { BYTES = 4096, FITTING = (32 << 10) / BYTES };
    static char big[BYTES];
    together_add(&together, 2 * FITTING, 1000);
    together_come(&together);
    for (int i = 0; i < together.count; i++) {
        together.jobs[i].settle.result = big;
        together.jobs[i].settle.result_length = sizeof big;
    }
    together_end(&together);
    expect_tables(2, 2 * FITTING, 0);
    assert_int_equal(query("SELECT min(count) FROM packs"), FITTING);
    expect_all_found(&together);
}

static void so_does_one_that_has_not_ended(void **ctx)
{
    (void)ctx;
    add_halves(1000)->stays_open = true;
    together_run(&together);
    expect_tables(1, TOGETHER_LEAST, TOGETHER_LEAST);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 4"), TOGETHER_LEAST - 1);
    assert_int_equal(query("SELECT job FROM jobs WHERE state = 2"),
                     together.jobs[TOGETHER_LEAST].insert.claim.job);
    assert_true(succeeds(&together.jobs[TOGETHER_LEAST].insert));
    expect_all_found(&together);
}

static void packs_of_one_time_are_searched_for_the_right_one(void **ctx)
{
    (void)ctx;
    struct together others[3];
    for (int i = 0; i < 3; i++)
        come_together(&others[i], PACK_JOBS);
    expect_tables(3, 3 * PACK_JOBS, 0);
    for (int i = 0; i < 3; i++)
        expect_all_found(&others[i]);
}

/* ---- what each is ---- */

static void end_with(struct settle_operation *settle, int status, char *type, char *result,
                     size_t length)
{
    settle->result_status = status;
    settle->result_type = type;
    settle->result = result;
    settle->result_length = length;
}

/* As many as make a pack, of which some have other results, inputs and times. */
static void make_various(void)
{
    static char empty[] = "", type[] = "application/json", zeros[] = "a\0b\0";
    static char block[] = "a longer input";
    struct comer *jobs = together_add(&together, TOGETHER_LEAST, 1000);
    jobs[1].insert.block = block;
    jobs[1].insert.length = sizeof block - 1;
    jobs[2].insert.created_ms = jobs[2].insert.run_at_ms = 1234;
    together_come(&together);
    end_with(&jobs[1].settle, 0, NULL, NULL, 0);
    end_with(&jobs[2].settle, 204, NULL, NULL, 0);
    end_with(&jobs[3].settle, 200, type, empty, 0);
    end_with(&jobs[4].settle, 201, empty, zeros, sizeof zeros);
    end_with(&jobs[5].settle, 200, type, NULL, 0);
    jobs[6].settle.now_ms = 2345;
    together_end(&together);
    expect_tables(1, TOGETHER_LEAST, 0);
}

static void expect_text(const char *text, const char *expected)
{
    assert_int_equal(text != NULL, expected != NULL);
    if (text)
        assert_string_equal(text, expected);
}

/* Compare each field. */
static void expect_alike(const struct job_record *one, const struct job_record *other)
{
    assert_int_equal(one->job, other->job);
    assert_string_equal(one->id, other->id);
    assert_string_equal(one->delivery_id, other->delivery_id);
    assert_int_equal(one->version, other->version);
    expect_text(one->route, other->route);
    expect_text(one->worker, other->worker);
    assert_int_equal(one->state, other->state);
    assert_int_equal(one->attempt, other->attempt);
    assert_int_equal(one->crashes, other->crashes);
    assert_int_equal(one->is_cancelling, other->is_cancelling);
    assert_int_equal(one->created_ms, other->created_ms);
    assert_int_equal(one->run_at_ms, other->run_at_ms);
    assert_int_equal(one->started_ms, other->started_ms);
    assert_int_equal(one->finished_ms, other->finished_ms);
    assert_int_equal(one->error_code, other->error_code);
    expect_text(one->error, other->error);
    assert_int_equal(one->result_status, other->result_status);
    expect_text(one->result_type, other->result_type);
    assert_int_equal(one->result != NULL, other->result != NULL);
    assert_int_equal(one->result_length, other->result_length);
    if (one->result)
        assert_memory_equal(one->result, other->result, one->result_length + 1);
}

static void open_pack_of(int64_t job)
{
    struct statements *statements = writer_statements(writer);
    assert_int_equal(statement_run(statements, BEGIN, NULL), 0);
    assert_int_equal(packs_open(statements, job, NULL), 0);
    assert_int_equal(statement_run(statements, COMMIT, NULL), 0);
}

static void each_is_found_as_its_row_would_be(void **ctx)
{
    (void)ctx;
    struct job_record *before = calloc(TOGETHER_LEAST, sizeof *before), after;
    assert_non_null(before);
    make_various();
    for (int i = 0; i < together.count; i++)
        assert_int_equal(find(together.jobs[i].insert.id, &before[i]), 0);
    open_pack_of(together.jobs[3].insert.claim.job);
    expect_tables(0, 0, TOGETHER_LEAST);
    for (int i = 0; i < together.count; i++) {
        assert_int_equal(find(together.jobs[i].insert.id, &after), 0);
        expect_alike(&before[i], &after);
        job_record_fini(&before[i]);
        job_record_fini(&after);
    }
    free(before);
}

static void its_row_is_that_of_any_other_which_has_succeeded(void **ctx)
{
    (void)ctx;
    struct insert_operation plain = insert_of(JOB_RUNNING);
    insert_added(&plain);
    assert_true(succeeds(&plain));
    come_together(&together, TOGETHER_LEAST);
    open_pack_of(together.jobs[0].insert.claim.job);
    expect_tables(0, 0, TOGETHER_LEAST + 1);
    assert_int_equal(query("SELECT count(DISTINCT version || route || worker || state || attempt"
                           " || crashes || input_bytes || created_ms || run_at_ms ||"
                           " quote(started_ms) || quote(finished_ms) || quote(boot) ||"
                           " quote(token) || quote(error_code) || quote(error) ||"
                           " quote(result_status) || quote(result_type) || quote(result) ||"
                           " is_wall || is_cancelling || quote(callback) || quote(memory))"
                           " FROM jobs"),
                     1);
    assert_int_equal(query("SELECT count(*) FROM inputs"), 0);
}

static void what_is_in_no_pack_opens_none(void **ctx)
{
    (void)ctx;
    come_together(&together, TOGETHER_LEAST);
    int64_t first = together.jobs[0].insert.claim.job;
    open_pack_of(first - 1);
    open_pack_of(first + TOGETHER_LEAST);
    expect_tables(1, TOGETHER_LEAST, 0);
}

static void a_pack_has_the_jobs_of_its_numbers_and_ids_only(void **ctx)
{
    (void)ctx;
    come_together(&together, TOGETHER_LEAST);
    struct statements *statements = writer_statements(writer);
    unsigned char id[RANDOM_ID_BYTES];
    int64_t first = together.jobs[0].insert.claim.job;
    for (int i = 0; i < TOGETHER_LEAST; i++) {
        job_id_parse(together.jobs[i].insert.id, id);
        for (int k = -1; k <= TOGETHER_LEAST; k++)
            assert_int_equal(packs_have(statements, first + k, id, NULL), k == i);
    }
}

/* ---- numbers ---- */

static void numbers_go_on_behind_a_pack_that_is_the_newest(void **ctx)
{
    (void)ctx;
    come_together(&together, PACK_JOBS);
    writing_reopen();
    struct insert_operation next = insert_of(JOB_QUEUED);
    insert_added(&next);
    assert_int_equal(next.claim.job, together.jobs[PACK_JOBS - 1].insert.claim.job + 1);
    expect_all_found(&together);
}

/* Somebody else has written a job under the number of one of them. */
static void take_number(int64_t job)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "INSERT INTO jobs (job, id, delivery_id, route, worker, state, input_bytes,"
             "                  created_ms, run_at_ms)"
             " VALUES (%lld, randomblob(16), randomblob(16), '/theirs', 'w', 1, 5, 1, 1)",
             (long long)job);
    folder_sql(&folder, sql);
}

static void a_number_that_somebody_else_took_loses_nobody(void **ctx)
{
    (void)ctx;
    enum { TAKEN = 5 };
    insert_runner(); /* so that the ends are in the journal */
    struct insert_operation *theirs = &together.jobs[TAKEN].insert;
    struct comer *second = add_halves(1000);
    for (int i = 0; i < TOGETHER_LEAST; i++)
        second[i].insert.route = "/other";
    together_come(&together);
    take_number(theirs->claim.job);
    together_end(&together);
    expect_tables(0, 0, together.count + 2);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE route = '/theirs'"), 1);
    struct job_record record;
    assert_int_equal(find(theirs->id, &record), 0);
    assert_int_equal(record.state, JOB_SUCCEEDED);
    theirs->claim.job = record.job; /* another one */
    job_record_fini(&record);
    expect_all_found(&together);
}

/* ---- after a crash ---- */

enum {
    MANY_JOBS = 1024, /* then the oldest get their places, which is not said */
    TURN = 16,
    TURNS = MANY_JOBS / TURN + 1,
};

static struct insert_operation turns[TURNS][TURN];
static struct comer enders[TURN];

/* Each turn has its jobs come, and those of the turn before succeed. Of each eight turns, one has
 * another route all the time, and so rows. */
static void run_turn(int turn)
{
    struct operation *first = NULL;
    for (int i = TURN - 1; i >= 0; i--) {
        if (turn > 0) {
            enders[i].settle = success_of(&turns[turn - 1][i]);
            enders[i].settle.base.next = first;
            first = &enders[i].settle.base;
        }
        turns[turn][i] = short_of();
        job_id_make(turns[turn][i].id, 1000 + turn);
        if (turn % 8 == 7 && i % 2)
            turns[turn][i].route = "/other";
    }
    for (int i = TURN - 1; i >= 0; i--) {
        turns[turn][i].base.next = first;
        first = &turns[turn][i].base;
    }
    writer_run(writer, first);
}

/* Go on with what is on disk now, as if the process had ended. */
static void crash(void)
{
    static const char *const names[] = {"jobs.db", "jobs.db-wal", "jobs.db-arrivals"};
    struct folder copy, *before = &folder;
    folder_make(&copy);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        folder_copy(before, &copy, names[i]);
    writer_close(writer);
    folder_remove(before);
    folder = copy;
    writer = writer_open(folder.database, NULL, NULL);
    assert_non_null(writer);
}

static void after_a_crash_no_job_is_there_twice(void **ctx)
{
    (void)ctx;
    for (int turn = 0; turn < TURNS; turn++)
        run_turn(turn);
    assert_false(writer_has_all_rows(writer));
    int64_t packed = query("SELECT sum(count) FROM packs");
    int64_t rows = query("SELECT count(*) FROM jobs");
    assert_true(packed > 0 && rows > 0);
    assert_int_equal(packed + rows, MANY_JOBS);
    crash();
    assert_int_equal(query("SELECT sum(count) FROM packs"), packed);
    assert_int_equal(query("SELECT count(*) FROM jobs"), rows + TURN);
    assert_int_equal(query("SELECT count(*) FROM jobs WHERE state = 2"), TURN);
    for (int turn = 0; turn < TURNS - 1; turn++) {
        for (int i = 0; i < TURN; i++)
            expect_found(&turns[turn][i]);
    }
}

/* All ends are in the journal, and nothing is in the tables. */
static void after_a_crash_they_get_their_packs(void **ctx)
{
    (void)ctx;
    struct insert_operation runner = insert_runner();
    together_add(&together, PACK_JOBS, 1000);
    together_come(&together);
    struct operation *first = NULL;
    for (int i = 0; i < together.count; i++) {
        together.jobs[i].settle.base.next = first;
        first = &together.jobs[i].settle.base;
    }
    writer_run(writer, first);
    expect_tables(0, 0, 0);
    crash();
    expect_tables(1, PACK_JOBS, 1);
    expect_all_found(&together);
    assert_true(succeeds(&runner));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, writing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(jobs_that_came_together_share_a_row),
        TEST(few_have_rows),
        TEST(a_pack_has_so_many_at_most),
        TEST(those_of_one_transaction_each_get_their_own_place),
        TEST(another_route_begins_a_new_one),
        TEST(so_does_another_worker),
        TEST(so_does_what_came_later),
        TEST(so_does_a_clock_that_went_back),
        TEST(so_does_the_time_in_ids_that_begins_again),
        TEST(so_do_results_that_are_too_many_bytes),
        TEST(so_does_one_that_has_not_ended),
        TEST(packs_of_one_time_are_searched_for_the_right_one),
        TEST(each_is_found_as_its_row_would_be),
        TEST(its_row_is_that_of_any_other_which_has_succeeded),
        TEST(what_is_in_no_pack_opens_none),
        TEST(a_pack_has_the_jobs_of_its_numbers_and_ids_only),
        TEST(numbers_go_on_behind_a_pack_that_is_the_newest),
        TEST(a_number_that_somebody_else_took_loses_nobody),
        TEST(after_a_crash_no_job_is_there_twice),
        TEST(after_a_crash_they_get_their_packs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
