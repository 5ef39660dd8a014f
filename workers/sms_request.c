/* Reading a request, strictly. Any thread; nothing is shared. */
#include "sms_request.h"

#include <string.h>

#include "bytes.h"

enum { NUMBER_MAX = 32 };

/* The expression must match all of it. */
static bool is_number(const struct sms_gateway *gateway, const char *text)
{
    regmatch_t match;
    return strlen(text) <= NUMBER_MAX && regexec(&gateway->numbers, text, 1, &match, 0) == 0 &&
           match.rm_so == 0 && text[match.rm_eo] == '\0';
}

static int read_number(struct sms_request *request, const struct sms_gateway *gateway,
                       const json_t *value, ferry_error *error)
{
    const char *number = json_string_value(value);
    if (!number)
        return ferry_error_set(error, FERRY_INVALID, "to: must be a number in quotes, or a list");
    if (!is_number(gateway, number))
        return ferry_error_set(error, FERRY_INVALID,
                               "to: \"%.40s\" is not a number that this gateway takes%s", number,
                               *number == '+' ? "" : "; the usual form is +4915112345678");
    for (size_t i = 0; i < request->count; i++) {
        if (strcmp(request->numbers[i], number) == 0)
            return 0;
    }
    if (request->count == SMS_NUMBERS_MAX)
        return ferry_error_set(error, FERRY_INVALID, "to: more than %d numbers",
                               (int)SMS_NUMBERS_MAX);
    request->numbers[request->count++] = number;
    return 0;
}

static int read_numbers(struct sms_request *request, const struct sms_gateway *gateway,
                        ferry_error *error)
{
    json_t *to = json_object_get(request->json, "to");
    request->is_list = json_is_array(to);
    if (!to || (request->is_list && json_array_size(to) == 0))
        return ferry_error_set(error, FERRY_INVALID, "to: missing: whom is it for?");
    int rc = request->is_list ? 0 : read_number(request, gateway, to, error);
    for (size_t i = 0; rc == 0 && i < json_array_size(to); i++)
        rc = read_number(request, gateway, json_array_get(to, i), error);
    return rc;
}

static int read_text(struct sms_request *request, const struct sms_gateway *gateway,
                     ferry_error *error)
{
    const json_t *text = json_object_get(request->json, "text");
    request->text = json_string_value(text);
    if (!request->text)
        return ferry_error_set(error, FERRY_INVALID, "text: %s",
                               text ? "must be a string" : "missing");
    int64_t characters = 0;
    for (const char *at = request->text; *at; at++)
        characters += ((unsigned char)*at & 0xC0) != 0x80; /* it is UTF-8 */
    if (gateway->max_length > 0 && characters > gateway->max_length)
        return ferry_error_set(error, FERRY_INVALID, "text: %lld characters, at most %lld",
                               (long long)characters, (long long)gateway->max_length);
    return 0;
}

int sms_request_parse(struct sms_request *request, const struct sms_gateway *gateway,
                      const char *body, size_t length, ferry_error *error)
{
    json_error_t problem;
    *request = (struct sms_request){0};
    if (length == 0)
        return ferry_error_set(error, FERRY_INVALID,
                               "there is no body: send a JSON object, such as {\"to\": \"...\", "
                               "\"text\": \"...\"}");
    request->json = json_loadb(body, length, JSON_REJECT_DUPLICATES, &problem);
    if (!request->json)
        return ferry_error_set(error, FERRY_INVALID, "the body is not JSON: line %d: %s",
                               problem.line, problem.text);
    if (!json_is_object(request->json))
        return ferry_error_set(error, FERRY_INVALID, "the body must be a JSON object");
    int rc = read_numbers(request, gateway, error);
    return rc < 0 ? rc : read_text(request, gateway, error);
}

void sms_request_fini(struct sms_request *request)
{
    json_decref(request->json);
    *request = (struct sms_request){0};
}
