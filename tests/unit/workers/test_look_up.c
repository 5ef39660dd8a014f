/* Workers that look names up: one that is never answered holds no thread past its time-out. */
#include "worker_run.h"

#include <netdb.h>
#include <semaphore.h>

extern const ferry_worker ferry_worker_email, ferry_worker_fetch;

static sem_t may_end, began, ended;

/* In place of the system's: libcurl's thread calls this one, and waits. */
FERRY_API int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                          struct addrinfo **result)
{
    (void)node, (void)service, (void)hints, (void)result;
    sem_post(&began);
    sem_wait(&may_end);
    sem_post(&ended);
    return EAI_NONAME;
}

static bool has_begun(void *arg)
{
    (void)arg;
    return sem_trywait(&began) == 0;
}

/* Ask for a name, once until the time is up and once until it is cancelled. */
static void ask(const ferry_worker *kind, const struct worker_setting *settings, const char *body,
                ferry_code too_late)
{
    struct worker_run run = worker_run_open(kind, settings);
    sem_init(&may_end, 0, 0);
    sem_init(&began, 0, 0);
    sem_init(&ended, 0, 0);
    assert_answer_failed(
        worker_run_call(&run, &(struct worker_question){.body = body, .timeout_ms = 30}), too_late,
        "no answer in time");
    assert_answer_failed(
        worker_run_call(&run, &(struct worker_question){.body = body, .cancel_when = has_begun}),
        FERRY_CANCELLED, "");
    worker_run_close(&run);
    for (int i = 0; i < 2; i++)
        sem_post(&may_end);
    sem_wait(&ended);                /* of the one whose beginning was waited for */
    while (sem_trywait(&began) == 0) /* the other may never have begun */
        sem_wait(&ended);
}

static void test_a_name_that_is_not_answered_does_not_hold_an_email(void **state)
{
    (void)state;
    ask(&ferry_worker_email,
        (const struct worker_setting[]){{.key = "relay", .values = {"smtp://a.example"}}, {0}},
        "{\"to\": \"a@b.c\", \"subject\": \"s\", \"text\": \"t\"}", FERRY_TRANSIENT);
}

/* Nor a webhook or an sms, whose transfers are the same. */
static void test_a_name_that_is_not_answered_does_not_hold_a_fetch(void **state)
{
    (void)state;
    ask(&ferry_worker_fetch,
        (const struct worker_setting[]){{.key = "url", .values = {"http://a.example/"}}, {0}}, "",
        FERRY_DEADLINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_that_is_not_answered_does_not_hold_an_email),
        cmocka_unit_test(test_a_name_that_is_not_answered_does_not_hold_a_fetch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
