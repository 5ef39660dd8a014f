/* The states of a job: every event in every state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "job.h"

enum { REFUSED = -1 };

static const int expected[JOB_STATE_COUNT][JOB_EVENT_COUNT] = {
    [JOB_SCHEDULED] = {[JOB_CLAIM] = JOB_RUNNING,
                       [JOB_SUCCEED] = REFUSED,
                       [JOB_FAIL] = REFUSED,
                       [JOB_GIVE_UP] = REFUSED,
                       [JOB_INTERRUPT] = REFUSED,
                       [JOB_CANCEL] = JOB_CANCELLED,
                       [JOB_RETRY] = JOB_QUEUED},
    [JOB_QUEUED] = {[JOB_CLAIM] = JOB_RUNNING,
                    [JOB_SUCCEED] = REFUSED,
                    [JOB_FAIL] = REFUSED,
                    [JOB_GIVE_UP] = REFUSED,
                    [JOB_INTERRUPT] = REFUSED,
                    [JOB_CANCEL] = JOB_CANCELLED,
                    [JOB_RETRY] = JOB_QUEUED},
    [JOB_RUNNING] = {[JOB_CLAIM] = REFUSED,
                     [JOB_SUCCEED] = JOB_SUCCEEDED,
                     [JOB_FAIL] = JOB_RETRYING,
                     [JOB_GIVE_UP] = JOB_DEAD,
                     [JOB_INTERRUPT] = JOB_QUEUED,
                     [JOB_CANCEL] = JOB_CANCELLED,
                     [JOB_RETRY] = REFUSED},
    [JOB_RETRYING] = {[JOB_CLAIM] = JOB_RUNNING,
                      [JOB_SUCCEED] = REFUSED,
                      [JOB_FAIL] = REFUSED,
                      [JOB_GIVE_UP] = REFUSED,
                      [JOB_INTERRUPT] = REFUSED,
                      [JOB_CANCEL] = JOB_CANCELLED,
                      [JOB_RETRY] = JOB_QUEUED},
    [JOB_SUCCEEDED] = {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED},
    [JOB_DEAD] = {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, JOB_QUEUED},
    [JOB_CANCELLED] = {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, JOB_QUEUED},
};

static void each_event_in_each_state(void **ctx)
{
    (void)ctx;
    for (int state = 0; state < JOB_STATE_COUNT; state++) {
        for (int event = 0; event < JOB_EVENT_COUNT; event++) {
            enum job_state at = (enum job_state)state;
            bool allowed = job_transition(&at, (enum job_event)event);
            assert_int_equal(allowed, expected[state][event] != REFUSED);
            assert_int_equal(at, allowed ? expected[state][event] : state);
        }
    }
}

static void a_final_state_is_one_that_only_a_person_leaves(void **ctx)
{
    (void)ctx;
    for (int state = 0; state < JOB_STATE_COUNT; state++) {
        bool has_way_out = false;
        for (int event = 0; event < JOB_RETRY; event++)
            has_way_out |= expected[state][event] != REFUSED;
        assert_int_equal(job_state_is_final((enum job_state)state), !has_way_out);
    }
}

static void names_are_those_of_the_api(void **ctx)
{
    (void)ctx;
    static const char *const names[] = {"scheduled", "queued", "running",  "retrying",
                                        "succeeded", "dead",   "cancelled"};
    for (int state = 0; state < JOB_STATE_COUNT; state++)
        assert_string_equal(job_state_name((enum job_state)state), names[state]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_in_each_state),
        cmocka_unit_test(a_final_state_is_one_that_only_a_person_leaves),
        cmocka_unit_test(names_are_those_of_the_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
