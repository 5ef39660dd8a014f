/* Codes: one status and one name each; messages that are cut, not overrun. */
#include <ferry/error.h>

#include <stdlib.h>
#include <string.h>

#include "support.h"

static const struct {
    ferry_code code;
    int status;
    bool transient;
    const char *name;
} table[] = {
    {FERRY_OK, 200, false, "ok"},
    {FERRY_INVALID, 400, false, "invalid"},
    {FERRY_UNAUTHORIZED, 401, false, "unauthorized"},
    {FERRY_FORBIDDEN, 403, false, "forbidden"},
    {FERRY_NOT_FOUND, 404, false, "not_found"},
    {FERRY_BAD_METHOD, 405, false, "bad_method"},
    {FERRY_CONFLICT, 409, false, "conflict"},
    {FERRY_GONE, 410, false, "gone"},
    {FERRY_TOO_LARGE, 413, false, "too_large"},
    {FERRY_UNPROCESSABLE, 422, false, "unprocessable"},
    {FERRY_RATE_LIMITED, 429, true, "rate_limited"},
    {FERRY_CANCELLED, 499, false, "cancelled"},
    {FERRY_INTERNAL, 500, false, "internal"},
    {FERRY_UNSUPPORTED, 501, false, "unsupported"},
    {FERRY_TRANSIENT, 502, true, "transient"},
    {FERRY_REJECTED, 503, true, "rejected"},
    {FERRY_DEADLINE, 504, true, "deadline"},
    {FERRY_STORAGE_FULL, 507, true, "storage_full"},
};

static void test_every_code_has_its_status_and_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        assert_int_equal(table[i].code, -(int)i); /* the numbers have no gap */
        assert_int_equal(ferry_code_status(table[i].code), table[i].status);
        assert_string_equal(ferry_code_name(table[i].code), table[i].name);
        assert_int_equal(ferry_code_is_transient(table[i].code), table[i].transient);
    }
}

static void test_every_status_leads_back_to_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        assert_int_equal(ferry_code_from_status(table[i].status), table[i].code);
}

static void test_a_status_without_a_code_gives_its_class(void **state)
{
    (void)state;
    assert_int_equal(ferry_code_from_status(204), FERRY_OK);
    assert_int_equal(ferry_code_from_status(302), FERRY_OK);
    assert_int_equal(ferry_code_from_status(418), FERRY_INVALID);
    assert_int_equal(ferry_code_from_status(599), FERRY_INTERNAL);
}

static void test_an_unknown_code_is_internal(void **state)
{
    (void)state;
    assert_int_equal(ferry_code_status((ferry_code)-99), 500);
    assert_string_equal(ferry_code_name((ferry_code)-99), "internal");
    assert_false(ferry_code_is_transient((ferry_code)-99));
}

static void test_set_fills_in_and_returns_the_code(void **state)
{
    (void)state;
    ferry_error error = {0};
    assert_int_equal(ferry_error_set(&error, FERRY_INVALID, "ms: %s is no number", "x"),
                     FERRY_INVALID);
    assert_int_equal(error.code, FERRY_INVALID);
    assert_string_equal(error.message, "ms: x is no number");
    assert_int_equal(ferry_error_set(NULL, FERRY_GONE, "not written"), FERRY_GONE);
}

static void test_a_message_may_be_part_of_the_next(void **state)
{
    (void)state;
    ferry_error error;
    ferry_error_set(&error, FERRY_GONE, "the database is away");
    ferry_error_set(&error, error.code, "report: %s", error.message);
    assert_string_equal(error.message, "report: the database is away");
    assert_int_equal(error.code, FERRY_GONE);
}

static void test_a_long_message_is_cut(void **state)
{
    (void)state;
    struct {
        ferry_error error;
        char behind[16];
    } at;
    char text[1000];
    memset(text, 'a', sizeof text);
    memset(at.behind, '!', sizeof at.behind);

    text[sizeof at.error.message - 1] = '\0'; /* just fits */
    ferry_error_set(&at.error, FERRY_INVALID, "%s", text);
    assert_string_equal(at.error.message, text);

    text[sizeof at.error.message - 1] = 'a';
    text[sizeof at.error.message] = '\0'; /* one too long */
    ferry_error_set(&at.error, FERRY_INVALID, "%s", text);
    assert_int_equal(strlen(at.error.message), sizeof at.error.message - 1);
    assert_string_equal(at.error.message + sizeof at.error.message - 5, "a...");
    for (size_t i = 0; i < sizeof at.behind; i++)
        assert_int_equal(at.behind[i], '!');
}

static void test_a_message_is_not_cut_within_a_character(void **state)
{
    (void)state;
    for (size_t before = 0; before < 3; before++) { /* wherever the cut falls */
        char text[1000] = "";
        memset(text, 'a', before);
        for (int i = 0; i < 150; i++)
            strcat(text, "\xE2\x82\xAC");
        ferry_error error;
        ferry_error_set(&error, FERRY_INVALID, "%s", text);
        size_t length = strlen(error.message);
        assert_string_equal(error.message + length - 3, "...");
        assert_int_equal((length - 3 - before) % 3, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_has_its_status_and_name),
        cmocka_unit_test(test_every_status_leads_back_to_its_code),
        cmocka_unit_test(test_a_status_without_a_code_gives_its_class),
        cmocka_unit_test(test_an_unknown_code_is_internal),
        cmocka_unit_test(test_set_fills_in_and_returns_the_code),
        cmocka_unit_test(test_a_message_may_be_part_of_the_next),
        cmocka_unit_test(test_a_long_message_is_cut),
        cmocka_unit_test(test_a_message_is_not_cut_within_a_character),
    };
    return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
