/* The store: transactions of many operations, and claims that only their holder can end. */
#include "storing.h"

static int done_count;

static int set_up(void **ctx)
{
    (void)ctx;
    storing_set_up();
    done_count = 0;
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    if (store)
        assert_int_equal(store_close(store, PATIENCE_MS), 0);
    fixture_remove(f);
    return 0;
}

static bool is_store_idle(struct fixture *at)
{
    (void)at;
    return store_is_idle(store);
}

static void on_done(struct operation *operation)
{
    int *answers = operation->arg;
    (*answers)++;
    done_count++;
}

/* ---- operations, each with the number of its answers ---- */

struct insertion {
    struct insert_operation insert;
    int answers;
};

static void insertion_write(struct insertion *insertion, enum job_state state, int64_t token)
{
    static char block[] = "block";
    *insertion = (struct insertion){
        .insert =
            {
                .base = {.kind = OPERATION_INSERT, .done = on_done, .arg = &insertion->answers},
                .route = "/r",
                .worker = "w",
                .state = state,
                .created_ms = 1000,
                .run_at_ms = 1000,
                .block = block,
                .length = sizeof block - 1,
                .claim = {.token = token},
            },
    };
    random_id(insertion->insert.id);
    random_id(insertion->insert.delivery_id);
    store_write(store, &insertion->insert.base);
}

static int single_answers;

static struct settle_operation settle_with(struct claim_key key, enum job_state state)
{
    return (struct settle_operation){
        .base = {.kind = OPERATION_SETTLE, .done = on_done, .arg = &single_answers},
        .key = key,
        .state = state,
        .now_ms = 2000,
        .result_status = 200,
    };
}

static void write_and_wait(struct operation *operation)
{
    store_write(store, operation);
    fixture_wait(f, is_store_idle);
}

/* ---- group commit ---- */

enum { MANY = 200 };
static struct insertion many[MANY];

static void write_many(int first)
{
    for (int i = first; i < MANY; i++)
        insertion_write(&many[i], JOB_QUEUED, 0);
}

static void write_the_rest(void *arg)
{
    (void)arg;
    write_many(1);
}

static void assert_written_in_order(int commits)
{
    struct store_stats stats;
    store_get_stats(store, &stats);
    assert_int_equal(stats.commits, commits);
    assert_int_equal(stats.operations, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(many[i].answers, 1);
        assert_int_equal(many[i].insert.base.error.code, FERRY_OK);
        assert_int_equal(many[i].insert.claim.job, i + 1); /* in their order */
    }
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), MANY);
}

static void what_comes_in_one_turn_is_committed_together(void **ctx)
{
    (void)ctx;
    write_many(0);
    assert_int_equal(done_count, 0);
    fixture_wait(f, is_store_idle);
    assert_written_in_order(1);
}

static void what_the_next_turn_brings_is_committed_with_it(void **ctx)
{
    (void)ctx;
    insertion_write(&many[0], JOB_QUEUED, 0);
    ferry_loop_call_later(f->loop, 0, write_the_rest, NULL);
    fixture_wait(f, is_store_idle);
    assert_written_in_order(1);
}

/* One more with each turn, until all are written. */
static void write_next(void *arg)
{
    int *next = arg;
    insertion_write(&many[(*next)++], JOB_QUEUED, 0);
    if (*next < MANY)
        ferry_loop_call_later(f->loop, 0, write_next, next);
}

static void a_commit_does_not_wait_for_ever_for_more(void **ctx)
{
    (void)ctx;
    struct store_stats stats;
    int next = 0;
    write_next(&next);
    fixture_wait(f, is_store_idle);
    store_get_stats(store, &stats);
    assert_true(stats.commits > 1);
}

enum { TURNS = 10 }; /* by then a batch is on its way */

static void write_the_rest_later(void *arg)
{
    int *turns = arg;
    if (++*turns < TURNS)
        ferry_loop_call_later(f->loop, 0, write_the_rest_later, turns);
    else
        write_the_rest(NULL);
}

static bool are_all_written(struct fixture *at)
{
    return done_count == MANY && is_store_idle(at);
}

static void what_comes_during_a_commit_is_committed_together(void **ctx)
{
    (void)ctx;
    int turns = 0;
    insertion_write(&many[0], JOB_QUEUED, 0);
    write_the_rest_later(&turns);
    fixture_wait(f, are_all_written);
    assert_written_in_order(2);
}

static void an_operation_that_fails_alone_fails_alone(void **ctx)
{
    (void)ctx;
    insertion_write(&many[0], JOB_QUEUED, 0); /* keeps the store busy */
    for (int i = 1; i < 10; i++)
        insertion_write(&many[i], JOB_QUEUED, 0);
    memcpy(many[5].insert.id, many[4].insert.id, sizeof many[4].insert.id);
    fixture_wait(f, is_store_idle);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(many[i].answers, 1);
        assert_int_equal(many[i].insert.base.error.code, i == 5 ? FERRY_REJECTED : FERRY_OK);
    }
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), 9);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM inputs"), 9);
}

static void an_operation_that_fails_half_way_leaves_no_half(void **ctx)
{
    (void)ctx;
    folder_sql(&f->folder, "CREATE TRIGGER refuse BEFORE INSERT ON inputs"
                           " WHEN EXISTS (SELECT 1 FROM inputs)"
                           " BEGIN SELECT raise(ABORT, 'refused'); END");
    insertion_write(&many[0], JOB_QUEUED, 0);
    insertion_write(&many[1], JOB_QUEUED, 0); /* its job's row is written, its input is not */
    fixture_wait(f, is_store_idle);
    assert_int_equal(many[0].insert.base.error.code, FERRY_OK);
    assert_int_equal(many[1].insert.base.error.code, FERRY_REJECTED);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), 1);
}

static void there_is_room_for_so_many_only(void **ctx)
{
    (void)ctx;
    struct insertion *flood = calloc(65537, sizeof *flood);
    int written = 0;
    while (store_has_room(store, 5) && written < 65537)
        insertion_write(&flood[written++], JOB_QUEUED, 0);
    assert_int_equal(written, 65536);
    assert_false(store_has_room(store, 0));
    fixture_wait(f, is_store_idle);
    assert_true(store_has_room(store, 5));
    assert_int_equal(done_count, written);
    free(flood);
}

static void there_is_room_for_so_many_bytes_only(void **ctx)
{
    (void)ctx;
    assert_true(store_has_room(store, (size_t)1 << 30)); /* one alone always fits */
    insertion_write(&many[0], JOB_QUEUED, 0);
    insertion_write(&many[1], JOB_QUEUED, 0);
    assert_false(store_has_room(store, (256 << 20) - 9));
    fixture_wait(f, is_store_idle);
    insertion_write(&many[0], JOB_QUEUED, 0);
    assert_true(store_has_room(store, (256 << 20) - 5)); /* what is written has left */
    fixture_wait(f, is_store_idle);
}

/* ---- claims ---- */

static struct claim_operation claim_of(const char *route, unsigned limit, int64_t now_ms)
{
    return (struct claim_operation){
        .base = {.kind = OPERATION_CLAIM, .done = on_done, .arg = &single_answers},
        .route = route,
        .limit = limit,
        .token = 77,
        .now_ms = now_ms,
    };
}

static void a_claim_takes_what_is_due_the_longest_due_first(void **ctx)
{
    (void)ctx;
    for (int i = 0; i < 5; i++)
        insertion_write(&many[i], JOB_QUEUED, 0);
    fixture_wait(f, is_store_idle);
    folder_sql(&f->folder, "UPDATE jobs SET run_at_ms = 5000 - job * 100;" /* 4900 .. 4500 */
                           "UPDATE jobs SET state = 3 WHERE job = 4");
    struct claim_operation claim = claim_of("/r", 3, 4700);
    write_and_wait(&claim.base);
    assert_int_equal(claim.base.error.code, FERRY_OK);
    assert_int_equal(claim.count, 3);
    assert_int_equal(claim.jobs[0].key.job, 5);
    assert_int_equal(claim.jobs[1].key.job, 4);
    assert_int_equal(claim.jobs[2].key.job, 3);
    assert_int_equal(claim.jobs[1].was, JOB_RETRYING);
    assert_int_equal(claim.jobs[0].attempt, 1);
    assert_int_equal(claim.jobs[0].length, 5);
    assert_memory_equal(claim.jobs[0].block, "block", 5);
    assert_string_equal(claim.jobs[0].id, many[4].insert.id);
    assert_string_equal(claim.jobs[0].delivery_id, many[4].insert.delivery_id);
    assert_int_equal(claim.next_run_at_ms, 4800);
    claim_operation_fini(&claim);

    struct claim_operation other = claim_of("/other", 3, 9000);
    write_and_wait(&other.base);
    assert_int_equal(other.count, 0);
    assert_true(other.next_run_at_ms == INT64_MAX);
    claim_operation_fini(&other);
}

static void only_the_token_of_the_claim_ends_it(void **ctx)
{
    (void)ctx;
    insertion_write(&many[0], JOB_RUNNING, 41);
    fixture_wait(f, is_store_idle);
    struct claim_key stale = {.job = many[0].insert.claim.job, .token = 40};
    struct settle_operation late = settle_with(stale, JOB_SUCCEEDED);
    struct release_operation release = {
        .base = {.kind = OPERATION_RELEASE, .done = on_done, .arg = &single_answers},
        .key = stale,
        .run_at_ms = 1,
    };
    write_and_wait(&late.base);
    write_and_wait(&release.base);
    assert_int_equal(late.base.error.code, FERRY_OK);
    assert_false(late.changed);
    assert_false(release.changed);
    assert_int_equal(folder_query(&f->folder, "SELECT state FROM jobs"), JOB_RUNNING);
    assert_int_equal(folder_query(&f->folder, "SELECT token FROM jobs"), 41);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM inputs"), 1);

    struct settle_operation right = settle_with(many[0].insert.claim, JOB_SUCCEEDED);
    write_and_wait(&right.base);
    assert_true(right.changed);
    assert_int_equal(folder_query(&f->folder, "SELECT state FROM jobs"), JOB_SUCCEEDED);

    struct settle_operation twice = settle_with(many[0].insert.claim, JOB_DEAD);
    write_and_wait(&twice.base);
    assert_false(twice.changed);
    assert_int_equal(folder_query(&f->folder, "SELECT state FROM jobs"), JOB_SUCCEEDED);
}

static void what_failed_in_doubt_can_be_undone(void **ctx)
{
    (void)ctx;
    insertion_write(&many[0], JOB_QUEUED, 0);
    insertion_write(&many[1], JOB_RUNNING, 9);
    insertion_write(&many[2], JOB_QUEUED, 0);
    fixture_wait(f, is_store_idle);
    struct undo_operation insert = {
        .base = {.kind = OPERATION_UNDO, .done = on_done, .arg = &single_answers}};
    struct undo_operation claim = insert;
    memcpy(insert.id, many[0].insert.id, sizeof insert.id);
    claim.token = 9;
    write_and_wait(&insert.base);
    write_and_wait(&claim.base);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), 2);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM inputs"), 2);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 1 AND"
                                              " attempt = 0 AND token IS NULL"),
                     2);
}

/* ---- closing ---- */

static struct settle_operation after_close;

static void on_done_write_more(struct operation *operation)
{
    on_done(operation);
    struct insertion *insertion = (struct insertion *)operation;
    after_close = settle_with(insertion->insert.claim, JOB_SUCCEEDED);
    store_write(store, &after_close.base);
}

static void the_close_commits_what_waits_and_what_its_answers_write(void **ctx)
{
    (void)ctx;
    insertion_write(&many[0], JOB_QUEUED, 0);
    insertion_write(&many[1], JOB_RUNNING, 5);
    many[1].insert.base.done = on_done_write_more;
    assert_int_equal(store_close(store, PATIENCE_MS), 0);
    store = NULL;
    assert_int_equal(done_count, 3);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 1"), 1);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 4"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_comes_in_one_turn_is_committed_together),
        TEST(what_the_next_turn_brings_is_committed_with_it),
        TEST(a_commit_does_not_wait_for_ever_for_more),
        TEST(what_comes_during_a_commit_is_committed_together),
        TEST(an_operation_that_fails_alone_fails_alone),
        TEST(an_operation_that_fails_half_way_leaves_no_half),
        TEST(there_is_room_for_so_many_only),
        TEST(there_is_room_for_so_many_bytes_only),
        TEST(a_claim_takes_what_is_due_the_longest_due_first),
        TEST(only_the_token_of_the_claim_ends_it),
        TEST(what_failed_in_doubt_can_be_undone),
        TEST(the_close_commits_what_waits_and_what_its_answers_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
