/* Byte strings: growth, JSON, and what becomes of a failed one. */
#include "bytes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

static void assert_json(const char *text, size_t length, const char *json)
{
    struct bytes bytes = {0};
    bytes_append_json(&bytes, text, length);
    assert_string_equal(bytes_text(&bytes), json);
    bytes_fini(&bytes);
}

#define ASSERT_JSON(text, json) assert_json(text, sizeof(text) - 1, json)
#define REPLACED                "\xEF\xBF\xBD"

static void test_appends_follow_each_other(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    bytes_append(&bytes, "a\0b", 3);
    bytes_append_text(&bytes, "cd");
    bytes_append_char(&bytes, 'e');
    bytes_printf(&bytes, "%d-%s", 42, "x");
    bytes_append_hex(&bytes, "\x00\xFF\x1A", 3);
    bytes_append(&bytes, NULL, 0);
    assert_int_equal(bytes.length, sizeof "a\0bcde42-x00ff1a" - 1);
    assert_memory_equal(bytes.data, "a\0bcde42-x00ff1a", sizeof "a\0bcde42-x00ff1a");
    bytes_fini(&bytes);
    assert_null(bytes.data);
}

static void test_hexadecimal_is_as_printf_has_it(void **state)
{
    (void)state;
    unsigned char data[256];
    char text[2 * sizeof data], expected[2 * sizeof data + 1];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)i;
        snprintf(expected + 2 * i, 3, "%02x", (unsigned)i);
    }
    for (size_t from = 0; from < sizeof data; from++) {
        for (size_t n = 0; n <= sizeof data - from; n++) {
            assert_ptr_equal(hex_write(text, data + from, n), text + 2 * n);
            assert_memory_equal(text, expected + 2 * from, 2 * n);
        }
    }
}

static void test_room_is_made_behind_the_text(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    bytes_append_text(&bytes, "ab");
    char *at = bytes_extend(&bytes, 200);
    assert_non_null(at);
    memset(at, 'c', 200);
    bytes_append_char(&bytes, 'd');
    assert_int_equal(bytes.length, 203);
    assert_int_equal(strspn(bytes_text(&bytes), "abc"), 202);
    assert_string_equal(bytes_text(&bytes) + 202, "d");
    assert_null(bytes_extend(&bytes, SIZE_MAX / 2));
    assert_true(bytes.failed);
    bytes_fini(&bytes);
}

static void test_memory_that_was_reserved_does_not_move(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    assert_true(bytes_reserve(&bytes, 1000));
    assert_string_equal(bytes_text(&bytes), "");
    const char *before = bytes.data;
    for (int i = 0; i < 1000; i++)
        bytes_append_char(&bytes, 'x');
    assert_ptr_equal(bytes.data, before);
    assert_false(bytes_reserve(&bytes, SIZE_MAX / 2));
    assert_true(bytes.failed);
    bytes_fini(&bytes);
}

static void test_every_length_has_its_nul(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    for (size_t i = 0; i < 1000; i++) {
        bytes_append_char(&bytes, 'x');
        assert_int_equal(strlen(bytes_text(&bytes)), i + 1);
    }
    bytes_printf(&bytes, "%5000s", "y"); /* more than doubles it */
    assert_int_equal(strlen(bytes_text(&bytes)), 6000);
    bytes_fini(&bytes);
}

static void test_json_escapes(void **state)
{
    (void)state;
    ASSERT_JSON("", "\"\"");
    ASSERT_JSON("plain", "\"plain\"");
    ASSERT_JSON("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
    ASSERT_JSON("\n\r\t\x01\x1F\x7F", "\"\\n\\u000d\\u0009\\u0001\\u001f\\u007f\"");
    ASSERT_JSON("a\0b", "\"a\\u0000b\"");
    ASSERT_JSON("\xC2\x9B\xE2\x80\xAE", "\"\\u009b\\u202e\""); /* valid, but no terminal's friend */
    ASSERT_JSON("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x9A\xA2", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x9A\xA2\"");
}

static void test_json_replaces_what_is_not_utf8(void **state)
{
    (void)state;
    ASSERT_JSON("a\xFFz", "\"a" REPLACED "z\"");
    ASSERT_JSON("\x80", "\"" REPLACED "\"");                           /* a lone continuation */
    ASSERT_JSON("\xC3", "\"" REPLACED "\"");                           /* cut after one byte */
    ASSERT_JSON("\xE2\x82", "\"" REPLACED REPLACED "\"");              /* cut after two */
    ASSERT_JSON("\xC3\"", "\"" REPLACED "\\\"\"");                     /* must not eat the quote */
    ASSERT_JSON("\xC0\xAF", "\"" REPLACED REPLACED "\"");              /* overlong */
    ASSERT_JSON("\xE0\x80\x80", "\"" REPLACED REPLACED REPLACED "\""); /* overlong */
    ASSERT_JSON("\xED\xA0\x80", "\"" REPLACED REPLACED REPLACED "\""); /* a surrogate */
    ASSERT_JSON("\xF4\x90\x80\x80", "\"" REPLACED REPLACED REPLACED REPLACED "\"");
    ASSERT_JSON("\xF5\x80\x80\x80", "\"" REPLACED REPLACED REPLACED REPLACED "\"");
    ASSERT_JSON("\xF0\x90\x80\x80", "\"\xF0\x90\x80\x80\""); /* the first of four bytes */
    ASSERT_JSON("\xF4\x8F\xBF\xBF", "\"\xF4\x8F\xBF\xBF\""); /* the last code point */
}

static void test_take_hands_the_memory_over(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    bytes_append_text(&bytes, "mine");
    const char *data = bytes.data;
    char *taken = bytes_take(&bytes);
    assert_ptr_equal(taken, data);
    assert_string_equal(taken, "mine");
    assert_null(bytes.data);
    assert_int_equal(bytes.length, 0);
    free(taken);

    taken = bytes_take(&bytes);
    assert_non_null(taken);
    assert_string_equal(taken, "");
    free(taken);
}

static void test_take_does_not_move_a_full_string(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    bytes_append_char(&bytes, 'x');
    while (bytes.length < bytes.capacity)
        bytes_append_char(&bytes, 'x');
    const char *data = bytes.data;
    char *taken = bytes_take(&bytes);
    assert_ptr_equal(taken, data);
    free(taken);
}

static void test_clear_keeps_the_memory(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    bytes_clear(&bytes);
    assert_string_equal(bytes_text(&bytes), "");
    bytes_append_text(&bytes, "old");
    const char *data = bytes.data;
    bytes_clear(&bytes);
    assert_string_equal(bytes_text(&bytes), "");
    bytes_append_text(&bytes, "new");
    assert_ptr_equal(bytes.data, data);
    assert_string_equal(bytes_text(&bytes), "new");
    bytes_fini(&bytes);
}

static void test_failed_drops_what_follows(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    bytes_append_text(&bytes, "whole");
    bytes_append(&bytes, "x", SIZE_MAX - 100); /* no memory for that */
    assert_true(bytes.failed);
    bytes_append_text(&bytes, "no");
    bytes_printf(&bytes, "%s", "no");
    assert_string_equal(bytes_text(&bytes), "whole");
    assert_null(bytes_take(&bytes));
    assert_false(bytes.failed); /* an empty one again */

    bytes.failed = true;
    bytes_clear(&bytes);
    bytes_append_text(&bytes, "again");
    assert_string_equal(bytes_text(&bytes), "again");
    bytes_fini(&bytes);
}

static void test_text_printf(void **state)
{
    (void)state;
    char *text = text_printf("%s/%d", "a", 7);
    assert_string_equal(text, "a/7");
    free(text);
    text = text_printf("%s", "");
    assert_string_equal(text, "");
    free(text);
}

static void test_read_file(void **state)
{
    (void)state;
    char path[] = "/tmp/ferry-test-bytes-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    char data[40000];
    memset(data, 'd', sizeof data);
    assert_int_equal(write(fd, data, sizeof data), sizeof data);
    close(fd);

    struct bytes bytes = {0};
    bytes_append_text(&bytes, "before ");
    int next = dup(STDERR_FILENO);
    close(next);
    assert_int_equal(bytes_read_file(&bytes, path, sizeof data, NULL), 0);
    assert_int_equal(bytes.length, 7 + sizeof data);
    assert_memory_equal(bytes.data + 7, data, sizeof data);

    ferry_error error;
    assert_int_equal(bytes_read_file(&bytes, path, sizeof data - 1, &error), FERRY_TOO_LARGE);
    assert_non_null(strstr(error.message, path));
    unlink(path);
    assert_int_equal(bytes_read_file(&bytes, path, 1, &error), FERRY_NOT_FOUND);
    assert_int_equal(bytes_read_file(&bytes, "/dev/null/x", 1, &error), FERRY_NOT_FOUND);
    assert_int_equal(bytes_read_file(&bytes, "/tmp", 1, &error), FERRY_INTERNAL);
    fd = dup(STDERR_FILENO);
    assert_int_equal(fd, next); /* nothing was left open */
    close(fd);
    bytes_fini(&bytes);
}

static void test_a_secret_is_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        const char *problem; /* NULL: none */
    } files[] = {
        {"a secret\n", 9, NULL},
        {"\n\ta", 3, NULL},
        {"", 0, ": it is empty"},
        {" \r\n\t\n", 5, ": it is empty"},
        {"a\0b", 3, ": it holds NUL bytes"},
        {"\0", 1, ": it holds NUL bytes"},
    };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char path[] = "/tmp/ferry-test-bytes-XXXXXX";
        int fd = mkstemp(path);
        assert_int_equal(write(fd, files[i].text, files[i].length), files[i].length);
        close(fd);
        struct bytes bytes = {0};
        ferry_error error = {0};
        int rc = bytes_read_secret(&bytes, path, 9, &error);
        assert_int_equal(rc, files[i].problem ? FERRY_INVALID : 0);
        assert_string_equal(error.message + (rc < 0 ? strlen(path) : 0),
                            files[i].problem ? files[i].problem : "");
        unlink(path);
        bytes_fini(&bytes);
    }
    struct bytes none = {0};
    assert_int_equal(bytes_read_secret(&none, "/nonexistent", 9, NULL), FERRY_NOT_FOUND);
}

static void test_control_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned character;
    } yes[] = {
        {"\x1B", 0x1B},           {"\n", 0x0A},
        {"\x7F", 0x7F},           {"\xC2\x80", 0x80},
        {"\xC2\x9F", 0x9F},       {"\xE2\x80\xA8", 0x2028},
        {"\xE2\x80\xAE", 0x202E}, {"\xE2\x81\xA6", 0x2066},
        {"\xE2\x81\xA9", 0x2069},
    };
    static const char *const no[] = {" ",
                                     "~",
                                     "\xC2\xA0",
                                     "\xC3\x80",
                                     "\xE2\x82\x80",
                                     "\xE2\x80\xA7",
                                     "\xE2\x80\xAF",
                                     "\xE2\x81\xA5",
                                     "\xE2\x81\xAA",
                                     "\xE3\x80\xA8",
                                     "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        assert_true(utf8_is_control(yes[i].text, strlen(yes[i].text)));
        assert_int_equal(utf8_character(yes[i].text, strlen(yes[i].text)), yes[i].character);
    }
    for (size_t i = 0; i < COUNT_OF(no); i++)
        assert_false(utf8_is_control(no[i], strlen(no[i])));
    assert_true(utf8_is_control("", 1)); /* a NUL is one, too */
    assert_int_equal(utf8_character("\xF0\x9F\x98\x80", 4), 0x1F600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_follow_each_other),
        cmocka_unit_test(test_hexadecimal_is_as_printf_has_it),
        cmocka_unit_test(test_room_is_made_behind_the_text),
        cmocka_unit_test(test_memory_that_was_reserved_does_not_move),
        cmocka_unit_test(test_every_length_has_its_nul),
        cmocka_unit_test(test_json_escapes),
        cmocka_unit_test(test_json_replaces_what_is_not_utf8),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_take_hands_the_memory_over),
        cmocka_unit_test(test_take_does_not_move_a_full_string),
        cmocka_unit_test(test_clear_keeps_the_memory),
        cmocka_unit_test(test_failed_drops_what_follows),
        cmocka_unit_test(test_text_printf),
        cmocka_unit_test(test_read_file),
        cmocka_unit_test(test_a_secret_is_one),
    };
    return cmocka_run_group_tests_name("base/bytes", tests, NULL, NULL);
}
