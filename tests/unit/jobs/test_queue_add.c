/* What comes into the queue: delays, keys, schedules' slots. */
#include "one_fixture.h"

#include "queue_struct.h"

/* ---- adding with more than a route and a body ---- */

struct answer {
    bool is_there;
    enum queue_outcome outcome;
    enum job_state state;
    int64_t run_at_ms;
    char id[RANDOM_ID_TEXT_SIZE];
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    ferry_error error;
};

static struct answer *awaited;

static bool is_there(struct fixture *at)
{
    (void)at;
    return awaited->is_there;
}

static void on_answer(void *arg, const struct queue_receipt *receipt, const ferry_error *error)
{
    struct answer *answer = arg;
    answer->is_there = true;
    answer->error = *error;
    if (!receipt)
        return;
    answer->outcome = receipt->outcome;
    answer->state = receipt->state;
    answer->run_at_ms = receipt->run_at_ms;
    memcpy(answer->id, receipt->id, sizeof answer->id);
    memcpy(answer->delivery_id, receipt->delivery_id, sizeof answer->delivery_id);
}

static void submit(struct queue_job job, struct answer *answer)
{
    *answer = (struct answer){0};
    job.block = make_block("x", &job.length);
    assert_int_equal(queue_add(f->queue, &job, on_answer, answer, NULL), 0);
}

static struct answer try_add(struct queue_job job)
{
    struct answer answer;
    submit(job, &answer);
    awaited = &answer;
    fixture_wait(f, is_there);
    return answer;
}

static struct answer add(struct queue_job job)
{
    struct answer answer = try_add(job);
    assert_int_equal(answer.error.code, FERRY_OK);
    return answer;
}

/* ---- delays ---- */

static void a_delayed_job_is_scheduled_and_runs_when_it_is_due(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    struct answer late = add((struct queue_job){.route = "/echo", .delay_ms = 3600000});
    struct answer soon = add((struct queue_job){.route = "/echo", .delay_ms = 30});
    assert_int_equal(soon.outcome, QUEUE_ADDED);
    assert_int_equal(soon.state, JOB_SCHEDULED);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    const struct job_record *job = fixture_get(f, soon.id);
    assert_int_equal(job->state, JOB_SUCCEEDED);
    assert_true(job->started_ms >= job->created_ms + 30);
    assert_int_equal(fixture_get(f, late.id)->state, JOB_SCHEDULED);
}

static void a_delayed_job_runs_after_a_restart_as_well(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    add((struct queue_job){.route = "/echo", .delay_ms = 20});
    fixture_close(f);
    fixture_start(f);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
}

static void a_time_by_the_wall_clock_goes_before_a_delay_and_what_is_past_is_now(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    int64_t at_ms = clock_wall_ms() + 3600000;
    struct answer later =
        add((struct queue_job){.route = "/echo", .run_at_ms = at_ms, .delay_ms = 1});
    assert_int_equal(later.state, JOB_SCHEDULED);
    assert_true(fixture_get(f, later.id)->run_at_ms == at_ms);
    add((struct queue_job){.route = "/echo", .run_at_ms = 1000});
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
}

/* ---- keys ---- */

static struct queue_job with_key(const char *route, const char *key, unsigned char print)
{
    struct queue_job job = {.route = route, .key = key};
    memset(job.fingerprint, print, sizeof job.fingerprint);
    return job;
}

static void a_second_job_of_the_same_key_is_not_made(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    struct answer first = add(with_key("/echo", "order 7", 1));
    assert_int_equal(first.outcome, QUEUE_ADDED);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    struct answer again = add(with_key("/echo", "order 7", 1));
    assert_int_equal(again.outcome, QUEUE_REPEATED);
    assert_int_equal(again.state, JOB_SUCCEEDED);
    assert_string_equal(again.id, first.id);
    assert_string_equal(again.delivery_id, first.delivery_id);
    struct answer other = add(with_key("/echo", "order 7", 2));
    assert_int_equal(other.outcome, QUEUE_MISMATCHED);
    assert_string_equal(other.id, first.id);
    assert_int_equal(add(with_key("/second", "order 7", 1)).outcome, QUEUE_ADDED);
    assert_int_equal(add(with_key("/echo", "order 8", 1)).outcome, QUEUE_ADDED);
    fixture_wait_count(f, JOB_SUCCEEDED, 3);
    fixture_close(f);
    fixture_start(f);
    assert_int_equal(add(with_key("/echo", "order 7", 1)).outcome, QUEUE_REPEATED);
    assert_int_equal(atomic_load(&fakes.runs), 4); /* /second ran twice */
}

static void of_an_earlier_job_it_is_told_when_that_is_due(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    struct queue_job job = with_key("/echo", "k", 1);
    job.delay_ms = 3600000;
    struct answer first = add(job);
    job.delay_ms = 1000;
    struct answer again = add(job);
    assert_int_equal(again.outcome, QUEUE_REPEATED);
    assert_true(again.run_at_ms == first.run_at_ms);
    assert_true(fixture_get(f, first.id)->run_at_ms == first.run_at_ms);
}

static void while_the_queue_is_full_an_earlier_job_is_found_by_its_key(void **ctx)
{
    (void)ctx;
    f->options.max_pending = 1;
    fixture_start(f);
    fixture_wait(f, is_idle); /* the first claims have found out that nothing waits */
    struct answer first = add(with_key("/gate", "k", 1));
    struct answer again = add(with_key("/gate", "k", 1));
    assert_int_equal(again.outcome, QUEUE_REPEATED);
    assert_string_equal(again.id, first.id);
    assert_int_equal(again.state, JOB_RUNNING);
    assert_int_equal(add(with_key("/gate", "k", 2)).outcome, QUEUE_MISMATCHED);
    assert_int_equal(try_add(with_key("/gate", "other", 1)).error.code, FERRY_REJECTED);
    assert_int_equal(try_add(with_key("/echo", "k", 1)).error.code, FERRY_REJECTED);
    assert_int_equal(fixture_try_add(f, "/gate", "x"), FERRY_REJECTED); /* at once */
    assert_int_equal(f->queue->pending, 1);
    gate_set(true);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs"), 1);
    assert_int_equal(add(with_key("/gate", "other", 1)).outcome, QUEUE_ADDED);
    fixture_wait_count(f, JOB_SUCCEEDED, 2);
}

static struct answer answers[20];

static bool are_all_there(struct fixture *at)
{
    (void)at;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (!answers[i].is_there)
            return false;
    }
    return true;
}

static void of_many_with_one_key_at_once_one_is_made_and_gives_the_slots_back(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    fixture_wait(f, is_idle);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        submit(with_key("/echo", "k", 1), &answers[i]);
    fixture_wait(f, are_all_there);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_int_equal(answers[i].outcome, i ? QUEUE_REPEATED : QUEUE_ADDED);
        assert_string_equal(answers[i].id, answers[0].id);
    }
    for (int i = 0; i < 10; i++)
        fixture_add(f, "/echo", "x");
    fixture_wait_count(f, JOB_SUCCEEDED, 11);
    assert_true(fixture_metric(f, "ferry_jobs{state=\"queued\"}") == 0);
    fixture_wait(f, is_idle);
    assert_int_equal(f->queue->pools->held, 0);
}

static void the_slot_of_one_that_is_refused_is_for_who_waits(void **ctx)
{
    (void)ctx;
    f->pool.slots = 1;
    fixture_start(f);
    fixture_wait(f, is_idle);
    folder_sql(&f->folder, "CREATE TRIGGER fails BEFORE INSERT ON jobs WHEN NEW.route = '/gate'"
                           " BEGIN SELECT RAISE(ABORT, 'x'); END");
    fixture_add(f, "/gate", "x"); /* has the slot */
    assert_int_equal(f->queue->pools->held, 1);
    fixture_add(f, "/echo", "x"); /* waits for it */
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    assert_int_equal(f->refused, 1);
}

/* ---- schedules ---- */

static struct queue_job for_slot(const char *route, int64_t slot_ms)
{
    return (struct queue_job){.route = route, .schedule = "nightly", .slot_ms = slot_ms};
}

static void a_slot_runs_once_also_over_a_restart(void **ctx)
{
    (void)ctx;
    int64_t slot_ms;
    fixture_start(f);
    assert_false(queue_last_slot(f->queue, "nightly", &slot_ms));
    assert_int_equal(add(for_slot("/echo", 1000)).outcome, QUEUE_ADDED);
    assert_true(queue_last_slot(f->queue, "nightly", &slot_ms));
    assert_int_equal(slot_ms, 1000);
    fixture_wait_count(f, JOB_SUCCEEDED, 1);
    assert_int_equal(add(for_slot("/echo", 1000)).outcome, QUEUE_SLOT_TAKEN);
    fixture_close(f);
    fixture_start(f);
    assert_true(queue_last_slot(f->queue, "nightly", &slot_ms));
    assert_int_equal(slot_ms, 1000);
    assert_int_equal(add(for_slot("/echo", 1000)).outcome, QUEUE_SLOT_TAKEN);
    assert_int_equal(add(for_slot("/echo", 999)).outcome, QUEUE_SLOT_TAKEN);
    assert_int_equal(add(for_slot("/echo", 2000)).outcome, QUEUE_ADDED);
    fixture_wait_count(f, JOB_SUCCEEDED, 2);
    assert_int_equal(atomic_load(&fakes.runs), 2);
}

static void a_run_does_not_overlap_the_one_before_unless_it_may(void **ctx)
{
    (void)ctx;
    fixture_start(f);
    assert_int_equal(add(for_slot("/gate", 1000)).outcome, QUEUE_ADDED);
    assert_int_equal(add(for_slot("/gate", 2000)).outcome, QUEUE_OVERLAPS);
    struct queue_job job = for_slot("/gate", 3000);
    job.may_overlap = true;
    assert_int_equal(add(job).outcome, QUEUE_ADDED);
    gate_set(true);
    fixture_wait_count(f, JOB_SUCCEEDED, 2);
    assert_int_equal(add(for_slot("/gate", 2000)).outcome, QUEUE_SLOT_TAKEN);
    assert_int_equal(add(for_slot("/gate", 4000)).outcome, QUEUE_ADDED);
    fixture_wait_count(f, JOB_SUCCEEDED, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_delayed_job_is_scheduled_and_runs_when_it_is_due),
        TEST(a_delayed_job_runs_after_a_restart_as_well),
        TEST(a_time_by_the_wall_clock_goes_before_a_delay_and_what_is_past_is_now),
        TEST(a_second_job_of_the_same_key_is_not_made),
        TEST(of_an_earlier_job_it_is_told_when_that_is_due),
        TEST(while_the_queue_is_full_an_earlier_job_is_found_by_its_key),
        TEST(of_many_with_one_key_at_once_one_is_made_and_gives_the_slots_back),
        TEST(the_slot_of_one_that_is_refused_is_for_who_waits),
        TEST(a_slot_runs_once_also_over_a_restart),
        TEST(a_run_does_not_overlap_the_one_before_unless_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
