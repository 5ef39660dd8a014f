/* A job's result as an answer, and when to ask for a job again. */
#include "job_answer.h"

#include "support.h"

static void test_the_status_is_the_replys_else_the_errors(void **state)
{
    (void)state;
    static char body[] = "";
    const struct {
        struct job_record job;
        int status;
    } table[] = {
        {{.state = JOB_SUCCEEDED, .result_status = 201, .result = body}, 201},
        {{.state = JOB_SUCCEEDED, .result_status = 201}, 410},
        {{.state = JOB_DEAD,
          .result_status = 404,
          .result = body,
          .error_code = FERRY_UNPROCESSABLE},
         404},
        {{.state = JOB_DEAD, .result_status = 404, .error_code = FERRY_UNPROCESSABLE}, 422},
        {{.state = JOB_DEAD, .error_code = FERRY_TRANSIENT}, 502},
        {{.state = JOB_DEAD, .error_code = FERRY_DEADLINE}, 504},
        {{.state = JOB_DEAD}, 500},
        {{.state = JOB_CANCELLED}, 410},
        {{.state = JOB_CANCELLED, .result_status = 200, .result = body}, 410},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        assert_int_equal(job_answer_status(&table[i].job), table[i].status);
}

static void test_a_job_is_asked_for_again_soon_or_when_it_is_due(void **state)
{
    (void)state;
    assert_int_equal(job_retry_after_s(JOB_QUEUED, 0, 1000), 1);
    assert_int_equal(job_retry_after_s(JOB_RUNNING, 99000, 1000), 1);
    assert_int_equal(job_retry_after_s(JOB_SCHEDULED, 500, 1000), 1);
    assert_int_equal(job_retry_after_s(JOB_SCHEDULED, 2000, 1000), 1);
    assert_int_equal(job_retry_after_s(JOB_SCHEDULED, 2001, 1000), 2);
    assert_int_equal(job_retry_after_s(JOB_RETRYING, 31000, 1000), 30);
    assert_int_equal(job_retry_after_s(JOB_RETRYING, 999999999999, 1000), 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_status_is_the_replys_else_the_errors),
        cmocka_unit_test(test_a_job_is_asked_for_again_soon_or_when_it_is_due),
    };
    return cmocka_run_group_tests_name("server/job_answer", tests, NULL, NULL);
}
