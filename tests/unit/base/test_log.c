/* Log lines: both formats, every conversion, and what must not be forged or broken. */
#include <ferry/log.h>

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "turkish.h"

enum { LINE_LIMIT = 4096 };

/* The last line, in memory of just its size, so that whoever reads past its end is caught. */
static char *line;
static size_t line_length;
static unsigned line_count;

static void keep(void *arg, ferry_log_level level, const char *text, size_t length)
{
    (void)arg, (void)level;
    free(line);
    line = malloc(length + 1);
    memcpy(line, text, length);
    line[length] = '\0';
    line_length = length;
    line_count++;
    assert_true(length <= LINE_LIMIT);
    assert_ptr_equal(memchr(line, '\n', length), line + length - 1); /* one line, ended */
}

static int setup(void **state)
{
    (void)state;
    ferry_log_set_sink(keep, NULL);
    ferry_log_set_level(FERRY_LOG_INFO);
    ferry_log_set_format(FERRY_LOG_LOGFMT);
    line_count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ferry_log_set_sink(NULL, NULL);
    free(line);
    line = NULL;
    return 0;
}

/* What follows the time, whose shape is checked on the way. */
static const char *after_time(void)
{
    const char *ts = strstr(line, "20");
    assert_non_null(ts);
    assert_int_equal(strspn(ts, "0123456789-T:."), 23);
    assert_int_equal(ts[23], 'Z');
    return ts + 24;
}

/* ---- logfmt ---- */

static void test_a_line(void **state)
{
    (void)state;
    ferry_log(FERRY_LOG_INFO, "listening", "addr=%s routes=%zu", "127.0.0.1:8002", (size_t)4);
    assert_int_equal(strncmp(line, "ts=20", 5), 0);
    assert_string_equal(after_time(), " level=info msg=listening addr=127.0.0.1:8002 routes=4\n");
    ferry_log(FERRY_LOG_ERROR, "two words", NULL);
    assert_string_equal(after_time(), " level=error msg=\"two words\"\n");
}

static void test_every_conversion(void **state)
{
    (void)state;
    ferry_log(FERRY_LOG_WARN, "m", "d=%d i=%i u=%u x=%x", -1, INT32_MIN, UINT32_MAX, 255u);
    assert_string_equal(after_time(), " level=warn msg=m d=-1 i=-2147483648 u=4294967295 x=ff\n");
    ferry_log(FERRY_LOG_INFO, "m", "ld=%ld lld=%lld lu=%lu llu=%llu lx=%lx", -1L, INT64_MIN + 0LL,
              ~0UL, ~0ULL, 4096UL);
    assert_string_equal(after_time(), " level=info msg=m ld=-1 lld=-9223372036854775808 "
                                      "lu=18446744073709551615 llu=18446744073709551615 lx=1000\n");
    ferry_log(FERRY_LOG_INFO, "m", "zd=%zd zu=%zu jd=%jd ju=%ju td=%td hd=%hd hhu=%hhu",
              (ssize_t)-5, (size_t)5, (intmax_t)-6, (uintmax_t)6, (ptrdiff_t)-7, (short)-8,
              (unsigned char)8);
    assert_string_equal(after_time(),
                        " level=info msg=m zd=-5 zu=5 jd=-6 ju=6 td=-7 hd=-8 hhu=8\n");
    ferry_log(FERRY_LOG_INFO, "m", "a=%" PRId64 " b=%" PRIu64 " f=%f f1=%.1f fs=%.*f c=%c",
              INT64_C(-9), UINT64_C(9), 0.5, 0.25, 3, 0.125, 'c');
    assert_string_equal(after_time(),
                        " level=info msg=m a=-9 b=9 f=0.500000 f1=0.2 fs=0.125 c=c\n");
    const char *volatile none = NULL;
    ferry_log(FERRY_LOG_INFO, "m", "s=%s p=%.3s star=%.*s n=%s end=%d", "text", "abcdef", 2, "xyz",
              none, 1);
    assert_string_equal(after_time(), " level=info msg=m s=text p=abc star=xy n=\"\" end=1\n");
}

static void test_constants_and_stray_text(void **state)
{
    (void)state;
    ferry_log(FERRY_LOG_INFO, "m", "  a=one   took=%dms b=%d ", 5, 6);
    assert_string_equal(after_time(), " level=info msg=m a=one took=5 b=6\n");
    ferry_log(FERRY_LOG_INFO, "m", "no pair here");
    assert_string_equal(after_time(), " level=info msg=m\n");
}

static void test_values_are_quoted_where_they_must_be(void **state)
{
    (void)state;
    ferry_log(FERRY_LOG_INFO, "m", "a=%s b=%s c=%s d=%s e=%s", "", "a b", "k=v", "q\"q", "b\\s");
    assert_string_equal(after_time(),
                        " level=info msg=m a=\"\" b=\"a b\" c=\"k=v\" d=\"q\\\"q\" e=\"b\\\\s\"\n");
    ferry_log(FERRY_LOG_INFO, "m", "a=%s b=%s", "caf\xC3\xA9", "\x7F");
    assert_string_equal(after_time(), " level=info msg=m a=\"caf\xC3\xA9\" b=\"\\u007f\"\n");
}

static void test_a_value_cannot_forge_a_line(void **state)
{
    (void)state;
    ferry_log(FERRY_LOG_INFO, "bad\nts=1 level=error", "path=%s",
              "/\r\nts=2026-11-21 level=info msg=\"paid\"\x1B[2J");
    assert_string_equal(
        after_time(), " level=info msg=\"bad\\nts=1 level=error\" "
                      "path=\"/\\u000d\\nts=2026-11-21 level=info msg=\\\"paid\\\"\\u001b[2J\"\n");
    ferry_log(FERRY_LOG_INFO, "m", "c1=%s raw=%s",
              "\xC2\x9B"
              "31m",
              "\x9B"
              "31m");
    assert_string_equal(after_time(), " level=info msg=m c1=\"\\u009b31m\" raw=\"\xEF\xBF\xBD"
                                      "31m\"\n");
}

static void test_a_value_cannot_turn_what_follows(void **state)
{
    (void)state;
    /* U+2027, U+2028, U+202E, U+2065, U+2066; byte by byte, so that no editor turns it either */
    static const unsigned char text[] = {0xE2, 0x80, 0xA7, 0xE2, 0x80, 0xA8, 0xE2, 0x80,
                                         0xAE, 0xE2, 0x81, 0xA5, 0xE2, 0x81, 0xA6, 0};
    ferry_log(FERRY_LOG_INFO, "m", "a=%s", (const char *)text);
    assert_string_equal(after_time(), " level=info msg=m a=\"\xE2\x80\xA7\\u2028\\u202e"
                                      "\xE2\x81\xA5\\u2066\"\n");
}

/* ---- levels and sinks ---- */

static void test_levels(void **state)
{
    (void)state;
    ferry_log(FERRY_LOG_DEBUG, "not yet", NULL);
    assert_int_equal(line_count, 0);
    assert_false(ferry_log_is_on(FERRY_LOG_DEBUG));
    assert_true(ferry_log_is_on(FERRY_LOG_INFO));
    ferry_log_set_level(FERRY_LOG_DEBUG);
    ferry_log(FERRY_LOG_DEBUG, "now", NULL);
    assert_int_equal(line_count, 1);
    ferry_log_set_level(FERRY_LOG_ERROR);
    ferry_log(FERRY_LOG_WARN, "no", NULL);
    assert_int_equal(line_count, 1);
    ferry_log((ferry_log_level)7, "beyond all of them", NULL);
    assert_non_null(strstr(line, "level=error msg=\"beyond all of them\""));
}

static void test_without_a_sink_lines_go_nowhere(void **state)
{
    (void)state;
    ferry_log_set_sink(NULL, NULL);
    ferry_log(FERRY_LOG_ERROR, "no one", "a=%d", 1);
    assert_int_equal(line_count, 0);
}

static void test_to_stderr_writes_the_line(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    ferry_log_to_stderr(NULL, FERRY_LOG_INFO, "a line\n", 7);
    dup2(before, STDERR_FILENO);
    close(before);
    close(ends[1]);
    char text[16];
    assert_int_equal(read(ends[0], text, sizeof text), 7);
    assert_memory_equal(text, "a line\n", 7);
    close(ends[0]);
}

/* ---- JSON ---- */

static json_t *parsed(void)
{
    json_error_t error;
    json_t *json = json_loadb(line, line_length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!json)
        fail_msg("%s: %s", error.text, line);
    return json;
}

static void test_json(void **state)
{
    (void)state;
    ferry_log_set_format(FERRY_LOG_JSON);
    ferry_log(FERRY_LOG_INFO, "a \"b\"", "s=%s n=%d x=%x f=%.2f c=%c k=const", "q\\\n", -4, 255u,
              1.5, '"');
    assert_int_equal(strncmp(line, "{\"ts\":\"20", 9), 0);
    assert_string_equal(after_time(),
                        "\",\"level\":\"info\",\"msg\":\"a \\\"b\\\"\",\"s\":\"q\\\\\\n\",\"n\":-4,"
                        "\"x\":\"ff\",\"f\":1.50,\"c\":\"\\\"\",\"k\":\"const\"}\n");
    json_decref(parsed());
}

static void test_json_has_no_number_that_is_none(void **state)
{
    (void)state;
    ferry_log_set_format(FERRY_LOG_JSON);
    ferry_log(FERRY_LOG_INFO, "m", "nan=%f inf=%f big=%f after=%d", (double)NAN, -INFINITY, 1e300,
              7);
    json_t *json = parsed();
    assert_string_equal(json_string_value(json_object_get(json, "inf")), "-inf");
    assert_non_null(json_string_value(json_object_get(json, "nan")));
    assert_true(json_real_value(json_object_get(json, "big")) == 1e300);
    assert_int_equal(json_integer_value(json_object_get(json, "after")), 7);
    json_decref(json);
}

static void test_numbers_have_a_point_in_every_locale(void **state)
{
    (void)state;
    use_turkish();
    ferry_log_set_format(FERRY_LOG_JSON);
    ferry_log(FERRY_LOG_INFO, "m", "half=%f less=%.2f whole=%.0f after=%d", 0.5, -1234.25, 3.0, 7);
    setlocale(LC_ALL, "C");
    assert_non_null(strstr(line, "\"half\":0.500000,\"less\":-1234.25,\"whole\":3,\"after\":7}"));
}

static void test_a_number_longer_than_any_is_cut(void **state)
{
    (void)state;
    ferry_log(FERRY_LOG_INFO, "m", "f=%.1000f after=%d", 0.0, 7);
    assert_non_null(strstr(line, " f=0.000"));
    assert_non_null(strstr(line, "000 after=7\n"));
}

static void test_json_of_every_byte(void **state)
{
    (void)state;
    ferry_log_set_format(FERRY_LOG_JSON);
    char text[256];
    for (int i = 0; i < 255; i++)
        text[i] = (char)(i + 1);
    text[255] = '\0';
    ferry_log(FERRY_LOG_INFO, "m", "all=%s", text);
    json_t *json = parsed();
    assert_int_equal(strncmp(json_string_value(json_object_get(json, "all")), text, 0x7F), 0);
    json_decref(json);
}

/* ---- too long ---- */

static void log_with_lengths(size_t first, size_t second, const char *unit)
{
    static char text[3 * LINE_LIMIT], more[LINE_LIMIT];
    size_t step = strlen(unit), length = 0;
    for (; length + step <= first; length += step)
        memcpy(text + length, unit, step);
    text[length] = '\0';
    memset(more, 'b', second);
    more[second] = '\0';
    ferry_log(FERRY_LOG_INFO, "m", "a=%s n=%lld b=%s last=%d", text, INT64_MIN + 0LL, more, 12345);
}

static void test_a_long_value_does_not_crowd_out_the_next(void **state)
{
    (void)state;
    log_with_lengths(2 * LINE_LIMIT, 3, "a");
    assert_true(line_length > LINE_LIMIT / 2);
    assert_non_null(strstr(line, "a n=-9223372036854775808 b=bbb last=12345\n"));
}

/* Whatever the lengths: one line, within the limit (the sink checks both), and valid. */
static void test_json_is_valid_wherever_it_is_cut(void **state)
{
    (void)state;
    ferry_log_set_format(FERRY_LOG_JSON);
    const char *const units[] = {"a", "\n", "\x01", "\xE2\x82\xAC", "\xFF", "\""};
    for (size_t u = 0; u < COUNT_OF(units); u++) {
        for (size_t second = 330; second < 560; second++) {
            log_with_lengths(LINE_LIMIT, second, units[u]);
            json_t *json = parsed(), *last = json_object_get(json, "last");
            assert_true(!last || json_integer_value(last) == 12345); /* whole, or not there */
            json_decref(json);
        }
    }
}

static void test_logfmt_is_cut_within_its_quotes(void **state)
{
    (void)state;
    for (size_t second = 330; second < 560; second++) {
        log_with_lengths(LINE_LIMIT, second, "x\n");
        size_t quotes = 0;
        for (const char *at = line; (at = strchr(at, '"')); at++)
            quotes++;
        assert_int_equal(quotes % 2, 0);
    }
}

static void test_a_long_value_is_not_cut_within_a_character(void **state)
{
    (void)state;
    for (size_t before = 0; before < 3; before++) {
        char text[2 * LINE_LIMIT] = "";
        memset(text, 'a', before);
        for (size_t i = before; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 4);
        ferry_log(FERRY_LOG_INFO, "m", "a=%s", text);
        assert_null(strstr(line, "\xEF\xBF\xBD"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_line),
        TEST(test_every_conversion),
        TEST(test_constants_and_stray_text),
        TEST(test_values_are_quoted_where_they_must_be),
        TEST(test_a_value_cannot_forge_a_line),
        TEST(test_a_value_cannot_turn_what_follows),
        TEST(test_levels),
        TEST(test_without_a_sink_lines_go_nowhere),
        TEST(test_to_stderr_writes_the_line),
        TEST(test_json),
        TEST(test_json_has_no_number_that_is_none),
        TEST(test_numbers_have_a_point_in_every_locale),
        TEST(test_a_number_longer_than_any_is_cut),
        TEST(test_json_of_every_byte),
        TEST(test_a_long_value_does_not_crowd_out_the_next),
        TEST(test_json_is_valid_wherever_it_is_cut),
        TEST(test_logfmt_is_cut_within_its_quotes),
        TEST(test_a_long_value_is_not_cut_within_a_character),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
