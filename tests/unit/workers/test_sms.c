/* sms over several attempts, with a gateway that nobody listens for: whoever is asked for fails. */
#include "worker_run.h"

extern const ferry_worker ferry_worker_sms;

static const struct worker_setting settings[] = {
    {.key = "url", .values = {"http://127.0.0.1:1/"}},
    {0},
};

static const char both[] = "{\"to\": [\"+4915100000001\", \"+4915100000002\"], \"text\": \"t\"}";

static struct worker_answer call(const char *body, const char *memory)
{
    struct worker_run run = worker_run_open(&ferry_worker_sms, settings);
    struct worker_question question = {.body = body, .memory = memory, .attempt = 2};
    struct worker_answer answer = worker_run_call(&run, &question);
    worker_run_close(&run);
    return answer;
}

static void test_what_is_remembered_is_not_sent_again(void **state)
{
    (void)state;
    struct worker_answer answer = call(both, "{\"+4915100000001\":{\"message_id\":\"m1\"},"
                                             "\"+4915100000002\":{\"error\":\"blocked\"}}");
    assert_answer_text(answer, "{\"sent\":1,\"refused\":1,\"results\":["
                               "{\"to\":\"+4915100000001\",\"message_id\":\"m1\"},"
                               "{\"to\":\"+4915100000002\",\"error\":\"blocked\"}]}");
}

static void test_what_is_not_remembered_is_sent(void **state)
{
    (void)state;
    assert_answer_failed(call(both, "{\"+4915100000001\":{\"message_id\":null}}"), FERRY_TRANSIENT,
                         "1 of 2 numbers are done; 127.0.0.1: ");
    assert_answer_failed(call(both, NULL), FERRY_TRANSIENT, "0 of 2 numbers are done; ");
}

static void test_what_another_worker_remembered_is_nothing(void **state)
{
    (void)state;
    assert_answer_failed(call(both, "not JSON"), FERRY_TRANSIENT, "0 of 2 numbers are done; ");
    assert_answer_failed(call(both, "[1]"), FERRY_TRANSIENT, "0 of 2 numbers are done; ");
}

static void test_all_refused_is_a_failure(void **state)
{
    (void)state;
    assert_answer_failed(call("{\"to\": \"+4915100000002\", \"text\": \"t\"}",
                              "{\"+4915100000002\":{\"error\":\"blocked\"}}"),
                         FERRY_UNPROCESSABLE, "the gateway refused it: blocked");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_remembered_is_not_sent_again),
        cmocka_unit_test(test_what_is_not_remembered_is_sent),
        cmocka_unit_test(test_what_another_worker_remembered_is_nothing),
        cmocka_unit_test(test_all_refused_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
