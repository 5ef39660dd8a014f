/* Messages: the quoted-printable encoding, and how the parts are put together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail_message.h"

static void assert_encoded(const char *text, const char *expected)
{
    struct bytes out = {0};
    mail_quoted_printable(&out, text);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
}

static void test_quoted_printable(void **state)
{
    (void)state;
    static const struct {
        const char *text, *encoded;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"1+1=2", "1+1=3D2"},
        {"\xC3\xA4", "=C3=A4"},
        {"a\nb\r\nc", "a\r\nb\r\nc"},
        {"a\n\n", "a\r\n\r\n"},
        {"a\rb", "a=0Db"}, /* no line end of ours: kept as the character it is */
        {"a\r\r\nb", "a=0D\r\nb"},
        {"a \nb\t\r\n c ", "a=20\r\nb=09\r\n c=20"},
        {"\t x", "\t x"},
        {".", "=2E"},
        {"a.b\n.c\n..", "a.b\r\n=2Ec\r\n=2E."},
        {"From me\nFrom: x\n From y", "=46rom me\r\nFrom: x\r\n From y"},
        {"a\x7F\x01", "a=7F=01"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_encoded(cases[i].text, cases[i].encoded);
}

static int hex(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* Decode, and check the lines on the way. */
static char *decode(const char *encoded)
{
    struct bytes out = {0};
    size_t column = 0;
    for (const char *at = encoded; *at; at++) {
        if (strncmp(at, "\r\n", 2) == 0) {
            assert_true(column <= 76);
            assert_true(column == 0 || (at[-1] != ' ' && at[-1] != '\t'));
            column = 0;
            bytes_append_char(&out, '\n');
            at++;
            continue;
        }
        assert_true(column > 0 || *at != '.');
        column++;
        assert_true(*at == '\t' || (*at >= ' ' && *at <= '~'));
        if (strncmp(at, "=\r\n", 3) == 0) {
            assert_true(column <= 76);
            column = 0;
            at += 2;
        } else if (*at == '=') {
            bytes_append_char(&out, (char)(hex(at[1]) * 16 + hex(at[2])));
            column += 2;
            at += 2;
        } else {
            bytes_append_char(&out, *at);
        }
    }
    assert_true(column <= 76);
    return bytes_take(&out);
}

/* Lines of every length around the limit, with what is encoded at every place. */
static void test_lines_are_short_and_come_back(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "=", ".", " ", "\xE6\xBC\xA2", "From ", "a. "};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        struct bytes text = {0};
        for (int length = 0; length < 260; length++) {
            struct bytes out = {0};
            mail_quoted_printable(&out, bytes_text(&text));
            char *again = decode(bytes_text(&out));
            assert_string_equal(again, bytes_text(&text));
            free(again);
            bytes_fini(&out);
            bytes_append_text(&text, length % 97 == 96 ? "\n" : units[u]);
        }
        bytes_fini(&text);
    }
}

static void test_a_line_is_filled_to_76(void **state)
{
    (void)state;
    char line[80];
    memset(line, 'x', sizeof line);
    line[76] = '\0';
    assert_encoded(line, line);
    line[76] = 'x';
    line[77] = '\0';
    struct bytes out = {0};
    mail_quoted_printable(&out, line);
    assert_int_equal(strcspn(bytes_text(&out), "\r"), 76);
    bytes_fini(&out);
}

#define PERSON(name, address)                                                                      \
    {                                                                                              \
        (char *)(name), (char *)(address)                                                          \
    } /* never freed */
static struct mail_address from = PERSON("ferry", "ferry@example.org");
static struct mail_address people[] = {PERSON(NULL, "a@b.c"), PERSON("Ann", "ann@b.c")};

static void test_a_whole_message(void **state)
{
    (void)state;
    struct mail_message message = {
        .from = &from,
        .to = people,
        .to_count = 1,
        .cc = people + 1,
        .cc_count = 1,
        .reply_to = people,
        .subject = "Hello",
        .text = "Line\n",
        .message_id = "<1@example.org>",
        .date_ms = 1795255754123, /* not a round second */
    };
    struct bytes out = {0};
    mail_message_write(&message, &out);
    assert_string_equal(bytes_text(&out), "Date: Sat, 21 Nov 2026 10:09:14 +0000\r\n"
                                          "From: ferry <ferry@example.org>\r\n"
                                          "To: a@b.c\r\n"
                                          "Cc: Ann <ann@b.c>\r\n"
                                          "Reply-To: a@b.c\r\n"
                                          "Subject: Hello\r\n"
                                          "Message-ID: <1@example.org>\r\n"
                                          "MIME-Version: 1.0\r\n"
                                          "Content-Type: text/plain; charset=utf-8\r\n"
                                          "Content-Transfer-Encoding: quoted-printable\r\n"
                                          "\r\n"
                                          "Line\r\n");
    bytes_fini(&out);
}

static void test_text_and_html_are_alternatives(void **state)
{
    (void)state;
    struct mail_message message = {
        .from = &from,
        .to = people,
        .to_count = 1,
        .subject = "Hello",
        .text = "--=_ferry_alternative", /* the boundary itself cannot break it */
        .html = "<p>--=_ferry_alternative--\n</p>",
        .message_id = "<1@example.org>",
    };
    struct bytes out = {0};
    mail_message_write(&message, &out);
    const char *body = strstr(bytes_text(&out), "Content-Type: ");
    assert_non_null(body);
    assert_string_equal(body, "Content-Type: multipart/alternative;\r\n"
                              " boundary=\"=_ferry_alternative\"\r\n"
                              "\r\n"
                              "--=_ferry_alternative\r\n"
                              "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Transfer-Encoding: quoted-printable\r\n"
                              "\r\n"
                              "--=3D_ferry_alternative\r\n"
                              "--=_ferry_alternative\r\n"
                              "Content-Type: text/html; charset=utf-8\r\n"
                              "Content-Transfer-Encoding: quoted-printable\r\n"
                              "\r\n"
                              "<p>--=3D_ferry_alternative--\r\n"
                              "</p>\r\n"
                              "--=_ferry_alternative--\r\n");
    bytes_fini(&out);
}

static void test_html_alone_is_one_part(void **state)
{
    (void)state;
    struct mail_message message = {
        .from = &from,
        .to = people,
        .to_count = 2,
        .subject = "",
        .html = "<p>",
        .message_id = "<1@example.org>",
    };
    struct bytes out = {0};
    mail_message_write(&message, &out);
    assert_non_null(strstr(bytes_text(&out), "Content-Type: text/html; charset=utf-8\r\n"));
    assert_null(strstr(bytes_text(&out), "multipart"));
    assert_null(strstr(bytes_text(&out), "Cc:"));
    assert_null(strstr(bytes_text(&out), "Reply-To:"));
    bytes_fini(&out);
}

/* The lines that make the structure: boundaries, and what kind of part follows. */
static char *structure(const struct mail_message *message)
{
    struct bytes out = {0}, lines = {0};
    mail_message_write(message, &out);
    for (const char *line = bytes_text(&out); line; line = strstr(line, "\r\n")) {
        line += strspn(line, "\r\n");
        size_t length = strcspn(line, ";\r");
        if (strncmp(line, "--=_ferry_", 10) == 0)
            bytes_printf(&lines, "%.*s\n", (int)length - 10, line + 10);
        else if (strncmp(line, "Content-Type: ", 14) == 0)
            bytes_printf(&lines, "%.*s\n", (int)length - 14, line + 14);
    }
    bytes_fini(&out);
    return bytes_take(&lines);
}

static void assert_structure(const struct mail_message *message, const char *expected)
{
    char *lines = structure(message);
    assert_string_equal(lines, expected);
    free(lines);
}

static void test_attachments_and_images_have_their_places(void **state)
{
    (void)state;
    static const struct mail_attachment attachments[] = {
        {.filename = "a.pdf", .content_type = "application/pdf", .content = ""},
        {.filename = "b.png", .content_type = "image/png", .content = "", .content_id = "b"},
    };
    struct mail_message message = {
        .from = &from,
        .to = people,
        .to_count = 1,
        .subject = "Hello",
        .text = "t",
        .html = "<img src=cid:b>",
        .attachments = attachments,
        .attachment_count = 2,
        .message_id = "<1@example.org>",
    };
    assert_structure(&message, "multipart/mixed\nmixed\n"
                               "multipart/alternative\nalternative\ntext/plain\nalternative\n"
                               "multipart/related\nrelated\ntext/html\nrelated\nimage/png\n"
                               "related--\nalternative--\n"
                               "mixed\napplication/pdf\nmixed--\n");
    message.attachment_count = 1;
    message.html = NULL;
    assert_structure(&message, "multipart/mixed\nmixed\ntext/plain\nmixed\napplication/pdf\n"
                               "mixed--\n");
    message.attachments = &attachments[1];
    message.text = NULL;
    message.html = "<img src=cid:b>";
    assert_structure(&message, "multipart/related\nrelated\ntext/html\nrelated\nimage/png\n"
                               "related--\n");
}

static void test_fields_of_the_callers_own(void **state)
{
    (void)state;
    static const struct mail_field fields[] = {{"X-A", "one"}, {"X-B", "\xC3\xA4"}};
    struct mail_message message = {
        .from = &from,
        .to = people,
        .to_count = 1,
        .subject = "Hello",
        .text = "t",
        .fields = fields,
        .field_count = 2,
        .message_id = "<1@example.org>",
    };
    struct bytes out = {0};
    mail_message_write(&message, &out);
    assert_non_null(strstr(bytes_text(&out), "\r\nX-A: one\r\nX-B: =?utf-8?b?w6Q=?=\r\n"));
    bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quoted_printable),
        cmocka_unit_test(test_lines_are_short_and_come_back),
        cmocka_unit_test(test_a_line_is_filled_to_76),
        cmocka_unit_test(test_a_whole_message),
        cmocka_unit_test(test_text_and_html_are_alternatives),
        cmocka_unit_test(test_html_alone_is_one_part),
        cmocka_unit_test(test_attachments_and_images_have_their_places),
        cmocka_unit_test(test_fields_of_the_callers_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
