/* The list of built-in workers, and the three small ones: noop, echo, sleep. */
#include "worker_run.h"

#include "builtin.h"

extern const ferry_worker ferry_worker_noop;
extern const ferry_worker ferry_worker_echo;
extern const ferry_worker ferry_worker_sleep;

static void test_the_list_can_be_registered(void **state)
{
    (void)state;
    struct registry *registry = registry_new();
    ferry_error error = {0};
    size_t count = 0;
    for (; builtin_workers[count]; count++) {
        assert_int_equal(builtin_workers[count]->abi, FERRY_WORKER_ABI);
        assert_int_equal(registry_add_kind(registry, builtin_workers[count], &error), 0);
    }
    assert_int_equal(count, 8);
    static const char *const names[] = {"noop",  "echo",  "sleep", "exec",
                                        "fetch", "email", "sms",   "webhook"};
    for (size_t i = 0; i < count; i++)
        assert_non_null(registry_kind(registry, names[i]));
    registry_free(registry);
}

static void test_noop_answers_ok(void **state)
{
    (void)state;
    struct worker_run run = worker_run_open(&ferry_worker_noop, NULL);
    struct worker_answer answer = worker_run_call(&run, &(struct worker_question){0});
    assert_string_equal(answer.content_type, "text/plain");
    assert_answer_text(answer, "ok");
    worker_run_close(&run);
}

static void test_echo_answers_with_the_same_bytes(void **state)
{
    (void)state;
    static const char body[] = "a\0b\xFF";
    struct worker_run run = worker_run_open(&ferry_worker_echo, NULL);
    struct worker_answer answer = worker_run_call(
        &run, &(struct worker_question){
                  .content_type = "image/png", .body = body, .length = sizeof body});
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.content_type, "image/png");
    assert_int_equal(answer.body.length, sizeof body);
    assert_memory_equal(answer.body.data, body, sizeof body);
    worker_answer_fini(&answer);

    answer = worker_run_call(&run, &(struct worker_question){0});
    assert_string_equal(answer.content_type, "application/octet-stream");
    assert_answer_text(answer, "");
    worker_run_close(&run);
}

static void test_sleep_says_how_long(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *answer;
    } cases[] = {
        {"ms", "0", "{\"slept_ms\":0}"},
        {"ms", "3", "{\"slept_ms\":3}"},
        {"seconds", "0.0025", "{\"slept_ms\":3}"},
        {"seconds", "0", "{\"slept_ms\":0}"},
    };
    struct worker_run run = worker_run_open(&ferry_worker_sleep, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct worker_question question = {.params = {cases[i].name, cases[i].value}};
        assert_answer_text(worker_run_call(&run, &question), cases[i].answer);
    }
    worker_run_close(&run);
}

static void test_sleep_refuses_what_is_no_time(void **state)
{
    (void)state;
    static const struct {
        const char *params[5];
        const char *message;
    } cases[] = {
        {{NULL}, "say how long"},
        {{"ms", "1", "seconds", "1"}, "either"},
        {{"ms", "1.5"}, "ms: a whole number"},
        {{"ms", ""}, "ms: a whole number"},
        {{"ms", "-1"}, "ms: from 0 to 24 hours"},
        {{"ms", "86400001"}, "ms: from 0 to 24 hours"},
        {{"ms", "9223372036854775807"}, "ms: from 0 to 24 hours"},
        {{"seconds", "-0.1"}, "seconds: from 0 to 24 hours"},
        {{"seconds", "86400.1"}, "seconds: from 0 to 24 hours"},
        {{"seconds", "1e300"}, "seconds: from 0 to 24 hours"},
        {{"seconds", "nan"}, "seconds: a number"},
        {{"seconds", "inf"}, "seconds: a number"},
        {{"seconds", "1s"}, "seconds: a number"},
    };
    struct worker_run run = worker_run_open(&ferry_worker_sleep, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct worker_question question = {0};
        memcpy(question.params, cases[i].params, sizeof cases[i].params);
        assert_answer_failed(worker_run_call(&run, &question), FERRY_INVALID, cases[i].message);
    }
    worker_run_close(&run);
}

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

static bool at_the_second_look(void *arg)
{
    return ++*(int *)arg > 1;
}

static void test_sleep_ends_early_when_cancelled(void **state)
{
    (void)state;
    int looks = 0;
    struct worker_run run = worker_run_open(&ferry_worker_sleep, NULL);
    struct worker_question question = {
        .params = {"seconds", "86400"},
        .cancel_when = at_the_second_look,
        .arg = &looks,
    };
    assert_answer_failed(worker_run_call(&run, &question), FERRY_CANCELLED, "");
    question.cancel_when = at_once;
    assert_answer_failed(worker_run_call(&run, &question), FERRY_CANCELLED, "");
    worker_run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_list_can_be_registered),
        cmocka_unit_test(test_noop_answers_ok),
        cmocka_unit_test(test_echo_answers_with_the_same_bytes),
        cmocka_unit_test(test_sleep_says_how_long),
        cmocka_unit_test(test_sleep_refuses_what_is_no_time),
        cmocka_unit_test(test_sleep_ends_early_when_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
