/*
 * Fuzzing the log: whatever a value is, it stays within its line, as text that moves no terminal's
 * cursor; as JSON it can be read back.
 *
 * The first byte picks the format; the rest is texts, with a NUL between them.
 */
#include <jansson.h>

#include "fuzz.h"

#include "bytes.h"
#include "log_line.h"

enum { SHORT = 500 };

static void check_text(const char *line, size_t length)
{
    FUZZ_CHECK(length > 0 && length <= LOG_LINE_MAX_BYTES && line[length - 1] == '\n');
    for (size_t i = 0, n; i < length - 1; i += n) {
        n = utf8_length(line + i, length - i);
        FUZZ_CHECK(n > 0 && (unsigned char)line[i] >= ' ' && line[i] != 0x7F);
        FUZZ_CHECK((unsigned char)line[i] != 0xC2 || (unsigned char)line[i + 1] >= 0xA0);
    }
}

static bool is_utf8(const char *text)
{
    for (size_t n, left = strlen(text); left > 0; text += n, left -= n) {
        n = utf8_length(text, left);
        if (n == 0)
            return false;
    }
    return true;
}

static void check_json(const char *line, size_t length, const char *value)
{
    json_t *json = json_loadb(line, length, 0, NULL);
    FUZZ_CHECK(json);
    const char *read = json_string_value(json_object_get(json, "value"));
    if (strlen(value) < SHORT && is_utf8(value))
        FUZZ_CHECK(read && strcmp(read, value) == 0);
    FUZZ_CHECK(json_object_size(json) <= 6);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.at = data, .left = size};
    const bool is_json = fuzz_byte(&input) % 2;
    char *value = fuzz_text(&input), *second = fuzz_text(&input), *message = fuzz_text(&input);
    char *line = malloc(LOG_LINE_MAX_BYTES); /* so that a step beyond its end is seen */
    if (!line)
        abort();
    ferry_log_set_format(is_json ? FERRY_LOG_JSON : FERRY_LOG_LOGFMT);
    size_t length =
        log_line_make(line, FERRY_LOG_INFO, strlen(message) < SHORT ? message : "",
                      "value=%s n=%d second=%.*s", value, -5, (int)strlen(second), second);
    check_text(line, length);
    if (is_json)
        check_json(line, length, value);
    free(line);
    free(message);
    free(second);
    free(value);
    return 0;
}
