/* What an answer means, by the rules of the config. */
#include "sms_fixture.h"
#include "sms_outcome.h"

static struct bytes secrets;

static struct sms_outcome judge(const struct sms_fixture *f, long status, const char *body,
                                int64_t retry_after_ms)
{
    struct sms_outcome outcome;
    struct http_answer answer = {.status = status, .retry_after_ms = retry_after_ms};
    bytes_append_text(&answer.body, body);
    sms_outcome_read(&outcome, f->gateway, &answer, &secrets);
    http_answer_fini(&answer);
    return outcome;
}

static void test_without_rules_the_status_counts(void **state)
{
    (void)state;
    struct sms_fixture f;
    SMS_FIXTURE(&f, SMS_URL);
    assert_int_equal(judge(&f, 200, "", -1).kind, SMS_SENT);
    assert_int_equal(judge(&f, 299, "what", -1).kind, SMS_SENT);
    assert_int_equal(judge(&f, 302, "", -1).kind, SMS_LATER);
    assert_int_equal(judge(&f, 400, "", -1).kind, SMS_LATER);
    assert_int_equal(judge(&f, 500, "", -1).kind, SMS_LATER);
    assert_int_equal(judge(&f, 401, "", -1).kind, SMS_PAUSED);
    assert_int_equal(judge(&f, 403, "", -1).wait_ms, 60000);
    sms_fixture_close(&f);
}

static void test_200_is_not_success(void **state)
{
    (void)state;
    struct sms_fixture f;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "success", {0}}, {"success", "pointer", {"/code"}},
                {"success", "in", {"0", "OK"}}, {NULL, "message_id", {"/data/0/id"}},
                {NULL, "error_message", {"/why"}});
    struct sms_outcome outcome = judge(&f, 200, "{\"code\": 0, \"data\": [{\"id\": 12}]}", -1);
    assert_int_equal(outcome.kind, SMS_SENT);
    assert_string_equal(outcome.message_id, "12");
    assert_string_equal(outcome.error, "");
    assert_int_equal(judge(&f, 200, "{\"code\": \"OK\"}", -1).kind, SMS_SENT);
    outcome =
        judge(&f, 200, "{\"code\": 1, \"why\": \"no\\nmoney\", \"data\": [{\"id\": null}]}", -1);
    assert_int_equal(outcome.kind, SMS_LATER);
    assert_string_equal(outcome.error, "status 200: no money");
    assert_string_equal(outcome.message_id, "");
    assert_int_equal(judge(&f, 500, "{\"code\": 0}", -1).kind, SMS_LATER);
    outcome = judge(&f, 200, "<html>\n oops", -1);
    assert_int_equal(outcome.kind, SMS_LATER);
    assert_string_equal(outcome.error, "status 200: <html>  oops");
    assert_int_equal(judge(&f, 200, "\xFF\xFE", -1).kind, SMS_LATER);
    sms_fixture_close(&f);
}

static void test_a_plain_text_can_be_pointed_to(void **state)
{
    (void)state;
    struct sms_fixture f;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "success", {0}}, {"success", "pointer", {""}},
                {"success", "equals", {"OK sent"}});
    assert_int_equal(judge(&f, 200, "\r\n OK sent \n", -1).kind, SMS_SENT);
    assert_int_equal(judge(&f, 200, "\"OK sent\"", -1).kind, SMS_SENT);
    assert_int_equal(judge(&f, 200, "OK", -1).kind, SMS_LATER);
    sms_fixture_close(&f);
}

static void test_permanent_transient_and_pause(void **state)
{
    (void)state;
    struct sms_fixture f;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "permanent", {0}}, {"permanent", "status", {"400-499", "501"}},
                {"permanent", "pointer", {"/code"}}, {"permanent", "in", {"9", "10"}},
                {NULL, "transient", {0}}, {"transient", "status", {"408", "429"}},
                {NULL, "pause", {0}}, {"pause", "pointer", {"/blocked"}}, {"pause", "for", {"5s"}});
    assert_int_equal(judge(&f, 400, "", -1).kind, SMS_REFUSED);
    assert_int_equal(judge(&f, 401, "", -1).kind, SMS_REFUSED);
    assert_int_equal(judge(&f, 501, "", -1).kind, SMS_REFUSED);
    assert_int_equal(judge(&f, 500, "{\"code\": \"9\"}", -1).kind, SMS_REFUSED);
    assert_int_equal(judge(&f, 429, "{\"code\": 9}", -1).kind, SMS_LATER);
    assert_int_equal(judge(&f, 500, "", -1).kind, SMS_LATER);
    struct sms_outcome outcome = judge(&f, 400, "{\"blocked\": false}", 7000);
    assert_int_equal(outcome.kind, SMS_PAUSED);
    assert_int_equal(outcome.wait_ms, 5000);
    sms_fixture_close(&f);
}

static void test_a_busy_gateway_is_busy_for_all(void **state)
{
    (void)state;
    struct sms_fixture f;
    SMS_FIXTURE(&f, SMS_URL);
    struct sms_outcome outcome = judge(&f, 429, "", 3000);
    assert_int_equal(outcome.kind, SMS_PAUSED);
    assert_int_equal(outcome.wait_ms, 3000);
    assert_int_equal(judge(&f, 503, "", 0).kind, SMS_PAUSED);
    assert_int_equal(judge(&f, 429, "", -1).kind, SMS_LATER);
    outcome = judge(&f, 500, "", 3000);
    assert_int_equal(outcome.kind, SMS_LATER);
    assert_int_equal(outcome.wait_ms, 3000);
    sms_fixture_close(&f);
}

static void test_long_words_are_cut_between_characters(void **state)
{
    (void)state;
    struct sms_fixture f;
    struct bytes body = {0};
    SMS_FIXTURE(&f, SMS_URL, {NULL, "message_id", {"/id"}});
    bytes_append_text(&body, "{\"id\": \"a");
    for (int i = 0; i < 200; i++)
        bytes_append_text(&body, "\xC3\xA4");
    bytes_append_text(&body, "\"}");
    struct sms_outcome outcome = judge(&f, 500, bytes_text(&body), -1);
    assert_int_equal(strlen(outcome.message_id), 127); /* 1 + 63 * 2 */
    assert_string_equal(outcome.message_id + 125, "\xC3\xA4");
    assert_true(strlen(outcome.error) < sizeof outcome.error);
    bytes_fini(&body);
    sms_fixture_close(&f);
}

/* What was sent must not be sent again because the answer is not as it should be. */
static void test_an_odd_answer_is_read_all_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *body, *id;
    } cases[] = {
        {"\xEF\xBB\xBF{\"code\": 0, \"id\": \"a\"}", "a"},             /* a byte order mark */
        {"{\"code\": 0, \"id\": \"a\", \"why\": \"envoy\xE9\"}", "a"}, /* Latin-1 */
        {"{\"code\": 0, \"id\": \"a\", \"why\": \"a\\u0000\"}", "a"},  /* a NUL */
        {"{\"code\":0,\"id\":18446744073709551615}", "18446744073709551615"}, /* 64 bits */
        {"{\"a\": [-9223372036854775809, 1e999,2],\"code\":0,\"id\":1.50}", "1.50"},
        {"{\"id\": \"12345678901234567890\\\"18446744073709551615\",\"code\" :0,\"b\":1e999}",
         "12345678901234567890\"18446744073709551615"},
    };
    struct sms_fixture f;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "success", {0}}, {"success", "pointer", {"/code"}},
                {"success", "equals", {"0"}}, {NULL, "message_id", {"/id"}});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sms_outcome outcome = judge(&f, 200, cases[i].body, -1);
        if (outcome.kind != SMS_SENT)
            fail_msg("not sent: %s", cases[i].body);
        assert_string_equal(outcome.message_id, cases[i].id);
    }
    sms_fixture_close(&f);
}

static void test_an_error_repeats_no_secret(void **state)
{
    (void)state;
    struct sms_fixture f;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "error_message", {"/why"}});
    bytes_append(&secrets, "s3cret\0s3cret-and-more\0ok", sizeof "s3cret\0s3cret-and-more\0ok");
    struct sms_outcome outcome = judge(&f, 404, "no /s3cret/s3cret-and-more, ok?", -1);
    assert_string_equal(outcome.error, "status 404: no /SECRET/SECRET, ok?");
    outcome = judge(&f, 404, "wrong: s3cret", -1);
    assert_string_equal(outcome.error, "status 404: wrong: SECRET");
    outcome = judge(&f, 400, "{\"why\": \"s3cret is wrong\"}", -1);
    assert_string_equal(outcome.error, "status 400: SECRET is wrong");
    char long_text[160]; /* the cut does not leave the beginning of one */
    memset(long_text, '.', sizeof long_text);
    memcpy(long_text + 135, "s3cret-and-more", sizeof "s3cret-and-more");
    outcome = judge(&f, 400, long_text, -1);
    assert_null(strstr(outcome.error, "s3"));
    bytes_fini(&secrets);
    secrets = (struct bytes){0};
    sms_fixture_close(&f);
}

static void test_a_null_is_nothing_that_is_there(void **state)
{
    (void)state;
    struct sms_fixture f;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "success", {0}}, {"success", "pointer", {"/id"}},
                {NULL, "permanent", {0}}, {"permanent", "pointer", {"/code"}},
                {"permanent", "in", {"null", "7"}});
    assert_int_equal(judge(&f, 200, "{\"id\": 0}", -1).kind, SMS_SENT);
    assert_int_equal(judge(&f, 200, "{\"id\": null}", -1).kind, SMS_LATER);
    assert_int_equal(judge(&f, 200, "{\"id\": null, \"code\": null}", -1).kind, SMS_REFUSED);
    sms_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_rules_the_status_counts),
        cmocka_unit_test(test_200_is_not_success),
        cmocka_unit_test(test_a_plain_text_can_be_pointed_to),
        cmocka_unit_test(test_permanent_transient_and_pause),
        cmocka_unit_test(test_a_busy_gateway_is_busy_for_all),
        cmocka_unit_test(test_an_odd_answer_is_read_all_the_same),
        cmocka_unit_test(test_an_error_repeats_no_secret),
        cmocka_unit_test(test_a_null_is_nothing_that_is_there),
        cmocka_unit_test(test_long_words_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
