/*
 * Fuzzing what a worker is given: the block of a call, as it may come from a damaged disk, and
 * settings.
 *
 * The first byte picks one of the two.
 */
#include <ferry/worker.h>

#include "fuzz.h"

#include "call_input.h"
#include "settings.h"

static bool is_within(const struct call_input *input, const char *text)
{
    return !text || (text > input->block && text < input->block + input->length);
}

/* What is found lies within the block, and ends there. */
static void block(struct fuzz_input *data)
{
    static const enum call_field kinds[] = {CALL_METHOD, CALL_PARAM, CALL_QUERY, CALL_HEADER,
                                            CALL_BODY};
    struct call_input input;
    size_t length = data->left;
    if (call_input_parse(&input, fuzz_take(data, length), length, NULL) < 0)
        return;
    FUZZ_CHECK(is_within(&input, input.method) && is_within(&input, input.body));
    FUZZ_CHECK(input.body[input.body_length] == '\0');
    FUZZ_CHECK(input.body + input.body_length + 1 == input.block + input.length);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *value = call_input_find(&input, kinds[i], i == 0 || i == 4 ? "" : "a");
        FUZZ_CHECK(is_within(&input, value));
        FUZZ_CHECK(!value || is_within(&input, value + strlen(value)));
    }
    call_input_fini(&input);
}

/* What is written is found. */
static void written(struct fuzz_input *data)
{
    struct bytes block = {0};
    struct call_input input;
    char *name = fuzz_text(data), *value = fuzz_text(data);
    size_t body_length = data->left;
    char *body = fuzz_take(data, body_length);
    call_input_add(&block, CALL_QUERY, name, value, strlen(value));
    call_input_add(&block, CALL_METHOD, "", "GET", 3);
    call_input_end(&block, body, body_length);
    size_t length = block.length;
    char *text = bytes_take(&block);
    if (!text)
        abort();
    FUZZ_CHECK(call_input_parse(&input, text, length, NULL) == 0);
    FUZZ_CHECK(strcmp(call_input_find(&input, CALL_QUERY, name), value) == 0);
    FUZZ_CHECK(input.body_length == body_length && memcmp(input.body, body, body_length) == 0);
    call_input_fini(&input);
    free(body);
    free(value);
    free(name);
}

static void visit(void *arg, const ferry_setting *setting)
{
    size_t *count = arg;
    FUZZ_CHECK(setting->key && setting->values);
    ++*count;
}

static void on_problem(void *arg, const char *key, const char *message)
{
    size_t *count = arg;
    FUZZ_CHECK(key && *message);
    ++*count;
}

static ferry_settings *settings_of(struct fuzz_input data)
{
    ferry_settings *settings = settings_new("w", "/nonexistent");
    if (!settings)
        abort();
    FUZZ_CHECK(settings_add_map(settings, NULL, "map") == 0);
    while (data.left > 0) {
        uint8_t what = fuzz_byte(&data);
        char *key = fuzz_text(&data), *value = fuzz_text(&data);
        const char *const values[] = {value, "second", NULL};
        FUZZ_CHECK(settings_add_below(settings, what & 1 ? "map" : NULL, key, values,
                                      what & 2 ? 2 : 1, what & 2) == 0);
        free(value);
        free(key);
    }
    return settings;
}

/* Whatever stands in them, a getter gives what it may give. */
static void settings(struct fuzz_input *data)
{
    ferry_settings *settings = settings_of(*data), *same = settings_of(*data);
    FUZZ_CHECK(settings_equal(settings, same));
    settings_free(same);
    FUZZ_CHECK(ferry_settings_string(settings, "s", "fallback"));
    int64_t number = ferry_settings_int(settings, "i", 5, 1, 10);
    FUZZ_CHECK(number >= 1 && number <= 10);
    ferry_settings_bool(settings, "b", true);
    FUZZ_CHECK(ferry_settings_duration_ms(settings, "d", 5) >= 0);
    ferry_settings_bytes(settings, "z", 5);
    ferry_settings_list(settings, "l");
    ferry_settings_string(settings, "map.s", NULL);
    size_t count = 0, problems = 0;
    ferry_settings_each(settings, "map", visit, &count);
    settings_report_unknown(settings);
    settings_each_problem(settings, on_problem, &problems);
    FUZZ_CHECK(problems == settings_problem_count(settings));
    settings_free(settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct fuzz_input *) = {block, written, settings};
    struct fuzz_input input = {.at = data, .left = size};
    readers[fuzz_byte(&input) % (sizeof readers / sizeof *readers)](&input);
    return 0;
}
