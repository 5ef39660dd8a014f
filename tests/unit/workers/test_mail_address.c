/* Mailboxes: what is taken, and what is refused with which code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail_address.h"

static void test_what_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *address;
    } cases[] = {
        {"a@b", NULL, "a@b"},
        {"  ann@example.org ", NULL, "ann@example.org"},
        {"<ann@example.org>", NULL, "ann@example.org"},
        {"Ann Ott <ann@example.org>", "Ann Ott", "ann@example.org"},
        {"Ann<ann@example.org>", "Ann", "ann@example.org"},
        {"\"Ott, Ann\" <ann@example.org>", "Ott, Ann", "ann@example.org"},
        {"\"say \\\"hi\\\"\" <a@b.c>", "say \"hi\"", "a@b.c"},
        {"\xE4\xBD\xA0\xE5\xA5\xBD <a@b.c>", "\xE4\xBD\xA0\xE5\xA5\xBD", "a@b.c"},
        {"a < b <a@b.c>", "a < b", "a@b.c"},
        {"o'neil+x_y=z@sub-domain.example", NULL, "o'neil+x_y=z@sub-domain.example"},
        {"root@[192.0.2.1]", NULL, "root@[192.0.2.1]"},
        {"root@[IPv6:2001:db8::1]", NULL, "root@[IPv6:2001:db8::1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mail_address parsed;
        ferry_error error = {0};
        if (mail_address_parse(&parsed, "to", cases[i].text, &error) < 0)
            fail_msg("%s: %s", cases[i].text, error.message);
        assert_string_equal(parsed.address, cases[i].address);
        if (cases[i].name)
            assert_string_equal(parsed.name, cases[i].name);
        else
            assert_null(parsed.name);
        mail_address_fini(&parsed);
    }
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        ferry_code code;
    } cases[] = {
        {"", FERRY_INVALID},
        {"ann", FERRY_INVALID},
        {"@b.c", FERRY_INVALID},
        {"ann@", FERRY_INVALID},
        {"<>", FERRY_INVALID},
        {"a@b, c@d", FERRY_INVALID},
        {"a b@c", FERRY_INVALID},
        {"a..b@c", FERRY_INVALID},
        {".a@c", FERRY_INVALID},
        {"a.@c", FERRY_INVALID},
        {"a@b..c", FERRY_INVALID},
        {"a@.b", FERRY_INVALID},
        {"a@b.", FERRY_INVALID},
        {"a@-b.c", FERRY_INVALID},
        {"a@b-.c", FERRY_INVALID},
        {"a@b_c", FERRY_INVALID},
        {"a@[1.2.3.4", FERRY_INVALID},
        {"a@[1.2>3]", FERRY_INVALID},
        {"a@[]", FERRY_INVALID},
        {"a@[1.2.3]", FERRY_INVALID},
        {"a@[2001:db8::1]", FERRY_INVALID}, /* without IPv6: */
        {"a@[IPv6:]", FERRY_INVALID},
        {"a@[IPv6:1.2.3.4]", FERRY_INVALID},
        {"a@[a99:99]", FERRY_INVALID},
        {"a@[IPv6:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]", FERRY_INVALID},
        {"a@b@c", FERRY_INVALID},
        {"\"quoted local\"@c", FERRY_INVALID},
        {"Ann <a@b> trailing", FERRY_INVALID},
        {"a@b>", FERRY_INVALID},
        {"<a@b> SIZE=1", FERRY_INVALID},
        {"<a@b SIZE=1>", FERRY_INVALID},
        {"a@b\r\nRCPT TO:<c@d>", FERRY_INVALID},
        {"Ann\nBcc: x <a@b>", FERRY_INVALID},
        {"Ann\r <a@b>", FERRY_INVALID},
        {"Ann\t<a@b>", FERRY_INVALID},
        {"Ann\xC2\x85 <a@b>", FERRY_INVALID}, /* U+0085 is a line end, too */
        {"Ann\xFF <a@b>", FERRY_INVALID},
        {"\xC3\xA4nn@example.org", FERRY_UNSUPPORTED},
        {"ann@ex\xC3\xA4mple.org", FERRY_UNSUPPORTED},
        {"1234567890123456789012345678901234567890123456789012345678901234x@b", FERRY_INVALID},
        {"a@1234567890123456789012345678901234567890123456789012345678901234", FERRY_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mail_address parsed;
        ferry_error error = {0};
        int rc = mail_address_parse(&parsed, "reply_to", cases[i].text, &error);
        if (rc != cases[i].code)
            fail_msg("\"%s\": %d %s", cases[i].text, rc, error.message);
        assert_non_null(strstr(error.message, "reply_to"));
        assert_null(parsed.address);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    struct mail_address parsed;
    char text[400];
    memset(text, 'x', sizeof text);
    memcpy(text + 321, " <a@b>", 7);
    assert_int_equal(mail_address_parse(&parsed, "to", text, NULL), FERRY_INVALID);
    assert_int_equal(mail_address_parse(&parsed, "to", text + 1, NULL), 0);
    mail_address_fini(&parsed);
    /* 255 characters are one too many, 254 are not. */
    memset(text, 'x', sizeof text);
    text[1] = '@';
    for (int i = 61; i < 255; i += 60)
        text[i] = '.';
    text[255] = '\0';
    assert_int_equal(mail_address_parse(&parsed, "to", text, NULL), FERRY_INVALID);
    text[254] = '\0';
    assert_int_equal(mail_address_parse(&parsed, "to", text, NULL), 0);
    mail_address_fini(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
