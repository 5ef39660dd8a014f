/* Authorization headers: what they say, and what is malformed. */
#include "credentials.h"

#include <string.h>

#include "support.h"

static void test_tokens(void **state)
{
    (void)state;
    const struct {
        const char *header, *token;
    } table[] = {
        {"Bearer abc", "abc"},
        {"bearer abc", "abc"},
        {"BEARER   a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct credentials credentials;
        credentials_read(&credentials, table[i].header);
        assert_int_equal(credentials.kind, CREDENTIALS_BEARER);
        assert_int_equal(credentials.token_length, strlen(table[i].token));
        assert_memory_equal(credentials.token, table[i].token, strlen(table[i].token));
    }
}

static void test_passwords(void **state)
{
    (void)state;
    const struct {
        const char *header, *user, *password;
    } table[] = {
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"},
        {"basic YTpi", "a", "b"},
        {"Basic   YTpi", "a", "b"},
        {"Basic YTo=", "a", ""},
        {"Basic YTo", "a", ""}, /* without its padding */
        {"Basic YTpiOmM=", "a", "b:c"},
        {"Basic w6TDpDrDvA==", "\xc3\xa4\xc3\xa4", "\xc3\xbc"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct credentials credentials;
        credentials_read(&credentials, table[i].header);
        assert_int_equal(credentials.kind, CREDENTIALS_BASIC);
        assert_string_equal(credentials.user, table[i].user);
        assert_string_equal(credentials.password, table[i].password);
    }
}

static void test_what_is_not_known_here_is_none(void **state)
{
    (void)state;
    const char *const table[] = {NULL, "", "Digest x", "Bearertoken", "BasicYTpi", " Basic YTpi"};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct credentials credentials;
        credentials_read(&credentials, table[i]);
        assert_int_equal(credentials.kind, CREDENTIALS_NONE);
    }
}

static void test_what_is_malformed_lets_nobody_in(void **state)
{
    (void)state;
    const char *const table[] = {
        "Bearer",         "Bearer ",       "Bearer a b",     "Bearer a=b",  "Bearer =",
        "Bearer a, b",    "Bearer \"a\"",  "Basic",          "Basic ",      "Basic YTpi YTpi",
        "Basic Y",        "Basic YWI=",    "Basic OmI=",     "Basic YTpi=", "Basic YTpi====",
        "Basic !TpiOmM=", "Basic YQA6Yg=", "Basic YTpiAGM=", "Basic YT=p",  "Basic YTpiY",
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct credentials credentials;
        credentials_read(&credentials, table[i]);
        assert_int_equal(credentials.kind, CREDENTIALS_BROKEN);
        assert_int_equal(credentials.user[0], 0);
    }
}

static void test_what_is_too_long_lets_nobody_in(void **state)
{
    (void)state;
    static char header[CREDENTIALS_TOKEN_MAX + 16];
    struct credentials credentials;
    memset(header, 'Q', sizeof header - 1);
    memcpy(header, "Bearer ", 7);
    credentials_read(&credentials, header);
    assert_int_equal(credentials.kind, CREDENTIALS_BROKEN);
    strcpy(header + 7 + CREDENTIALS_TOKEN_MAX, "=");
    credentials_read(&credentials, header);
    assert_int_equal(credentials.kind, CREDENTIALS_BROKEN);
    header[7 + CREDENTIALS_TOKEN_MAX] = '\0';
    credentials_read(&credentials, header);
    assert_int_equal(credentials.kind, CREDENTIALS_BEARER);
    memcpy(header, "Basic YTpi", 10); /* a:b and on */
    credentials_read(&credentials, header);
    assert_int_equal(credentials.kind, CREDENTIALS_BROKEN);
    header[6 + 4 * 86] = '\0'; /* 258 bytes: a password of 256 */
    credentials_read(&credentials, header);
    assert_int_equal(credentials.kind, CREDENTIALS_BROKEN);
    header[6 + 4 * 85] = '\0'; /* 255 bytes */
    credentials_read(&credentials, header);
    assert_int_equal(credentials.kind, CREDENTIALS_BASIC);
    assert_int_equal(strlen(credentials.password), 253);
    memcpy(header, "Basic QUFB", 10);
    strcpy(header + 6 + 4 * 85, "QTpi"); /* a user of 256 bytes, and a password */
    credentials_read(&credentials, header);
    assert_int_equal(credentials.kind, CREDENTIALS_BROKEN);
}

static void test_nothing_is_left_of_a_password(void **state)
{
    (void)state;
    struct credentials credentials, nothing = {0};
    memset(&nothing, 0, sizeof nothing);
    credentials_read(&credentials, "Basic YTpi");
    credentials_fini(&credentials);
    assert_memory_equal(&credentials, &nothing, sizeof nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_what_is_not_known_here_is_none),
        cmocka_unit_test(test_what_is_malformed_lets_nobody_in),
        cmocka_unit_test(test_what_is_too_long_lets_nobody_in),
        cmocka_unit_test(test_nothing_is_left_of_a_password),
    };
    return cmocka_run_group_tests_name("server/credentials", tests, NULL, NULL);
}
