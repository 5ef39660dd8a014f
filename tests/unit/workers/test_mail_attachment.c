/* Attachments: what is refused, and how one is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail_attachment.h"

struct parsed {
    json_t *json;
    struct mail_attachment list[MAIL_ATTACHMENTS_MAX];
    size_t count;
    ferry_error error;
    int rc;
};

static struct parsed parse(const char *text)
{
    struct parsed parsed = {.json = json_loads(text, JSON_DECODE_ANY, NULL)};
    assert_non_null(parsed.json);
    parsed.rc = mail_attachments_parse(parsed.list, &parsed.count, parsed.json, &parsed.error);
    return parsed;
}

static void assert_refused(const char *text, const char *part)
{
    struct parsed parsed = parse(text);
    if (parsed.rc != FERRY_INVALID || !strstr(parsed.error.message, part))
        fail_msg("%s: \"%s\" has no \"%s\"", text, parsed.error.message, part);
    json_decref(parsed.json);
}

static void assert_written(const char *text, const char *expected)
{
    struct parsed parsed = parse(text);
    struct bytes out = {0};
    if (parsed.rc < 0)
        fail_msg("%s", parsed.error.message);
    assert_int_equal(parsed.count, 1);
    mail_attachment_write(&parsed.list[0], &out);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
    json_decref(parsed.json);
}

static void test_an_attachment_is_a_part(void **state)
{
    (void)state;
    assert_written("[{\"filename\": \"a b.pdf\", \"content_type\": \"application/pdf\","
                   " \"content\": \"SGVsbG8=\"}]",
                   "Content-Type: application/pdf\r\n"
                   "Content-Disposition: attachment;\r\n"
                   " filename=\"a b.pdf\"\r\n"
                   "Content-Transfer-Encoding: base64\r\n"
                   "\r\n"
                   "SGVsbG8=");
    assert_written("[{\"filename\": \"\xC3\xA4.png\", \"content_type\": \"image/png\","
                   " \"content\": \"\", \"content_id\": \"logo@x\"}]",
                   "Content-Type: image/png\r\n"
                   "Content-ID: <logo@x>\r\n"
                   "Content-Disposition: inline;\r\n"
                   " filename*=utf-8''%C3%A4.png\r\n"
                   "Content-Transfer-Encoding: base64\r\n"
                   "\r\n");
}

static void test_base64_becomes_lines_of_76(void **state)
{
    (void)state;
    struct bytes text = {0}, expected = {0};
    bytes_append_text(&text, "[{\"filename\": \"f\", \"content\": \"");
    bytes_append_text(&expected, "Content-Type: application/octet-stream\r\n"
                                 "Content-Disposition: attachment;\r\n"
                                 " filename=\"f\"\r\n"
                                 "Content-Transfer-Encoding: base64\r\n"
                                 "\r\n");
    for (int i = 0; i < 2 * 76; i++) {
        bytes_append_char(&text, 'A');
        bytes_append_text(&expected, i == 76 ? "\r\nA" : "A");
    }
    bytes_append_text(&text, "\"}]");
    assert_written(bytes_text(&text), bytes_text(&expected));
    bytes_fini(&text);
    bytes_fini(&expected);
}

static void test_a_long_content_type_is_folded(void **state)
{
    (void)state;
    struct parsed parsed = parse("[{\"filename\": \"f\", \"content\": \"\", \"content_type\":"
                                 " \"application/vnd.openxmlformats-officedocument."
                                 "wordprocessingml.document\"}]");
    struct bytes out = {0};
    assert_int_equal(parsed.rc, 0);
    mail_attachment_write(&parsed.list[0], &out);
    assert_non_null(strstr(bytes_text(&out), "Content-Type: \r\n application/vnd."));
    bytes_fini(&out);
    json_decref(parsed.json);
}

#define FILE_WITH(more) "[{\"filename\": \"f\", \"content\": \"AAAA\"" more "}]"

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"{}", "attachments: must be a list"},
        {"[\"x\"]", "attachments[0]: must be an object"},
        {FILE_WITH(", \"name\": \"x\""), "attachments[0]: unknown key \"name\""},
        {FILE_WITH(", \"content_type\": 1"), "attachments[0].content_type: must be a string"},
        {"[{\"content\": \"AAAA\"}]", "attachments[0].filename"},
        {"[{\"filename\": \"\", \"content\": \"AAAA\"}]", "filename"},
        {"[{\"filename\": \"../f\", \"content\": \"AAAA\"}]", "filename"},
        {"[{\"filename\": \"a\\\\b\", \"content\": \"AAAA\"}]", "filename"},
        {"[{\"filename\": \"a\\r\\nX: y\", \"content\": \"AAAA\"}]", "filename"},
        {FILE_WITH(", \"content_type\": \"pdf\""), "content_type"},
        {FILE_WITH(", \"content_type\": \"/\""), "content_type"},
        {FILE_WITH(", \"content_type\": \"a/b; c=d\""), "content_type"},
        {FILE_WITH(", \"content_type\": \"a/b\\r\\nX: y\""), "content_type"},
        {FILE_WITH(", \"content_type\": \"Message/RFC822\""), "content_type"},
        {FILE_WITH(", \"content_type\": \"multipart/mixed\""), "content_type"},
        {FILE_WITH(", \"content_id\": \"\""), "content_id"},
        {FILE_WITH(", \"content_id\": \"<a>\""), "content_id"},
        {FILE_WITH(", \"content_id\": \"a\\r\\nX: y\""), "content_id"},
        {"[{\"filename\": \"f\"}]", "attachments[0].content: base64"},
        {"[{\"filename\": \"f\", \"content\": \"AAA\"}]", "content: base64"},
        {"[{\"filename\": \"f\", \"content\": \"AA\\r\\n\"}]", "content: base64"},
        {"[{\"filename\": \"f\", \"content\": \"A===\"}]", "content: base64"},
        {"[{\"filename\": \"f\", \"content\": \"====\"}]", "content: base64"},
        {"[{\"filename\": \"f\", \"content\": \"AA=A\"}]", "content: base64"},
        {"[{\"filename\": \"f\", \"content\": \"AA_-\"}]", "content: base64"},
        {"[{\"filename\": \"f\", \"content\": \"\", \"content_id\": \"a\"},"
         " {\"filename\": \"g\", \"content\": \"\", \"content_id\": \"a\"}]",
         "attachments[1].content_id: \"a\" is there twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].text, cases[i].part);
}

static void test_number_and_size_are_bounded(void **state)
{
    (void)state;
    json_t *list = json_array(),
           *one = json_loads("{\"filename\": \"f\", \"content\": \"\"}", 0, NULL);
    struct mail_attachment attachments[MAIL_ATTACHMENTS_MAX];
    ferry_error error = {0};
    size_t count;
    for (int i = 0; i < MAIL_ATTACHMENTS_MAX; i++)
        json_array_append(list, one);
    assert_int_equal(mail_attachments_parse(attachments, &count, list, &error), 0);
    assert_int_equal(count, MAIL_ATTACHMENTS_MAX);
    json_array_append(list, one);
    assert_int_equal(mail_attachments_parse(attachments, &count, list, &error), FERRY_TOO_LARGE);
    assert_non_null(strstr(error.message, "more than 20 attachments"));
    json_decref(one);

    size_t half = MAIL_ATTACHMENTS_MAX_BYTES / 2 / 3 * 4;
    char *content = malloc(half + 8);
    assert_non_null(content);
    memset(content, 'A', half + 8);
    json_array_clear(list);
    for (int i = 0; i < 2; i++)
        json_array_append_new(list, json_pack("{ss ss#}", "filename", "f", "content", content,
                                              i == 0 ? half : half + 8));
    assert_int_equal(mail_attachments_parse(attachments, &count, list, &error), FERRY_TOO_LARGE);
    assert_non_null(strstr(error.message, "more than 20 MiB"));
    json_array_remove(list, 1);
    assert_int_equal(mail_attachments_parse(attachments, &count, list, &error), 0);
    free(content);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_attachment_is_a_part),
        cmocka_unit_test(test_base64_becomes_lines_of_76),
        cmocka_unit_test(test_a_long_content_type_is_folded),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_number_and_size_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
