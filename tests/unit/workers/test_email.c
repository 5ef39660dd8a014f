/* email without a relay: the request, the settings, and the outbox. */
#include "worker_run.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

extern const ferry_worker ferry_worker_email;

/* A state folder that is empty, and gone afterwards. */
struct place {
    char state[32], outbox[48], file[64];
};

static int place_setup(void **state)
{
    static struct place place;
    snprintf(place.state, sizeof place.state, "/tmp/ferry-email-XXXXXX");
    assert_non_null(mkdtemp(place.state));
    snprintf(place.outbox, sizeof place.outbox, "%s/outbox", place.state);
    snprintf(place.file, sizeof place.file, "%s/d1.eml", place.outbox);
    *state = &place;
    return 0;
}

static int place_teardown(void **state)
{
    struct place *place = *state;
    unlink(place->file);
    rmdir(place->outbox);
    return rmdir(place->state); /* fails when anything else was left there */
}

static struct worker_answer send_mail(const struct place *place, const char *body)
{
    struct worker_run run = worker_run_open_in(place->state, &ferry_worker_email, NULL);
    assert_non_null(run.worker);
    struct worker_question question = {.body = body, .delivery_id = "d1"};
    struct worker_answer answer = worker_run_call(&run, &question);
    worker_run_close(&run);
    return answer;
}

static char *read_file(const char *path)
{
    struct bytes text = {0};
    assert_int_equal(bytes_read_file(&text, path, 1 << 26, NULL), 0);
    return bytes_take(&text);
}

static void test_outbox_holds_the_message(void **state)
{
    struct place *place = *state;
    char expected[160];
    snprintf(expected, sizeof expected, "{\"message_id\":\"<d1@localhost>\",\"file\":\"%s\"}",
             place->file);
    struct worker_answer answer = send_mail(
        place, "{\"to\": \"ann@example.org\", \"cc\": [\"b@c.d\"], \"bcc\": \"secret@c.d\","
               " \"reply_to\": \"Help <help@c.d>\", \"subject\": \"Hello\", \"text\": \"Hi\"}");
    assert_string_equal(answer.content_type, "application/json");
    assert_answer_text(answer, expected);
    char *message = read_file(place->file);
    assert_non_null(strstr(message, "\r\nFrom: ferry <ferry@localhost>\r\n"));
    assert_non_null(strstr(message, "\r\nTo: ann@example.org\r\n"));
    assert_non_null(strstr(message, "\r\nCc: b@c.d\r\n"));
    assert_non_null(strstr(message, "\r\nReply-To: Help <help@c.d>\r\n"));
    assert_non_null(strstr(message, "\r\nSubject: Hello\r\n"));
    assert_non_null(strstr(message, "\r\nMessage-ID: <d1@localhost>\r\n"));
    assert_null(strstr(message, "secret"));
    free(message);

    struct stat status;
    assert_int_equal(stat(place->outbox, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(stat(place->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_a_retry_replaces_the_file(void **state)
{
    struct place *place = *state;
    const char *first = "{\"to\": \"a@b.c\", \"subject\": \"first\", \"text\": \"a long text\"}";
    char leftover[64]; /* of an attempt that a crash ended */
    snprintf(leftover, sizeof leftover, "%s/.d1.tmp", place->outbox);
    const char *second = "{\"to\": \"a@b.c\", \"subject\": \"second\", \"text\": \"\"}";
    struct worker_answer answer = send_mail(place, first);
    assert_int_equal(answer.status, 200);
    worker_answer_fini(&answer);
    assert_int_equal(rename(place->file, leftover), 0);
    answer = send_mail(place, second);
    assert_int_equal(answer.status, 200);
    worker_answer_fini(&answer);
    assert_int_equal(access(leftover, F_OK), -1);
    char *message = read_file(place->file);
    assert_null(strstr(message, "long text"));
    assert_non_null(strstr(message, "Subject: second\r\n"));
    free(message);
}

static void test_an_outbox_of_ones_own(void **state)
{
    struct place *place = *state;
    char folder[80], file[96], parent[64], answer[192];
    snprintf(parent, sizeof parent, "%s/mail", place->state);
    snprintf(folder, sizeof folder, "%s/out", parent); /* the parent is made, too */
    snprintf(file, sizeof file, "%s/d1.eml", folder);
    snprintf(answer, sizeof answer, "{\"message_id\":\"<d1@x.org>\",\"file\":\"%s\"}", file);
    const struct worker_setting settings[] = {
        {.key = "outbox", .values = {folder}}, {.key = "from", .values = {"me@x.org"}}, {0}};
    struct worker_run run = worker_run_open(&ferry_worker_email, settings);
    struct worker_question question = {
        .body = "{\"to\": \"a@b.c\", \"subject\": \"s\", \"html\": \"<p>\"}",
        .delivery_id = "d1",
    };
    assert_answer_text(worker_run_call(&run, &question), answer);
    worker_run_close(&run);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(rmdir(parent), 0);
}

static void test_an_outbox_that_cannot_be_written(void **state)
{
    (void)state;
    const struct worker_setting settings[] = {{.key = "outbox", .values = {"/dev/null/outbox"}},
                                              {0}};
    struct worker_run run = worker_run_open(&ferry_worker_email, settings);
    struct worker_question question = {
        .body = "{\"to\": \"a@b.c\", \"subject\": \"s\", \"text\": \"t\"}"};
    assert_answer_failed(worker_run_call(&run, &question), FERRY_TRANSIENT,
                         "outbox: /dev/null/outbox: Not a directory");
    worker_run_close(&run);
}

static void test_requests_that_are_refused(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"", "there is no body: send a JSON object"},
        {"{", "not JSON"},
        {"[]", "must be a JSON object"},
        {"{} {}", "not JSON"},
        {"{\"to\": \"a@b\", \"to\": \"c@d\", \"subject\": \"s\", \"text\": \"t\"}", "duplicate"},
        {"{\"to\": \"a@b\", \"subjekt\": \"s\", \"text\": \"t\"}", "unknown key \"subjekt\""},
        {"{\"subject\": \"s\", \"text\": \"t\"}", "to: missing"},
        {"{\"to\": [], \"subject\": \"s\", \"text\": \"t\"}", "to: missing"},
        {"{\"to\": 1, \"subject\": \"s\", \"text\": \"t\"}", "to: must be an address"},
        {"{\"to\": [\"a@b\", null], \"subject\": \"s\", \"text\": \"t\"}", "to: must be"},
        {"{\"to\": \"a\", \"subject\": \"s\", \"text\": \"t\"}", "to: \"a\" is not"},
        {"{\"to\": \"a@b\", \"cc\": \"b\", \"subject\": \"s\", \"text\": \"t\"}", "cc: \"b\""},
        {"{\"to\": \"a@b\", \"bcc\": \"b\", \"subject\": \"s\", \"text\": \"t\"}", "bcc: \"b\""},
        {"{\"to\": \"a@b\", \"reply_to\": [\"b@c\"], \"subject\": \"s\", \"text\": \"t\"}",
         "reply_to: must be a string"},
        {"{\"to\": \"a@b\", \"text\": \"t\"}", "subject: missing"},
        {"{\"to\": \"a@b\", \"subject\": null, \"text\": \"t\"}", "subject: must be a string"},
        {"{\"to\": \"a@b\", \"subject\": \"s\"}", "text: missing"},
        {"{\"to\": \"a@b\", \"subject\": \"s\", \"html\": 5}", "html: must be a string"},
        {"{\"to\": \"a@b\", \"subject\": \"s\\r\\nBcc: x@y\", \"text\": \"t\"}", "line breaks"},
        {"{\"to\": \"a@b\", \"subject\": \"s\\n\", \"text\": \"t\"}", "line breaks"},
        {"{\"to\": \"a@b\\r\\nX: y\", \"subject\": \"s\", \"text\": \"t\"}", "to: control"},
        {"{\"to\": \"a@b\", \"subject\": \"s\\u0000\", \"text\": \"t\"}", "not JSON"},
        {"{\"to\": \"a@b\", \"subject\": \"s\", \"text\": \"t\\u0000\"}", "not JSON"},
        {"{\"to\": \"a@b\", \"subject\": \"\xFF\", \"text\": \"t\"}", "not JSON"},
        {"{\"to\": \"a@b\", \"subject\": \"s\", \"text\": \"t\", \"attachments\": 1}", "a list"},
        {"{\"to\": \"a@b\", \"subject\": \"s\", \"text\": \"t\", \"headers\": {\"To\": \"x\"}}",
         "headers: To cannot be set"},
        {"{\"to\": \"a@b\", \"subject\": \"s\", \"text\": \"t\", \"attachments\": [{\"filename\":"
         " \"f\", \"content\": \"\", \"content_id\": \"a\"}]}",
         "there is no html that shows it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_answer_failed(send_mail(place, cases[i].body), FERRY_INVALID, cases[i].part);
    assert_answer_failed(
        send_mail(place, "{\"to\": \"\xC3\xA4@b\", \"subject\": \"s\", \"text\": \"t\"}"),
        FERRY_UNSUPPORTED, "beyond ASCII");
}

static void test_a_hundred_recipients_at_most(void **state)
{
    struct place *place = *state;
    struct bytes body = {0};
    bytes_append_text(&body, "{\"subject\": \"s\", \"text\": \"t\", \"cc\": \"a@b.c\", \"to\": [");
    for (int i = 0; i < 99; i++)
        bytes_printf(&body, "%s\"user%d@example.org\"", i ? "," : "", i);
    size_t length = body.length;
    bytes_append_text(&body, "]}");
    struct worker_answer answer = send_mail(place, bytes_text(&body));
    assert_int_equal(answer.status, 200);
    worker_answer_fini(&answer);
    body.length = length;
    bytes_append_text(&body, ",\"user99@example.org\"]}");
    assert_answer_failed(send_mail(place, bytes_text(&body)), FERRY_INVALID,
                         "more than 100 recipients");
    bytes_fini(&body);
}

static void test_a_message_too_large(void **state)
{
    struct place *place = *state;
    struct bytes body = {0};
    bytes_append_text(&body, "{\"to\": \"a@b.c\", \"subject\": \"s\", \"text\": \"");
    for (int i = 0; i < 11 << 20; i++)
        bytes_append_char(&body, '='); /* three characters each */
    bytes_append_text(&body, "\"}");
    assert_answer_failed(send_mail(place, bytes_text(&body)), FERRY_TOO_LARGE, "32 MiB");
    bytes_fini(&body);
}

static void test_settings_that_are_refused(void **state)
{
    (void)state;
#define ONE(name, value)                                                                           \
    {                                                                                              \
        .key = name, .values = { value }                                                           \
    }
    static const struct {
        struct worker_setting settings[5];
        const char *key, *part;
    } cases[] = {
        {{ONE("relay", "mail.example.org:25")}, "relay", "smtp://HOST:PORT"},
        {{ONE("relay", "http://mail.example.org")}, "relay", "smtp://HOST:PORT"},
        {{ONE("relay", "smtp://user:pass@mail.example.org")}, "relay", "password_file"},
        {{ONE("relay", "smtp://")}, "relay", "smtp://HOST:PORT"},
        {{ONE("from", "nobody")}, "from", "is not an e-mail address"},
        {{ONE("from", "a\nb <a@b>")}, "from", "control characters"},
        {{ONE("starttls", "maybe")}, "starttls", "none, try or require"},
        {{ONE("timeout", "0")}, "timeout", "more than 0"},
        {{ONE("username", "me")}, "password_file", "belong together"},
        {{ONE("password_file", "/proc/version")}, "username", "belong together"},
        {{ONE("oauth_token_file", "/proc/version")}, "username", "belong together"},
        {{ONE("username", "me"), ONE("password_file", "/proc/version"),
          ONE("oauth_token_file", "/proc/version")},
         "oauth_token_file",
         "not both"},
        {{ONE("username", "me"), ONE("password_file", "/nonexistent")}, "password_file", "No such"},
        {{ONE("username", "me"), ONE("password_file", "/dev/null")}, "password_file", "is empty"},
        {{ONE("username", "me"), ONE("oauth_token_file", "/nonexistent")},
         "oauth_token_file",
         "No such"},
        {{ONE("username", "me"), ONE("oauth_token_file", "/dev/null")},
         "oauth_token_file",
         "is empty"},
        {{ONE("relay", "smtp://mail.example.org"), ONE("username", "me"),
          ONE("password_file", "/proc/version"), ONE("starttls", "try")},
         "starttls",
         "in the clear"},
        {{ONE("relay", "smtp://127.example.org"), ONE("username", "me"),
          ONE("password_file", "/proc/version"), ONE("starttls", "none")},
         "starttls",
         "in the clear"},
        {{ONE("relay", "smtp://mail.example.org"), ONE("ca_file", "/dev/null")},
         "ca_file",
         "only checked with starttls: require"},
        {{ONE("relay", "smtps://mail.example.org"), ONE("ca_file", "/nonexistent")},
         "ca_file",
         "/nonexistent: No such file"},
        {{ONE("relay", "smtps://mail.example.org"), ONE("ca_file", "/dev/null")},
         "ca_file",
         "there is no certificate in it"},
        {{ONE("rely", "smtp://mail.example.org")}, "rely", "unknown key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_settings_refused(&ferry_worker_email, cases[i].settings, cases[i].key,
                                cases[i].part);
}

#define EMAIL_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EMAIL_TEST(test_outbox_holds_the_message),
        EMAIL_TEST(test_a_retry_replaces_the_file),
        EMAIL_TEST(test_an_outbox_of_ones_own),
        EMAIL_TEST(test_an_outbox_that_cannot_be_written),
        EMAIL_TEST(test_requests_that_are_refused),
        EMAIL_TEST(test_a_hundred_recipients_at_most),
        EMAIL_TEST(test_a_message_too_large),
        EMAIL_TEST(test_settings_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
