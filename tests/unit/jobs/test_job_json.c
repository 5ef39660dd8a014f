/* A job as JSON: every key is always there, and nothing that a worker said can break the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "job_json.h"

static void expect_json(const struct job_record *job, const struct job_progress *progress,
                        const char *expected)
{
    struct bytes json = {0};
    job_json(&json, job, progress);
    assert_string_equal(bytes_text(&json), expected);
    bytes_fini(&json);
}

static void a_new_job_has_every_key(void **state)
{
    (void)state;
    struct job_record job = {
        .id = "00112233445566778899aabbccddeeff",
        .delivery_id = "ffeeddccbbaa99887766554433221100",
        .route = (char[]){"/email"},
        .worker = (char[]){"mailer"},
        .state = JOB_QUEUED,
        .created_ms = 1000,
        .run_at_ms = 1000,
    };
    expect_json(&job, NULL,
                "{\"id\":\"00112233445566778899aabbccddeeff\","
                "\"delivery_id\":\"ffeeddccbbaa99887766554433221100\",\"route\":\"/email\","
                "\"worker\":\"mailer\",\"state\":\"queued\",\"attempt\":0,\"crashes\":0,"
                "\"cancelling\":false,"
                "\"created_at\":\"1970-01-01T00:00:01.000Z\","
                "\"run_at\":\"1970-01-01T00:00:01.000Z\",\"started_at\":null,"
                "\"finished_at\":null,\"progress\":null,\"error\":null,\"result\":null}");
}

static void progress_error_and_a_text_result_are_escaped(void **state)
{
    (void)state;
    struct job_record job = {
        .id = "id",
        .route = (char[]){"/r"},
        .worker = (char[]){"w"},
        .state = JOB_DEAD,
        .attempt = 2,
        .crashes = 1,
        .error_code = FERRY_UNPROCESSABLE,
        .error = (char[]){"550 \"no\"\r\n"},
        .result_status = 422,
        .result_type = (char[]){"text/plain"},
        .result = (char[]){"a\"b"},
        .result_length = 3,
    };
    struct job_progress progress = {.fraction = 0.5, .message = "half \x01"};
    expect_json(&job, &progress,
                "{\"id\":\"id\",\"delivery_id\":\"\",\"route\":\"/r\",\"worker\":\"w\","
                "\"state\":\"dead\",\"attempt\":2,\"crashes\":1,\"cancelling\":false,"
                "\"created_at\":null,\"run_at\":null,"
                "\"started_at\":null,\"finished_at\":null,"
                "\"progress\":{\"fraction\":0.5,\"message\":\"half \\u0001\"},"
                "\"error\":{\"code\":\"unprocessable\",\"message\":\"550 \\\"no\\\"\\u000d\\n\"},"
                "\"result\":{\"status\":422,\"content_type\":\"text/"
                "plain\",\"bytes\":3,\"body\":\"a\\\"b\"}}");
}

static void expect_result_body(const char *text, const char *expected)
{
    char body[64];
    snprintf(body, sizeof body, "%s", text);
    struct job_record job = {
        .route = (char[]){"/r"},
        .worker = (char[]){"w"},
        .state = JOB_SUCCEEDED,
        .result_status = 200,
        .result_type = (char[]){"application/json"},
        .result = body,
        .result_length = strlen(body),
    };
    struct bytes json = {0};
    job_json(&json, &job, NULL);
    assert_non_null(strstr(bytes_text(&json), expected));
    bytes_fini(&json);
}

static void a_json_result_is_shown_as_json(void **state)
{
    (void)state;
    expect_result_body("{\"n\": 9007199254740993}", "\"body\":{\"n\":9007199254740993}}");
    expect_result_body("true", "\"body\":true}");
    expect_result_body("{\"p\": 0.1, \"q\" :[1e3,\n1.0]}", "\"body\":{\"p\":0.1,\"q\":[1e3,1.0]}}");
    expect_result_body("[\"a \\\" b\\\\\", \"\"]", "\"body\":[\"a \\\" b\\\\\",\"\"]}}");
}

static void a_broken_json_result_is_shown_as_text(void **state)
{
    (void)state;
    expect_result_body("{\"n\": ", "\"body\":\"{\\\"n\\\": \"}");
}

static void a_job_that_is_withdrawn_while_it_runs_says_so(void **state)
{
    (void)state;
    struct job_record job = {
        .route = (char[]){"/r"},
        .worker = (char[]){"w"},
        .state = JOB_RUNNING,
        .is_cancelling = true,
    };
    struct bytes json = {0};
    job_json(&json, &job, NULL);
    assert_non_null(strstr(bytes_text(&json), "\"state\":\"running\""));
    assert_non_null(strstr(bytes_text(&json), "\"cancelling\":true"));
    bytes_fini(&json);
}

static void a_body_of_more_than_64_kib_is_told_by_its_length_only(void **state)
{
    (void)state;
    struct job_record job = {.state = JOB_SUCCEEDED,
                             .route = (char[]){"/r"},
                             .worker = (char[]){"w"},
                             .result_status = 200,
                             .result_length = JOB_RESULT_BYTES + 1};
    job.result = calloc(1, job.result_length + 1);
    memset(job.result, 'x', job.result_length);
    struct bytes json = {0};
    job_json(&json, &job, NULL);
    assert_non_null(strstr(bytes_text(&json), "\"bytes\":65537,\"body\":null}}"));
    bytes_fini(&json);
    free(job.result);
    job.result = NULL;
    job_json(&json, &job, NULL);
    assert_non_null(strstr(bytes_text(&json), "\"bytes\":null,\"body\":null}}"));
    bytes_fini(&json);
}

static void an_event_tells_of_the_end_but_not_the_id(void **state)
{
    (void)state;
    struct job_record job = {
        .id = "00112233445566778899aabbccddeeff",
        .delivery_id = "ffeeddccbbaa99887766554433221100",
        .route = (char[]){"/email"},
        .worker = (char[]){"mailer"},
        .state = JOB_SUCCEEDED,
        .attempt = 2,
        .created_ms = 1000,
        .finished_ms = 3000,
        .result_status = 200,
        .result_type = (char[]){"application/json"},
        .result = (char[]){"{\"n\": 1}"},
        .result_length = 8,
    };
    struct bytes json = {0};
    job_json_event(&json, &job, 3001);
    assert_string_equal(
        bytes_text(&json),
        "{\"type\":\"job.succeeded\",\"timestamp\":\"1970-01-01T00:00:03.001Z\","
        "\"data\":{\"delivery_id\":\"ffeeddccbbaa99887766554433221100\",\"route\":\"/email\","
        "\"worker\":\"mailer\",\"state\":\"succeeded\",\"attempt\":2,"
        "\"created_at\":\"1970-01-01T00:00:01.000Z\","
        "\"finished_at\":\"1970-01-01T00:00:03.000Z\",\"error\":null,"
        "\"result\":{\"status\":200,\"content_type\":\"application/json\","
        "\"bytes\":8,\"body\":{\"n\":1}}}}");
    bytes_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_job_has_every_key),
        cmocka_unit_test(progress_error_and_a_text_result_are_escaped),
        cmocka_unit_test(a_json_result_is_shown_as_json),
        cmocka_unit_test(a_broken_json_result_is_shown_as_text),
        cmocka_unit_test(a_job_that_is_withdrawn_while_it_runs_says_so),
        cmocka_unit_test(a_body_of_more_than_64_kib_is_told_by_its_length_only),
        cmocka_unit_test(an_event_tells_of_the_end_but_not_the_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
