/* Several recipients: a status each, and over all attempts of a job nobody gets a message twice. */
#include "smtp_peer.h"

/* The n-th recipient of an answer, as "address status code". */
static const char *status_of(const struct worker_answer *answer, size_t index)
{
    static char text[128];
    json_t *root = json_loads(bytes_text(&answer->body), 0, NULL);
    json_t *one = json_array_get(json_object_get(root, "recipients"), index);
    assert_non_null(one);
    assert_true(json_is_string(json_object_get(one, "text")));
    snprintf(text, sizeof text, "%s %s %d", json_string_value(json_object_get(one, "address")),
             json_string_value(json_object_get(one, "status")),
             (int)json_integer_value(json_object_get(one, "code")));
    json_decref(root);
    return text;
}

static struct worker_answer attempt(struct worker_run *run, const char *body,
                                    const struct worker_answer *before)
{
    return worker_run_call(
        run, &(struct worker_question){
                 .body = body,
                 .delivery_id = "d1",
                 .memory = before && before->memory.length > 0 ? before->memory.data : NULL,
             });
}

static void assert_received_by(const struct place *place, size_t message, const char *expected)
{
    json_t *list = received(place);
    char *to = json_dumps(json_object_get(json_array_get(list, message), "to"), JSON_COMPACT);
    assert_non_null(to);
    assert_string_equal(to, expected);
    free(to);
    json_decref(list);
}

#define WORDS ", \"subject\": \"s\", \"text\": \"t\"}"

static void test_a_refused_recipient_does_not_stop_the_others(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    struct worker_answer answer = attempt(
        &run, "{\"to\": [\"a@b.c\", \"reject@b.c\"], \"cc\": \"c@b.c\", \"bcc\": \"d@b.c\"" WORDS,
        NULL);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(bytes_text(&answer.body), "\"accepted\":3,"));
    assert_string_equal(status_of(&answer, 0), "a@b.c accepted 250");
    assert_string_equal(status_of(&answer, 1), "reject@b.c refused 550");
    assert_string_equal(status_of(&answer, 2), "c@b.c accepted 250");
    assert_string_equal(status_of(&answer, 3), "d@b.c accepted 250");
    worker_answer_fini(&answer);
    worker_run_close(&run);
    assert_received_by(place, 0, "[\"a@b.c\",\"c@b.c\",\"d@b.c\"]");
}

static void test_a_later_attempt_is_for_those_deferred_only(void **state)
{
    struct place *place = *state;
    static const char body[] = "{\"to\": [\"a@b.c\", \"greylist-1@b.c\", \"reject@b.c\"], \"cc\": "
                               "\"greylist-2@b.c\"" WORDS;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    struct worker_answer first = attempt(&run, body, NULL);
    assert_int_equal(first.code, FERRY_TRANSIENT);
    assert_non_null(strstr(first.message, "refused for now 2 of 4 recipients: "
                                          "greylist-1@b.c: 451 4.7.1 greylisted"));
    assert_int_equal(first.retry_after_ms, 300000);
    assert_int_equal(first.pause_route_ms, 0);
    struct worker_answer second = attempt(&run, body, &first);
    assert_int_equal(second.status, 200);
    assert_non_null(strstr(bytes_text(&second.body), "\"accepted\":3,"));
    assert_string_equal(status_of(&second, 0), "a@b.c accepted 250");
    assert_string_equal(status_of(&second, 1), "greylist-1@b.c accepted 250");
    assert_string_equal(status_of(&second, 2), "reject@b.c refused 550");
    assert_string_equal(status_of(&second, 3), "greylist-2@b.c accepted 250");
    worker_run_close(&run);
    json_t *list = received(place);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(field(list, 1, "message_id"), field(list, 0, "message_id"));
    /* The message itself says to everyone who got it. */
    assert_non_null(strstr(field(list, 1, "data"), "To: a@b.c, greylist-1@b.c, reject@b.c\r\n"));
    assert_non_null(strstr(field(list, 1, "data"), "Cc: greylist-2@b.c\r\n"));
    json_decref(list);
    assert_received_by(place, 0, "[\"a@b.c\"]");
    assert_received_by(place, 1, "[\"greylist-1@b.c\",\"greylist-2@b.c\"]");
    worker_answer_fini(&first);
    worker_answer_fini(&second);
}

/* RFC 5321, 4.5.3.1.10: at RCPT a 552 is a 452, as old servers say it. */
static void test_too_many_recipients_are_several_messages(void **state)
{
    struct place *place = *state;
    static const char body[] =
        "{\"to\": [\"a@b.c\", \"alone-1@b.c\", \"full@b.c\", \"alone-2@b.c\"]" WORDS;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    struct worker_answer first = attempt(&run, body, NULL);
    assert_non_null(strstr(first.message, "for now 2 of 4 recipients: alone-1@b.c: 552"));
    struct worker_answer second = attempt(&run, body, &first);
    assert_non_null(strstr(second.message, "for now 1 of 4 recipients: alone-2@b.c: 552"));
    struct worker_answer third = attempt(&run, body, &second);
    assert_int_equal(third.status, 200);
    assert_non_null(strstr(bytes_text(&third.body), "\"accepted\":3,"));
    assert_string_equal(status_of(&third, 2), "full@b.c refused 552");
    worker_run_close(&run);
    assert_received_by(place, 0, "[\"a@b.c\"]");
    assert_received_by(place, 1, "[\"alone-1@b.c\"]");
    assert_received_by(place, 2, "[\"alone-2@b.c\"]");
    worker_answer_fini(&first);
    worker_answer_fini(&second);
    worker_answer_fini(&third);
}

static void test_when_all_are_settled_nothing_is_sent(void **state)
{
    struct place *place = *state;
    static const char body[] = "{\"to\": [\"a@b.c\", \"reject@b.c\"]" WORDS;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    struct worker_answer first = attempt(&run, body, NULL);
    struct worker_answer second = attempt(&run, body, &first);
    assert_string_equal(bytes_text(&second.body), bytes_text(&first.body));
    worker_run_close(&run);
    json_t *list = received(place);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    worker_answer_fini(&first);
    worker_answer_fini(&second);
}

static void test_all_refused_is_a_failure_that_names_them(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    assert_answer_failed(
        attempt(&run, "{\"to\": [\"reject@b.c\", \"reject@d.e\"]" WORDS, NULL), FERRY_UNPROCESSABLE,
        "refused 2 of 2 recipients: reject@b.c: 550 5.1.1 no such mailbox here; reject@d.e: 550");
    worker_run_close(&run);
}

/* What the relay says of the whole message holds for those whom it had taken. */
static void test_a_refused_message_is_refused_to_all(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    assert_answer_failed(
        attempt(&run, "{\"to\": [\"a@b.c\", \"reject@b.c\", \"reject-data@b.c\"]" WORDS, NULL),
        FERRY_UNPROCESSABLE,
        "3 of 3 recipients: a@b.c: 554 5.6.0 this content is not welcome; "
        "reject@b.c: 550");
    struct worker_answer answer =
        attempt(&run, "{\"to\": [\"a@b.c\", \"reject@b.c\", \"tempfail-1@b.c\"]" WORDS, NULL);
    assert_int_equal(answer.code, FERRY_TRANSIENT);
    assert_non_null(strstr(answer.message, "2 of 3 recipients: a@b.c: 451"));
    assert_int_equal(answer.retry_after_ms, 300000);
    assert_string_equal(bytes_text(&answer.memory), "[[1,550,\"5.1.1 no such mailbox here\"]]");
    worker_answer_fini(&answer);
    worker_run_close(&run);
}

static void test_a_lost_connection_settles_only_what_was_refused(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    struct worker_answer answer =
        attempt(&run, "{\"to\": [\"reject@b.c\", \"a@b.c\", \"vanish@b.c\"]" WORDS, NULL);
    assert_int_equal(answer.code, FERRY_TRANSIENT);
    assert_string_equal(bytes_text(&answer.memory), "[[0,550,\"5.1.1 no such mailbox here\"]]");
    worker_answer_fini(&answer);
    answer = attempt(&run, "{\"to\": [\"reject@b.c\", \"a@b.c\", \"drop@b.c\"]" WORDS, NULL);
    assert_int_equal(answer.code, FERRY_TRANSIENT);
    assert_non_null(strstr(answer.message, "it may have arrived"));
    assert_string_equal(bytes_text(&answer.memory), "[[0,550,\"5.1.1 no such mailbox here\"]]");
    worker_answer_fini(&answer);
    worker_run_close(&run);
}

static void test_an_address_twice_is_one_recipient(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    struct worker_answer answer =
        attempt(&run, "{\"to\": [\"a@b.c\", \"A@b.c\"], \"cc\": \"Ann <a@B.C>\"" WORDS, NULL);
    assert_non_null(strstr(bytes_text(&answer.body), "\"accepted\":2,"));
    worker_answer_fini(&answer);
    worker_run_close(&run);
    assert_received_by(place, 0, "[\"a@b.c\",\"A@b.c\"]");
}

static void test_memory_of_another_kind_is_ignored(void **state)
{
    struct place *place = *state;
    static const char *const memories[] = {
        "not JSON", "{}", "[1]", "[[5,250,\"\"]]", "[[-1,250,\"\"]]", "[[0,\"\",250]]"};
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    for (size_t i = 0; i < sizeof memories / sizeof memories[0]; i++)
        assert_sent(
            worker_run_call(&run, &(struct worker_question){.body = "{\"to\": \"a@b.c\"" WORDS,
                                                            .memory = memories[i]}));
    worker_run_close(&run);
    json_t *list = received(place);
    assert_int_equal(json_array_size(list), sizeof memories / sizeof memories[0]);
    json_decref(list);
}

/* ---- when to come back ---- */

static void assert_advice(struct worker_answer answer, int64_t retry_after_ms,
                          int64_t pause_route_ms)
{
    assert_int_equal(answer.code, FERRY_TRANSIENT);
    assert_int_equal(answer.retry_after_ms, retry_after_ms);
    assert_int_equal(answer.pause_route_ms, pause_route_ms);
    worker_answer_fini(&answer);
}

static void test_replies_say_when_to_come_back(void **state)
{
    struct place *place = *state;
    const struct worker_setting settings[] = {
        {.key = "greylist_wait", .values = {"11ms"}}, {.key = "pause", .values = {"12ms"}}, {0}};
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    assert_advice(send_to(&run, "tempfail@b.c", NULL), 300000, 0);
    assert_advice(send_to(&run, "tempfail-1@b.c", "d1"), 300000, 0);
    assert_advice(send_to(&run, "hangup@b.c", NULL), 0, 60000);
    assert_advice(send_to(&run, "vanish@b.c", NULL), 0, 0);
    worker_run_close(&run);
    run = open_mailer(place, settings);
    assert_advice(send_to(&run, "tempfail@b.c", NULL), 11, 0);
    assert_advice(send_to(&run, "hangup@b.c", NULL), 0, 12);
    worker_run_close(&run);
}

static void test_a_relay_that_does_not_let_us_in_pauses_the_route(void **state)
{
    struct place *place = *state;
    const struct worker_setting settings[] = {
        {.key = "username", .values = {"me"}},
        {.key = "password_file", .values = {place->password}},
        {.key = "starttls", .values = {"none"}},
        {0},
    };
    server_start(place, "0", (const char *const[]){"--auth", "me:right", NULL});
    place_write(place->password, "wrong");
    struct worker_run run = open_mailer(place, settings);
    assert_advice(send_to(&run, "a@b.c", NULL), 0, 300000);
    worker_run_close(&run);
    run = open_mailer(
        place, (const struct worker_setting[]){{.key = "login_pause", .values = {"13ms"}}, {0}});
    assert_advice(send_to(&run, "a@b.c", NULL), 0, 13); /* 530 at MAIL */
    worker_run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RELAY_TEST(test_a_refused_recipient_does_not_stop_the_others),
        RELAY_TEST(test_a_later_attempt_is_for_those_deferred_only),
        RELAY_TEST(test_too_many_recipients_are_several_messages),
        RELAY_TEST(test_when_all_are_settled_nothing_is_sent),
        RELAY_TEST(test_all_refused_is_a_failure_that_names_them),
        RELAY_TEST(test_a_refused_message_is_refused_to_all),
        RELAY_TEST(test_a_lost_connection_settles_only_what_was_refused),
        RELAY_TEST(test_an_address_twice_is_one_recipient),
        RELAY_TEST(test_memory_of_another_kind_is_ignored),
        RELAY_TEST(test_replies_say_when_to_come_back),
        RELAY_TEST(test_a_relay_that_does_not_let_us_in_pauses_the_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
