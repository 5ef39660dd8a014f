/* New jobs: a key names one job, a slot of a schedule runs once. */
#include "writing.h"

/* ---- keys ---- */

static struct insert_operation insert_with_key(const char *key, unsigned char fingerprint)
{
    struct insert_operation insert = insert_of(JOB_QUEUED);
    insert.key = key;
    insert.fingerprint[0] = fingerprint;
    return insert;
}

static void the_same_key_and_content_is_the_earlier_job(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_with_key("k", 1);
    insert_added(&first);
    folder_sql(&folder, "UPDATE jobs SET state = 4, finished_ms = 1");
    struct insert_operation again = insert_with_key("k", 1);
    assert_int_equal(run(&again.base), FERRY_OK);
    assert_int_equal(again.outcome, INSERT_REPEATED);
    assert_string_equal(again.id, first.id);
    assert_string_equal(again.delivery_id, first.delivery_id);
    assert_int_equal(again.state, JOB_SUCCEEDED);
    assert_int_equal(query("SELECT count(*) FROM jobs"), 1);
    assert_int_equal(query("SELECT count(*) FROM inputs"), 1);
}

static void the_same_key_with_other_content_is_told_apart(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_with_key("k", 1), other = insert_with_key("k", 2);
    insert_added(&first);
    assert_int_equal(run(&other.base), FERRY_OK);
    assert_int_equal(other.outcome, INSERT_MISMATCHED);
    assert_string_equal(other.id, first.id);
    assert_int_equal(query("SELECT count(*) FROM jobs"), 1);
}

static void a_key_counts_in_its_route_only(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_with_key("k", 1), other = insert_with_key("k", 1);
    other.route = "/other";
    insert_added(&first);
    insert_added(&other);
}

static void the_same_key_twice_in_one_transaction_makes_one_job(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_with_key("k", 1), again = insert_with_key("k", 1);
    first.base.next = &again.base;
    writer_run(writer, &first.base);
    assert_int_equal(first.outcome, INSERT_ADDED);
    assert_int_equal(again.outcome, INSERT_REPEATED);
    assert_string_equal(again.id, first.id);
}

static void a_key_goes_with_its_job(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_with_key("k", 1), again = insert_with_key("k", 2);
    insert_added(&first);
    struct undo_operation undo = {.base = {.kind = OPERATION_UNDO}};
    memcpy(undo.id, first.id, sizeof undo.id);
    assert_int_equal(run(&undo.base), FERRY_OK);
    assert_int_equal(query("SELECT count(*) FROM keys"), 0);
    insert_added(&again);
}

/* ---- schedules ---- */

static struct insert_operation insert_for_slot(int64_t slot_ms)
{
    struct insert_operation insert = insert_of(JOB_QUEUED);
    insert.schedule = "nightly";
    insert.slot_ms = slot_ms;
    return insert;
}

static void end_all(void)
{
    folder_sql(&folder, "UPDATE jobs SET state = 4, finished_ms = 1");
}

static void a_slot_runs_once_and_no_earlier_one_after_it(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_for_slot(500);
    insert_added(&first);
    end_all();
    for (int64_t slot_ms = 499; slot_ms <= 500; slot_ms++) {
        struct insert_operation late = insert_for_slot(slot_ms);
        assert_int_equal(run(&late.base), FERRY_OK);
        assert_int_equal(late.outcome, INSERT_SLOT_TAKEN);
    }
    struct insert_operation next = insert_for_slot(501);
    insert_added(&next);
    assert_int_equal(query("SELECT count(*) FROM jobs"), 2);
}

static void a_run_that_would_overlap_takes_its_slot_and_makes_no_job(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_for_slot(1), second = insert_for_slot(2);
    insert_added(&first);
    assert_int_equal(run(&second.base), FERRY_OK);
    assert_int_equal(second.outcome, INSERT_OVERLAPS);
    assert_int_equal(query("SELECT count(*) FROM jobs"), 1);
    assert_int_equal(query("SELECT slot_ms FROM schedules"), 2);
    end_all();
    struct insert_operation third = insert_for_slot(3);
    insert_added(&third);
}

static void a_schedule_that_may_overlap_does(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_for_slot(1), second = insert_for_slot(2);
    second.may_overlap = true;
    insert_added(&first);
    insert_added(&second);
}

static void a_job_in_the_row_of_a_deleted_run_is_not_taken_for_it(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_for_slot(1), other = insert_of(JOB_QUEUED);
    insert_added(&first);
    end_all();
    struct change_operation delete = change_of(JOB_ACTION_DELETE, first.id);
    assert_int_equal(run(&delete.base), FERRY_OK);
    change_operation_fini(&delete);
    writing_reopen();
    insert_added(&other);
    assert_int_equal(other.claim.job, first.claim.job);
    struct insert_operation second = insert_for_slot(2);
    insert_added(&second);
}

static void a_run_that_is_undone_gives_its_slot_back(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_for_slot(10);
    insert_added(&first);
    struct undo_operation undo = {.base = {.kind = OPERATION_UNDO}};
    memcpy(undo.id, first.id, sizeof undo.id);
    assert_int_equal(run(&undo.base), FERRY_OK);
    struct insert_operation earlier = insert_for_slot(9), again = insert_for_slot(10);
    assert_int_equal(run(&earlier.base), FERRY_OK);
    assert_int_equal(earlier.outcome, INSERT_SLOT_TAKEN);
    insert_added(&again);
}

static void a_slot_that_overlapped_stays_taken_when_the_run_before_is_undone(void **ctx)
{
    (void)ctx;
    struct insert_operation first = insert_for_slot(10), second = insert_for_slot(20);
    insert_added(&first);
    assert_int_equal(run(&second.base), FERRY_OK);
    assert_int_equal(second.outcome, INSERT_OVERLAPS);
    struct undo_operation undo = {.base = {.kind = OPERATION_UNDO}};
    memcpy(undo.id, first.id, sizeof undo.id);
    assert_int_equal(run(&undo.base), FERRY_OK);
    struct insert_operation again = insert_for_slot(20);
    assert_int_equal(run(&again.base), FERRY_OK);
    assert_int_equal(again.outcome, INSERT_SLOT_TAKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITING_TEST(the_same_key_and_content_is_the_earlier_job),
        WRITING_TEST(the_same_key_with_other_content_is_told_apart),
        WRITING_TEST(a_key_counts_in_its_route_only),
        WRITING_TEST(the_same_key_twice_in_one_transaction_makes_one_job),
        WRITING_TEST(a_key_goes_with_its_job),
        WRITING_TEST(a_slot_runs_once_and_no_earlier_one_after_it),
        WRITING_TEST(a_run_that_would_overlap_takes_its_slot_and_makes_no_job),
        WRITING_TEST(a_schedule_that_may_overlap_does),
        WRITING_TEST(a_job_in_the_row_of_a_deleted_run_is_not_taken_for_it),
        WRITING_TEST(a_run_that_is_undone_gives_its_slot_back),
        WRITING_TEST(a_slot_that_overlapped_stays_taken_when_the_run_before_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
