/* Header fields: folding, encoded words, address lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail_header.h"

#define HAN "\xE6\xBC\xA2" /* one character of three bytes */
#define PERSON(name, address)                                                                      \
    {                                                                                              \
        (char *)(name), (char *)(address)                                                          \
    } /* never freed */
#define GRIN "\xF0\x9F\x98\x80"

static char *text_field(const char *text)
{
    struct bytes out = {0};
    mail_header_text(&out, "Subject", text);
    return bytes_take(&out);
}

static void assert_field(const char *text, const char *expected)
{
    char *field = text_field(text);
    assert_string_equal(field, expected);
    free(field);
}

/* Check what holds for every field: its lines, and the encoded words in it. */
static void assert_well_formed(const char *field)
{
    for (const char *line = field; *line;) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end - line <= 76);
        assert_true(line == field || *line == ' '); /* a folded line goes on with a space */
        assert_true(line == field || strspn(line, " ") < (size_t)(end - line));
        for (const char *c = line; c < end; c++)
            assert_true((unsigned char)*c >= ' ' && (unsigned char)*c < 0x7F);
        line = end + 2;
    }
    const char *word = field;
    while ((word = strstr(word, "=?utf-8?"))) {
        const char *end = strstr(word + 10, "?=");
        assert_non_null(end);
        assert_true(end > word + 10 &&
                    end + 2 - word <= 75); /* RFC 2047: of a character at least */
        word = end + 2;
    }
}

static int hex(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

static void decode_q(struct bytes *out, const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at == '=') {
            bytes_append_char(out, (char)(hex(at[1]) * 16 + hex(at[2])));
            at += 2;
        } else {
            bytes_append_char(out, *at == '_' ? ' ' : *at);
        }
    }
}

static void decode_b(struct bytes *out, const char *at, const char *end)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (; at < end; at += 4) {
        unsigned bits = 0;
        for (int i = 0; i < 4; i++) {
            const char *digit = at[i] == '=' ? digits : strchr(digits, at[i]);
            assert_non_null(digit);
            bits = bits << 6 | (unsigned)(digit - digits);
        }
        int count = at[2] == '=' ? 1 : at[3] == '=' ? 2 : 3;
        for (int i = 0; i < count; i++)
            bytes_append_char(out, (char)(bits >> (16 - 8 * i)));
    }
}

/* Check that a field of encoded words alone gives the text back, each word whole characters. */
static void assert_decodes_to(const char *field, const char *text)
{
    struct bytes all = {0};
    const char *word = field;
    while ((word = strstr(word, "=?utf-8?"))) {
        const char *end = strstr(word + 10, "?=");
        struct bytes one = {0};
        assert_non_null(end);
        if (word[8] == 'q')
            decode_q(&one, word + 10, end);
        else
            decode_b(&one, word + 10, end);
        assert_true(mail_header_is_clean(bytes_text(&one)));
        bytes_append(&all, one.data, one.length);
        bytes_fini(&one);
        word = end + 2;
    }
    assert_string_equal(bytes_text(&all), text);
    bytes_fini(&all);
}

static void test_plain_text(void **state)
{
    (void)state;
    assert_field("Hello", "Subject: Hello\r\n");
    assert_field("", "Subject:\r\n");
    assert_field("a=b ? c_d", "Subject: a=b ? c_d\r\n");
}

static void test_folding(void **state)
{
    (void)state;
    /* 9 + 67 = 76 characters fit, one more does not. */
    assert_field(
        "1234567890123456789012345678901 34567890123456789012345678901234567",
        "Subject: 1234567890123456789012345678901 34567890123456789012345678901234567\r\n");
    assert_field(
        "1234567890123456789012345678901 345678901234567890123456789012345678",
        "Subject: 1234567890123456789012345678901\r\n 345678901234567890123456789012345678\r\n");
    char *field =
        text_field("the quick brown fox jumps over the lazy dog, and then it does it once "
                   "more, because nobody looked the first time that it jumped over it");
    assert_well_formed(field);
    assert_non_null(strstr(field, "\r\n "));
    free(field);
}

static void test_encoded_words(void **state)
{
    (void)state;
    assert_field("Gr\xC3\xBC\xC3\x9F"
                 "e aus K\xC3\xB6ln",
                 "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=\r\n");
    assert_field(HAN HAN, "Subject: =?utf-8?b?5ryi5ryi?=\r\n");
    /* What would be read as an encoded word, and what folding would lose. */
    assert_field("=?x?=", "Subject: =?utf-8?b?PT94Pz0=?=\r\n");
    assert_field("a  b", "Subject: =?utf-8?q?a__b?=\r\n");
    assert_field(" a", "Subject: =?utf-8?q?_a?=\r\n");
    assert_field("a ", "Subject: =?utf-8?q?a_?=\r\n");
    assert_field(" ", "Subject: =?utf-8?q?_?=\r\n");
}

/* Every length, so that characters of every size meet every boundary. */
static void test_encoded_words_hold_whole_characters(void **state)
{
    (void)state;
    static const char *const units[] = {HAN, GRIN, "\xC3\xA4", "a" HAN, "ab \xC3\xA4", GRIN " x"};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        struct bytes text = {0};
        for (int i = 0; i < 80; i++) {
            bytes_append_text(&text, units[u]);
            char *field = text_field(bytes_text(&text));
            assert_well_formed(field);
            assert_decodes_to(field, bytes_text(&text));
            free(field);
            if (i == 40)
                bytes_append_text(&text, "\xC3\xA4x");
        }
        bytes_fini(&text);
    }
}

static void test_a_word_that_fits_no_line(void **state)
{
    (void)state;
    char text[2001];
    for (size_t length = 1; length < sizeof text; length = length * 3 / 2 + 1) {
        memset(text, 'x', length);
        text[length] = '\0';
        char *field = text_field(text);
        assert_well_formed(field);
        if (length > 60)
            assert_decodes_to(field, text);
        free(field);
    }
}

static void test_what_is_clean(void **state)
{
    (void)state;
    static const char *const clean[] = {"", "a b", HAN, GRIN, "\xC2\xA0", "\xEF\xBF\xBF"};
    for (size_t i = 0; i < sizeof clean / sizeof clean[0]; i++)
        assert_true(mail_header_is_clean(clean[i]));
    static const char *const unclean[] = {
        "a\r\nBcc: x",
        "a\n",
        "\r",
        "\t",
        "\x01",
        "\x7F",
        "\xC2\x85",
        "\xC2\x9F",
        "\xFF",
        "\xC3",
        "\x80",
        "\xC0\x8A",
        "\xE0\x80\x8A",
        "\xED\xA0\x80",
        "\xE6\xBC",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF0\x9F\x98",
    };
    for (size_t i = 0; i < sizeof unclean / sizeof unclean[0]; i++) {
        if (mail_header_is_clean(unclean[i]))
            fail_msg("unclean[%zu] was taken", i);
    }
}

static void assert_addresses(const struct mail_address *addresses, size_t count,
                             const char *expected)
{
    struct bytes out = {0};
    mail_header_addresses(&out, "To", addresses, count);
    assert_string_equal(bytes_text(&out), expected);
    assert_well_formed(bytes_text(&out));
    bytes_fini(&out);
}

static void test_addresses(void **state)
{
    (void)state;
    static struct mail_address several[] = {
        PERSON(NULL, "a@b.c"),
        PERSON("Ann Ott", "ann@example.org"),
        PERSON("Ott, \"Ann\"", "ann@example.org"),
        PERSON("J\xC3\xB6rg", "joerg@example.org"),
    };
    assert_addresses(several, 1, "To: a@b.c\r\n");
    assert_addresses(several + 1, 1, "To: Ann Ott <ann@example.org>\r\n");
    assert_addresses(several + 2, 1, "To: \"Ott, \\\"Ann\\\"\" <ann@example.org>\r\n");
    assert_addresses(several + 3, 1, "To: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\n");
    assert_addresses(
        several, 4,
        "To: a@b.c, Ann Ott <ann@example.org>, \"Ott, \\\"Ann\\\"\" <ann@example.org>,\r\n"
        " =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\n");
}

static void test_a_long_name_is_folded(void **state)
{
    (void)state;
    char name[301];
    for (size_t i = 0; i + 3 <= 300; i += 3)
        memcpy(name + i, HAN, 3);
    name[300] = '\0';
    struct mail_address address = PERSON(name, "a@b.c");
    struct bytes out = {0};
    mail_header_addresses(&out, "To", &address, 1);
    assert_well_formed(bytes_text(&out));
    assert_decodes_to(bytes_text(&out), name);
    assert_non_null(strstr(bytes_text(&out), "?= <a@b.c>\r\n"));
    bytes_fini(&out);
}

static void assert_value(const char *value, const char *expected)
{
    struct bytes out = {0};
    mail_header_value(&out, "X-Field", value);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
}

static void test_other_fields_keep_their_form(void **state)
{
    (void)state;
    char url[120];
    memset(url, 'x', sizeof url - 1);
    url[sizeof url - 1] = '\0';
    assert_value("<a@b.c>", "X-Field: <a@b.c>\r\n");
    assert_value("", "X-Field:\r\n");
    assert_value("  a   b ", "X-Field: a b\r\n");
    assert_value("=?not?encoded?=", "X-Field: =?not?encoded?=\r\n");
    assert_value("\xC3\xA4 b", "X-Field: =?utf-8?q?=C3=A4_b?=\r\n");
    struct bytes expected = {0};
    char value[140];
    snprintf(value, sizeof value, "a %s b", url);
    bytes_printf(&expected, "X-Field: a\r\n %s\r\n b\r\n", url); /* a word is never cut */
    assert_value(value, bytes_text(&expected));
    bytes_fini(&expected);
}

static void test_a_long_field_name_has_its_line_to_itself(void **state)
{
    (void)state;
    for (size_t length = 40; length <= 60; length++) {
        char name[61] = "";
        struct bytes out = {0};
        memset(name, 'X', length);
        mail_header_value(&out, name, GRIN HAN " " GRIN);
        assert_well_formed(bytes_text(&out));
        assert_decodes_to(bytes_text(&out), GRIN HAN " " GRIN);
        bytes_fini(&out);
    }
}

static void assert_parameter(const char *value, const char *expected)
{
    struct bytes out = {0};
    bytes_append_text(&out, "D: a");
    mail_header_parameter(&out, "filename", value);
    assert_string_equal(bytes_text(&out) + 4, expected);
    bytes_append_text(&out, "\r\n");
    assert_well_formed(bytes_text(&out));
    bytes_fini(&out);
}

static void test_parameters(void **state)
{
    (void)state;
    assert_parameter("a.pdf", ";\r\n filename=\"a.pdf\"");
    assert_parameter("a \"b\".pdf", ";\r\n filename=\"a \\\"b\\\".pdf\"");
    assert_parameter("\xC3\xA4 (1)*'%.pdf", ";\r\n filename*=utf-8''%C3%A4%20%281%29%2A%27%25.pdf");
    assert_parameter(
        HAN HAN HAN HAN HAN HAN HAN HAN,
        ";\r\n filename*0*=utf-8''%E6%BC%A2%E6%BC%A2%E6%BC%A2%E6%BC%A2%E6%BC%A2%E6%BC%A2"
        ";\r\n filename*1*=%E6%BC%A2%E6%BC%A2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text),
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_encoded_words),
        cmocka_unit_test(test_encoded_words_hold_whole_characters),
        cmocka_unit_test(test_a_word_that_fits_no_line),
        cmocka_unit_test(test_what_is_clean),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_a_long_name_is_folded),
        cmocka_unit_test(test_other_fields_keep_their_form),
        cmocka_unit_test(test_a_long_field_name_has_its_line_to_itself),
        cmocka_unit_test(test_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
