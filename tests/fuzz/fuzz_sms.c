/*
 * Fuzzing sms: what a caller asks, what a gateway answers, its rules, and JSON pointers.
 *
 * The first byte picks what is read; the rest is texts, with a NUL between them.
 */
#include "fuzz.h"

#include "json_pointer.h"
#include "settings.h"
#include "sms_gateway.h"
#include "sms_outcome.h"
#include "sms_request.h"

struct pair {
    const char *map, *name, *value;
};

static ferry_settings *settings_of(const struct pair *pairs)
{
    ferry_settings *settings = settings_new("gateway", "/nonexistent");
    if (!settings)
        abort();
    for (; pairs->name; pairs++) {
        int rc = pairs->value ? settings_add_below(settings, pairs->map, pairs->name, &pairs->value,
                                                   1, false)
                              : settings_add_map(settings, pairs->map, pairs->name);
        FUZZ_CHECK(rc == 0);
    }
    return settings;
}

static const struct sms_gateway *gateway(void)
{
    static const struct pair pairs[] = {{NULL, "url", "http://h/"},
                                        {NULL, "success", NULL},
                                        {"success", "status", "200-299"},
                                        {"success", "pointer", "/code"},
                                        {"success", "equals", "0"},
                                        {NULL, "permanent", NULL},
                                        {"permanent", "pointer", "/errors/0/code"},
                                        {"permanent", "equals", "blocked"},
                                        {NULL, "message_id", "/id"},
                                        {NULL, "error_message", "/why"},
                                        {0}};
    static ferry_settings *settings;
    static struct sms_gateway *gateway;
    if (gateway)
        return gateway;
    settings = settings_of(pairs);
    gateway = sms_gateway_read(settings, NULL);
    FUZZ_CHECK(gateway && settings_problem_count(settings) == 0);
    return gateway;
}

static void request(struct fuzz_input *input)
{
    struct sms_request request;
    size_t length = input->left;
    char *body = fuzz_take(input, length);
    if (sms_request_parse(&request, gateway(), body, length, NULL) == 0) {
        FUZZ_CHECK(request.text && request.count > 0 && request.count <= SMS_NUMBERS_MAX);
        for (size_t i = 1; i < request.count; i++)
            FUZZ_CHECK(strcmp(request.numbers[i - 1], request.numbers[i]) != 0);
    }
    sms_request_fini(&request);
    free(body);
}

static void check_line(const char *text, size_t size)
{
    FUZZ_CHECK(strnlen(text, size) < size);
    for (size_t length; *text; text += length) {
        length = utf8_length(text, strlen(text));
        FUZZ_CHECK(length > 0 && (unsigned char)*text >= ' ' && *text != 0x7F);
    }
}

static void answer(struct fuzz_input *input)
{
    static const long statuses[] = {200, 204, 302, 400, 401, 429, 500, 503};
    struct sms_outcome outcome;
    struct http_answer answer = {.status = statuses[fuzz_byte(input) % 8], .retry_after_ms = -1};
    bytes_append(&answer.body, input->at, input->left);
    sms_outcome_read(&outcome, gateway(), &answer, &(struct bytes){0});
    check_line(outcome.message_id, sizeof outcome.message_id);
    check_line(outcome.error, sizeof outcome.error);
    FUZZ_CHECK((outcome.kind == SMS_SENT) == !*outcome.error);
    http_answer_fini(&answer);
}

static void rule(struct fuzz_input *input)
{
    struct sms_rule rule = {0};
    const long status = 100 + fuzz_byte(input) * 2;
    char *statuses = fuzz_text(input), *pointer = fuzz_text(input), *value = fuzz_text(input);
    const struct pair pairs[] = {{NULL, "rule", NULL},
                                 {"rule", "status", statuses},
                                 {"rule", "pointer", pointer},
                                 {"rule", "equals", value},
                                 {0}};
    ferry_settings *settings = settings_of(pairs);
    sms_rule_read(&rule, settings, "rule", NULL);
    json_t *body = json_loadb((const char *)input->at, input->left, JSON_DECODE_ANY, NULL);
    if (settings_problem_count(settings) == 0 && sms_rule_matches_all(&rule, status, body))
        FUZZ_CHECK(sms_rule_matches_any(&rule, status, body));
    json_decref(body);
    settings_free(settings);
    free(value);
    free(pointer);
    free(statuses);
}

static void pointer(struct fuzz_input *input)
{
    char *pointer = fuzz_text(input);
    json_t *document = json_loadb((const char *)input->at, input->left, JSON_DECODE_ANY, NULL);
    struct bytes out = {0};
    if (json_pointer_is_valid(pointer)) {
        json_t *found = document ? json_pointer_get(document, pointer) : NULL;
        FUZZ_CHECK(*pointer || found == document);
        bytes_append_json_value(&out, found);
    }
    bytes_fini(&out);
    json_decref(document);
    free(pointer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct fuzz_input *) = {request, answer, rule, pointer};
    struct fuzz_input input = {.at = data, .left = size};
    readers[fuzz_byte(&input) % (sizeof readers / sizeof *readers)](&input);
    return 0;
}
