/* What of a job is shown. */
#include "job_shown.h"

#include <string.h>

#include "support.h"

static json_t *parse(const char *text, struct json_span *body)
{
    json_t *job = job_parse((struct json_span){text, strlen(text)}, body);
    assert_non_null(job);
    return job;
}

static void check_made(void (*make)(struct bytes *out, const json_t *job), const char *text,
                       const char *expected)
{
    struct json_span body;
    struct bytes out = {0};
    json_t *job = parse(text, &body);
    make(&out, job);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
    json_decref(job);
}

static void check_when(const char *text, const char *expected)
{
    struct json_span body;
    struct bytes out = {0};
    json_t *job = parse(text, &body);
    append_job_when(&out, job, 1000000000); /* 1970-01-12T13:46:40Z */
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
    json_decref(job);
}

static void test_a_body_keeps_numbers_that_no_parser_takes(void **state)
{
    (void)state;
    struct json_span body;
    json_t *job =
        parse("{\"id\":\"x\",\"result\":{\"status\":200,\"body\":[1e999,12345678901234567890]},"
              "\"state\":\"dead\"}",
              &body);
    static const char expected[] = "[1e999,12345678901234567890]";
    assert_int_equal(body.length, strlen(expected));
    assert_memory_equal(body.data, expected, body.length);
    assert_string_equal(job_text(job, "state"), "dead");
    json_decref(job);
}

static void test_a_body_that_is_null_is_none(void **state)
{
    (void)state;
    static const char *const jobs[] = {"{\"result\":null}", "{\"result\":{\"body\":null}}", "{}"};
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        struct json_span body;
        json_decref(parse(jobs[i], &body));
        assert_int_equal(body.length, 0);
    }
}

static void test_what_is_no_job_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "7", "{\"a\":", "<html>"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct json_span body;
        assert_null(job_parse((struct json_span){texts[i], strlen(texts[i])}, &body));
    }
}

static void test_when_depends_on_the_state(void **state)
{
    (void)state;
    check_when("{\"state\":\"retrying\",\"run_at\":\"1970-01-12T13:46:45.000Z\"}", "due in 5s");
    check_when("{\"state\":\"queued\",\"run_at\":\"1970-01-12T13:46:40.000Z\"}", "due now");
    check_when("{\"state\":\"running\",\"run_at\":\"1970-01-12T13:46:00.000Z\","
               "\"started_at\":\"1970-01-12T13:46:30.000Z\"}",
               "began 10s ago");
    check_when("{\"state\":\"succeeded\",\"finished_at\":\"1970-01-12T13:43:40.000Z\"}",
               "ended 3m ago");
    check_when("{\"state\":\"running\",\"started_at\":null}", "");
}

static void test_the_note_is_what_matters_now(void **state)
{
    (void)state;
    static const char rest[] = "\"progress\":{\"fraction\":0.459,\"message\":\"sending\"},"
                               "\"error\":{\"code\":\"transient\",\"message\":\"refused\"}}";
    static const struct {
        const char *state;
        const char *note;
    } cases[] = {
        {"running\",\"cancelling\":true,\"\":\"", "being cancelled"},
        {"running", "45% sending"},
        {"retrying", "transient: refused"},
        {"dead", "transient: refused"},
        {"succeeded", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes text = {0};
        bytes_printf(&text, "{\"state\":\"%s\",%s", cases[i].state, rest);
        check_made(append_job_note, bytes_text(&text), cases[i].note);
        bytes_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_body_keeps_numbers_that_no_parser_takes),
        cmocka_unit_test(test_a_body_that_is_null_is_none),
        cmocka_unit_test(test_what_is_no_job_is_refused),
        cmocka_unit_test(test_when_depends_on_the_state),
        cmocka_unit_test(test_the_note_is_what_matters_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
