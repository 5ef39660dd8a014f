/* email with a folder of templates, through the worker: the words come from files. */
#include "worker_run.h"

#include <stdio.h>
#include <unistd.h>

extern const ferry_worker ferry_worker_email;

struct place {
    char folder[40], outbox[56];
};

static const char *const files[] = {"w.subject.txt", "w.txt", "w.html"};

static char *path_of(const struct place *place, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", place->folder, name);
    return path;
}

static void write_file(const struct place *place, const char *name, const char *text)
{
    FILE *file = fopen(path_of(place, name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static int place_setup(void **state)
{
    static struct place place;
    snprintf(place.folder, sizeof place.folder, "/tmp/ferry-template-XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    snprintf(place.outbox, sizeof place.outbox, "%s/outbox", place.folder);
    write_file(&place, "w.subject.txt", "Welcome, {{user.name}}\n");
    write_file(&place, "w.txt", "Dear {{user.name}}, you have {{count}} <new> letters.\n");
    write_file(&place, "w.html", "<p>{{user.name}}</p>{{{signature}}}\n");
    *state = &place;
    return 0;
}

static int place_teardown(void **state)
{
    struct place *place = *state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(path_of(place, files[i]));
    unlink(path_of(place, "outbox/d1.eml"));
    rmdir(place->outbox);
    return rmdir(place->folder);
}

static struct worker_answer send_mail(const struct place *place, const char *more)
{
    char body[512];
    const struct worker_setting settings[] = {
        {.key = "outbox", .values = {place->outbox}},
        {.key = "templates", .values = {place->folder}},
        {0},
    };
    snprintf(body, sizeof body, "{\"to\": \"a@b.c\", %s}", more);
    struct worker_run run = worker_run_open(&ferry_worker_email, settings);
    struct worker_answer answer =
        worker_run_call(&run, &(struct worker_question){.body = body, .delivery_id = "d1"});
    worker_run_close(&run);
    return answer;
}

/* Send it, and return the message. */
static char *sent(const struct place *place, const char *more)
{
    struct worker_answer answer = send_mail(place, more);
    struct bytes text = {0};
    if (answer.code)
        fail_msg("%s", answer.message);
    worker_answer_fini(&answer);
    assert_int_equal(bytes_read_file(&text, path_of(place, "outbox/d1.eml"), 1 << 20, NULL), 0);
    return bytes_take(&text);
}

#define ANN                                                                                        \
    "\"template\": \"w\", \"data\": {\"user\": {\"name\": \"Ann & Bo\"}, \"count\": 3,"            \
    " \"signature\": \"<b>us</b>\"}"

static void test_the_words_come_from_three_files(void **state)
{
    char *message = sent(*state, ANN);
    assert_non_null(strstr(message, "\r\nSubject: Welcome, Ann & Bo\r\n"));
    assert_non_null(strstr(message, "\r\n\r\nDear Ann & Bo, you have 3 <new> letters.\r\n"));
    assert_non_null(strstr(message, "\r\n\r\n<p>Ann &amp; Bo</p><b>us</b>\r\n"));
    free(message);
}

static void test_an_edit_works_at_once(void **state)
{
    const struct place *place = *state;
    free(sent(place, ANN));
    write_file(place, "w.txt", "Edited.");
    char *message = sent(place, ANN);
    assert_non_null(strstr(message, "\r\n\r\nEdited.\r\n"));
    free(message);
}

static void test_text_or_html_alone_will_do(void **state)
{
    const struct place *place = *state;
    unlink(path_of(place, "w.html"));
    char *message = sent(place, ANN);
    assert_null(strstr(message, "multipart"));
    free(message);
    unlink(path_of(place, "w.txt"));
    assert_answer_failed(send_mail(place, ANN), FERRY_INVALID, "neither w.txt nor w.html is there");
}

static void test_requests_that_are_refused(void **state)
{
    static const struct {
        const char *more, *part;
    } cases[] = {
        {"\"template\": \"w\", \"data\": {}", "template w.subject.txt, line 1: the data has no"},
        {"\"template\": \"w\"", "the data has no user.name"},
        {"\"template\": \"w\", \"data\": []", "data: must be an object"},
        {"\"template\": \"w\", \"data\": {\"user\": {\"name\": \"a\\r\\nBcc: x@y\"}, \"count\": 1,"
         " \"signature\": \"\"}",
         "subject: line breaks"},
        {"\"template\": \"w\", \"subject\": \"s\"", "subject, text and html come from it"},
        {"\"template\": \"w\", \"text\": \"t\"", "come from it"},
        {"\"template\": 5", "template: must be a string"},
        {"\"template\": \"other\"", "there is no \"other\""},
        {"\"template\": \"\"", "a name of letters"},
        {"\"template\": \"../w\"", "a name of letters"},
        {"\"template\": \".w\"", "a name of letters"},
        {"\"template\": \"/etc/passwd\"", "a name of letters"},
        {"\"subject\": \"s\", \"text\": \"t\", \"data\": {}", "data: is for a template"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_answer_failed(send_mail(*state, cases[i].more), FERRY_INVALID, cases[i].part);
}

static void test_files_that_are_refused(void **state)
{
    const struct place *place = *state;
    struct bytes large = {0};
    for (int i = 0; i <= 256 << 10; i++)
        bytes_append_char(&large, 'x');
    write_file(place, "w.txt", bytes_text(&large));
    bytes_fini(&large);
    assert_answer_failed(send_mail(place, ANN), FERRY_INVALID, "w.txt: more than 256 KiB");
    write_file(place, "w.txt", "\xFF");
    assert_answer_failed(send_mail(place, ANN), FERRY_INVALID, "w.txt: it must be UTF-8 text");
    write_file(place, "w.txt", "one\n{{user.name");
    assert_answer_failed(send_mail(place, ANN), FERRY_INVALID, "w.txt, line 2");
}

static void test_a_file_that_cannot_be_read_may_be_mended(void **state)
{
    const struct place *place = *state;
    unlink(path_of(place, "w.txt"));
    assert_int_equal(symlink(place->folder, path_of(place, "w.txt")), 0); /* a folder */
    assert_answer_failed(send_mail(place, ANN), FERRY_TRANSIENT, "template ");
}

static void test_without_a_folder_there_are_no_templates(void **state)
{
    (void)state;
    struct worker_run run = worker_run_open(&ferry_worker_email, NULL);
    assert_answer_failed(
        worker_run_call(&run, &(struct worker_question){.body = "{\"to\": \"a@b.c\", " ANN "}"}),
        FERRY_INVALID, "this mailer has no templates");
    worker_run_close(&run);
    const struct worker_setting settings[] = {{.key = "templates", .values = {"/nonexistent/mail"}},
                                              {0}};
    assert_settings_refused(&ferry_worker_email, settings, "templates", "there is no such folder");
}

#define TEMPLATE_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEMPLATE_TEST(test_the_words_come_from_three_files),
        TEMPLATE_TEST(test_an_edit_works_at_once),
        TEMPLATE_TEST(test_text_or_html_alone_will_do),
        TEMPLATE_TEST(test_requests_that_are_refused),
        TEMPLATE_TEST(test_files_that_are_refused),
        TEMPLATE_TEST(test_a_file_that_cannot_be_read_may_be_mended),
        TEMPLATE_TEST(test_without_a_folder_there_are_no_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
