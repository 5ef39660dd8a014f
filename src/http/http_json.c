/*
 * JSON over HTTP, as jansson's values. Loop thread.
 */
#include <ferry/http_json.h>

#include <string.h>

static json_t *parse(const void *text, size_t length, ferry_code code, ferry_error *error)
{
    json_error_t reason;
    json_t *value = json_loadb(text, length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &reason);
    if (!value)
        ferry_error_set(error, code, "not JSON: line %d, column %d: %s", reason.line, reason.column,
                        reason.text);
    else if (error)
        *error = (ferry_error){0};
    return value;
}

json_t *ferry_request_json(ferry_request *request, ferry_error *error)
{
    size_t length;
    const void *body = ferry_request_body(request, &length);
    return parse(body, length, FERRY_INVALID, error);
}

json_t *ferry_response_json(const ferry_response *response, ferry_error *error)
{
    size_t length;
    const void *body = ferry_response_body(response, &length);
    return parse(body, length, FERRY_TRANSIENT, error);
}

void ferry_request_reply_json_value(ferry_request *request, int status, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (text) {
        ferry_request_reply_owned(request, status, "application/json", text, strlen(text));
        return;
    }
    ferry_error error;
    ferry_error_set(&error, FERRY_INTERNAL, "the reply could not be made");
    ferry_request_reply_error(request, &error);
}
