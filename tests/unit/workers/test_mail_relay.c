/* email with a relay: a real SMTP server (tests/integration/smtp_server.py) that plays good, busy,
 * hostile and dead. */
#include "smtp_peer.h"

#define ACCEPTED(address)                                                                          \
    "{\"address\":\"" address "\",\"status\":\"accepted\",\"code\":250,\"text\":\"2.0.0 taken\"}"

static void test_delivers_to_everyone(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    struct worker_question question = {
        .delivery_id = "d1",
        .body = "{\"to\": [\"Ann <ann@b.c>\", \"b@b.c\"], \"cc\": \"c@b.c\", \"bcc\": \"d@b.c\","
                " \"subject\": \"Gr\xC3\xBC\xC3\x9F"
                "e aus K\xC3\xB6ln\", \"text\": \".\\n..\\n\\n.end\", \"html\": \"<p>\"}",
    };
    assert_answer_text(
        worker_run_call(&run, &question),
        "{\"message_id\":\"<d1@example.org>\",\"accepted\":4,\"recipients\":[" ACCEPTED(
            "ann@b.c") "," ACCEPTED("b@b.c") "," ACCEPTED("c@b.c") "," ACCEPTED("d@b.c") "]}");
    worker_run_close(&run);
    json_t *list = received(place);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(field(list, 0, "from"), "ferry@example.org");
    assert_string_equal(field(list, 0, "message_id"), "<d1@example.org>");
    json_t *to = json_object_get(json_array_get(list, 0), "to");
    static const char *const recipients[] = {"ann@b.c", "b@b.c", "c@b.c", "d@b.c"};
    assert_int_equal(json_array_size(to), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(json_string_value(json_array_get(to, i)), recipients[i]);
    const char *data = field(list, 0, "data");
    assert_null(strstr(data, "d@b.c"));
    assert_non_null(strstr(data, "\r\n\r\n=2E\r\n=2E.\r\n\r\n=2Eend\r\n--=_"));
    assert_non_null(strstr(data, "\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=\r\n"));
    json_decref(list);
}

static void test_one_connection_for_several_messages(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    for (int i = 0; i < 3; i++)
        assert_sent(send_to(&run, "a@b.c", NULL));
    worker_run_close(&run);
    json_t *list = received(place);
    assert_int_equal(json_array_size(list), 3);
    for (size_t i = 0; i < 3; i++) {
        json_t *message = json_array_get(list, i);
        assert_int_equal(json_integer_value(json_object_get(message, "connection")), 1);
    }
    json_decref(list);
}

static void test_a_relay_that_was_restarted(void **state)
{
    struct place *place = *state;
    char port[16];
    server_start(place, "0", NULL);
    memcpy(port, place->server.port, sizeof port);
    struct worker_run run = open_mailer(place, NULL);
    assert_sent(send_to(&run, "a@b.c", NULL));
    server_stop(place);
    assert_answer_failed(send_to(&run, "a@b.c", NULL), FERRY_TRANSIENT, "relay smtp://127.0.0.1");
    server_start(place, port, NULL);
    assert_sent(send_to(&run, "a@b.c", NULL));
    server_stop(place);
    server_start(place, port, NULL); /* now with a connection of old, which is dead */
    assert_sent(send_to(&run, "a@b.c", NULL));
    worker_run_close(&run);
    json_t *list = received(place);
    assert_int_equal(json_array_size(list), 3);
    json_decref(list);
}

static void test_a_relay_that_closed_an_idle_connection(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    for (int i = 0; i < 5; i++) /* each but the first meets "421" where it expects "250" */
        assert_sent(send_to(&run, "idle-out@b.c", NULL));
    worker_run_close(&run);
    json_t *list = received(place);
    assert_int_equal(json_array_size(list), 5);
    json_decref(list);
}

static void test_refusals_and_what_they_mean(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *to;
        ferry_code code;
        const char *part;
    } cases[] = {
        {"reject@b.c", FERRY_UNPROCESSABLE, "refused: reject@b.c: 550 5.1.1 no such mailbox here"},
        {"reject-data@b.c", FERRY_UNPROCESSABLE,
         "refused: reject-data@b.c: 554 5.6.0 this content"},
        {"tempfail@b.c", FERRY_TRANSIENT, "450 4.2.0 greylisted"},
        {"tempfail-9@b.c", FERRY_TRANSIENT, "451 4.3.0 try again later"},
        {"hangup@b.c", FERRY_TRANSIENT, "421 4.3.2 closing down"},
    };
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_answer_failed(send_to(&run, cases[i].to, NULL), cases[i].code, cases[i].part);
        assert_sent(send_to(&run, "good@b.c", NULL)); /* the thread is none the worse for it */
    }
    worker_run_close(&run);
    json_t *list = received(place);
    assert_int_equal(json_array_size(list), sizeof cases / sizeof cases[0]);
    json_decref(list);
}

static void test_the_message_id_stays_over_retries(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    assert_answer_failed(send_to(&run, "tempfail-2@b.c", "d7"), FERRY_TRANSIENT, "451");
    assert_answer_failed(send_to(&run, "tempfail-2@b.c", "d7"), FERRY_TRANSIENT, "451");
    assert_sent(send_to(&run, "tempfail-2@b.c", "d7"));
    worker_run_close(&run);
    json_t *list = received(place);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(field(list, 0, "message_id"), "<d7@example.org>");
    json_decref(list);
}

static void test_a_connection_cut_after_the_final_dot(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    assert_answer_failed(send_to(&run, "drop@b.c", "d7"), FERRY_TRANSIENT, "relay");
    assert_sent(send_to(&run, "drop@b.c", "d7"));
    /* The same on a connection that was used before: it must not be sent again by itself. */
    assert_answer_failed(send_to(&run, "drop@b.c", "d8"), FERRY_TRANSIENT, "relay");
    worker_run_close(&run);
    json_t *list = received(place);
    assert_int_equal(json_array_size(list), 3);
    assert_string_equal(field(list, 0, "message_id"), "<d7@example.org>");
    assert_string_equal(field(list, 1, "message_id"), "<d7@example.org>");
    assert_string_equal(field(list, 2, "message_id"), "<d8@example.org>");
    json_decref(list);
}

static void test_closing_does_not_wait_for_the_relay(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    for (int i = 0; i < 3; i++) { /* with a wait in each it would be past the program's limit */
        struct worker_run run = open_mailer(place, NULL);
        assert_sent(send_to(&run, "a@b.c", NULL));
        assert_int_equal(kill(place->server.id, SIGSTOP), 0);
        worker_run_close(&run);
        assert_int_equal(kill(place->server.id, SIGCONT), 0);
    }
}

static bool at_the_second_look(void *arg)
{
    return ++*(int *)arg > 1;
}

static void test_a_slow_relay(void **state)
{
    struct place *place = *state;
    server_start(place, "0", (const char *const[]){"--delay", "3600", NULL});
    const struct worker_setting settings[] = {{.key = "timeout", .values = {"200ms"}}, {0}};
    struct worker_run run = open_mailer(place, settings);
    assert_answer_failed(send_to(&run, "a@b.c", NULL), FERRY_TRANSIENT, "no answer in time");
    worker_run_close(&run);

    run = open_mailer(place, NULL);
    int looks = 0;
    struct worker_question question = {
        .body = "{\"to\": \"a@b.c\", \"subject\": \"s\", \"text\": \"t\"}",
        .cancel_when = at_the_second_look,
        .arg = &looks,
    };
    assert_answer_failed(worker_run_call(&run, &question), FERRY_CANCELLED, "");
    /* That connection still waits for its answer: the next message needs another. */
    assert_answer_failed(send_to(&run, "reject@b.c", NULL), FERRY_UNPROCESSABLE, "550");
    question.cancel_when = NULL;
    question.timeout_ms = 200;
    assert_answer_failed(worker_run_call(&run, &question), FERRY_TRANSIENT, "no answer in time");
    worker_run_close(&run);
}

/* A connection that was given up while an answer was due is not used again. */
static void test_a_late_answer_is_not_taken_for_the_next(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    struct worker_question given_up = {
        .body = "{\"to\": \"a@b.c\", \"subject\": \"s\", \"text\": \"t\"}", .timeout_ms = 200};
    assert_sent(send_to(&run, "a@b.c", NULL));
    assert_int_equal(kill(place->server.id, SIGSTOP), 0);
    assert_answer_failed(worker_run_call(&run, &given_up), FERRY_TRANSIENT, "no answer in time");
    assert_int_equal(kill(place->server.id, SIGCONT), 0);
    assert_answer_failed(send_to(&run, "reject@b.c", NULL), FERRY_UNPROCESSABLE, "550");
    assert_sent(send_to(&run, "a@b.c", NULL));
    worker_run_close(&run);
}

/* libcurl says QUIT where the relay has refused the message, and would wait two minutes. */
static void test_a_relay_that_does_not_answer_the_quit(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    struct worker_run run = open_mailer(place, NULL);
    for (int i = 0; i < 3; i++) /* the limit of the test program says whether it waits */
        assert_answer_failed(send_to(&run, "mute@b.c", NULL), FERRY_UNPROCESSABLE, "550 5.1.1");
    worker_run_close(&run);
}

/* Cancel as soon as the relay has the message, and let it answer then. */
static bool has_arrived(void *arg)
{
    const struct place *place = arg;
    json_t *list = received(place);
    bool has = json_array_size(list) > 0;
    json_decref(list);
    if (has)
        place_write(place->password, "go on");
    return has;
}

static void test_what_was_taken_is_sent_though_it_was_cancelled_meanwhile(void **state)
{
    struct place *place = *state;
    server_start(place, "0", (const char *const[]){"--hold", place->password, NULL});
    struct worker_run run = open_mailer(place, NULL);
    struct worker_question question = {
        .body = "{\"to\": \"late@b.c\", \"subject\": \"s\", \"text\": \"t\"}",
        .cancel_when = has_arrived,
        .arg = place,
    };
    struct worker_answer answer = worker_run_call(&run, &question);
    assert_true(answer.was_cancelled);
    assert_sent(answer);
    worker_run_close(&run);
}

/* ---- who we are ---- */

static void test_authentication(void **state)
{
    struct place *place = *state;
    server_start(place, "0", (const char *const[]){"--auth", "me:right", NULL});
    const struct worker_setting settings[] = {
        {.key = "username", .values = {"me"}},
        {.key = "password_file", .values = {place->password}},
        {.key = "starttls", .values = {"none"}},
        {0},
    };
    place_write(place->password, "right");
    struct worker_run run = open_mailer(place, settings);
    assert_sent(send_to(&run, "a@b.c", NULL));
    worker_run_close(&run);
    json_t *list = received(place);
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "auth")));
    json_decref(list);

    /* Neither is the message's fault: it must not be given up. */
    place_write(place->password, "wrong");
    run = open_mailer(place, settings);
    assert_answer_failed(send_to(&run, "a@b.c", NULL), FERRY_TRANSIENT, "535");
    worker_run_close(&run);
    run = open_mailer(place, NULL);
    assert_answer_failed(send_to(&run, "a@b.c", NULL), FERRY_TRANSIENT, "530");
    worker_run_close(&run);
}

/* The token is read for each message: one that was renewed is used at once. */
static void test_authentication_by_token(void **state)
{
    struct place *place = *state;
    const struct worker_setting settings[] = {
        {.key = "username", .values = {"me"}},
        {.key = "oauth_token_file", .values = {place->password}},
        {.key = "starttls", .values = {"none"}},
        {0},
    };
    server_start(place, "0", (const char *const[]){"--oauth", "me:right", NULL});
    place_write(place->password, "old");
    struct worker_run run = open_mailer(place, settings);
    assert_int_equal(unlink(place->password), 0);
    assert_answer_failed(send_to(&run, "a@b.c", NULL), FERRY_TRANSIENT, "oauth_token_file: ");
    place_write(place->password, "old");
    assert_answer_failed(send_to(&run, "a@b.c", NULL), FERRY_TRANSIENT, "535");
    place_write(place->password, "right");
    assert_sent(send_to(&run, "a@b.c", NULL));
    worker_run_close(&run);
    json_t *list = received(place);
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "auth")));
    json_decref(list);
}

static bool last_was_encrypted(const struct place *place)
{
    json_t *list = received(place);
    json_t *last = json_array_get(list, json_array_size(list) - 1);
    assert_non_null(last);
    bool encrypted = json_is_true(json_object_get(last, "tls"));
    json_decref(list);
    return encrypted;
}

static struct worker_answer send_with(const struct place *place, const char *starttls,
                                      const char *ca_file)
{
    const struct worker_setting settings[] = {
        {.key = "starttls", .values = {starttls}},
        {.key = ca_file ? "ca_file" : NULL, .values = {ca_file}},
        {0},
    };
    struct worker_run run = open_mailer(place, settings);
    struct worker_answer answer = send_to(&run, "a@b.c", NULL);
    worker_run_close(&run);
    return answer;
}

static void test_starttls(void **state)
{
    struct place *place = *state;
    make_certificate(place);
    server_start(place, "0",
                 (const char *const[]){"--starttls", place->certificate, place->key, NULL});
    assert_sent(send_with(place, "none", NULL));
    assert_false(last_was_encrypted(place));
    assert_sent(send_with(place, "try", NULL));
    assert_true(last_was_encrypted(place));
    assert_sent(send_with(place, "require", place->certificate));
    assert_true(last_was_encrypted(place));
    assert_answer_failed(send_with(place, "require", NULL), FERRY_TRANSIENT, "certificate");
}

static void test_starttls_that_is_not_offered(void **state)
{
    struct place *place = *state;
    server_start(place, "0", NULL);
    assert_sent(send_with(place, "try", NULL));
    assert_false(last_was_encrypted(place));
    assert_answer_failed(send_with(place, "require", NULL), FERRY_TRANSIENT, "STARTTLS");
}

static void test_smtps(void **state)
{
    struct place *place = *state;
    make_certificate(place);
    server_start(place, "0",
                 (const char *const[]){"--smtps", place->certificate, place->key, NULL});
    snprintf(place->url, sizeof place->url, "smtps://127.0.0.1:%s", place->server.port);
    assert_sent(send_with(place, "try", place->certificate));
    /* Always verified: the relay has to be encrypted, so there is no "try" about it. */
    assert_answer_failed(send_with(place, "try", NULL), FERRY_TRANSIENT, "certificate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RELAY_TEST(test_delivers_to_everyone),
        RELAY_TEST(test_one_connection_for_several_messages),
        RELAY_TEST(test_a_relay_that_was_restarted),
        RELAY_TEST(test_a_relay_that_closed_an_idle_connection),
        RELAY_TEST(test_refusals_and_what_they_mean),
        RELAY_TEST(test_the_message_id_stays_over_retries),
        RELAY_TEST(test_a_connection_cut_after_the_final_dot),
        RELAY_TEST(test_closing_does_not_wait_for_the_relay),
        RELAY_TEST(test_a_slow_relay),
        RELAY_TEST(test_a_late_answer_is_not_taken_for_the_next),
        RELAY_TEST(test_a_relay_that_does_not_answer_the_quit),
        RELAY_TEST(test_what_was_taken_is_sent_though_it_was_cancelled_meanwhile),
        RELAY_TEST(test_authentication),
        RELAY_TEST(test_authentication_by_token),
        RELAY_TEST(test_starttls),
        RELAY_TEST(test_starttls_that_is_not_offered),
        RELAY_TEST(test_smtps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
