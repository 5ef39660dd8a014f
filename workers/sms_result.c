/* Results. Each belongs to one call, and so to one thread. */
#include "sms_result.h"

#include <stdlib.h>
#include <string.h>

int sms_result_load(struct sms_result *result, const ferry_call *call,
                    const struct sms_request *request, ferry_error *error)
{
    size_t length;
    const char *memory = ferry_call_remembered(call, &length);
    json_t *numbers = memory ? json_loadb(memory, length, 0, NULL) : NULL;
    if (memory && !json_is_object(numbers)) {
        json_decref(numbers); /* another kind of worker left it, before the config was changed */
        numbers = NULL;
    }
    *result = (struct sms_result){.numbers = numbers ? numbers : json_object(), .request = request};
    return result->numbers ? 0 : ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

void sms_result_fini(struct sms_result *result)
{
    json_decref(result->numbers);
    *result = (struct sms_result){0};
}

bool sms_result_has(const struct sms_result *result, const char *number)
{
    return json_object_get(result->numbers, number) != NULL;
}

int sms_result_add(struct sms_result *result, const char *number, const struct sms_outcome *outcome)
{
    bool is_sent = outcome->kind == SMS_SENT;
    const char *id = *outcome->message_id ? outcome->message_id : NULL;
    json_t *end = is_sent ? json_pack("{s:s?}", "message_id", id)
                          : json_pack("{s:s}", "error", outcome->error);
    return json_object_set_new(result->numbers, number, end) < 0 ? FERRY_INTERNAL : 0;
}

int sms_result_remember(const struct sms_result *result, ferry_call *call, ferry_error *error)
{
    char *text = json_dumps(result->numbers, JSON_COMPACT);
    int rc = text ? ferry_call_remember(call, text, strlen(text)) : FERRY_INTERNAL;
    free(text);
    return rc < 0 ? ferry_error_set(error, FERRY_INTERNAL, "no memory for what has been sent") : 0;
}

/* ---- the answer ---- */

static int reply_document(ferry_call *call, json_t *document)
{
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
    int rc = text ? ferry_call_reply(call, 200, "application/json", text, strlen(text))
                  : ferry_call_fail(call, FERRY_INTERNAL, "no memory for the answer");
    free(text);
    json_decref(document);
    return rc;
}

/* One number's end, with the number. NULL without memory. */
static json_t *entry_of(const struct sms_result *result, const char *number)
{
    json_t *entry = json_pack("{s:s}", "to", number);
    if (json_object_update(entry, json_object_get(result->numbers, number)) == 0)
        return entry;
    json_decref(entry);
    return NULL;
}

static const char *error_of(const struct sms_result *result, const char *number)
{
    return json_string_value(json_object_get(json_object_get(result->numbers, number), "error"));
}

static int reply_list(const struct sms_result *result, ferry_call *call, size_t refused)
{
    size_t count = result->request->count;
    json_t *list = json_array();
    bool complete = list != NULL;
    for (size_t i = 0; complete && i < count; i++)
        complete = json_array_append_new(list, entry_of(result, result->request->numbers[i])) == 0;
    if (!complete) {
        json_decref(list);
        return reply_document(call, NULL);
    }
    return reply_document(call, json_pack("{s:I, s:I, s:o}", "sent", (json_int_t)(count - refused),
                                          "refused", (json_int_t)refused, "results", list));
}

int sms_result_reply(const struct sms_result *result, ferry_call *call)
{
    const struct sms_request *request = result->request;
    const char *why = NULL;
    size_t refused = 0;
    for (size_t i = 0; i < request->count; i++) {
        const char *error = error_of(result, request->numbers[i]);
        refused += error != NULL;
        if (error && !why)
            why = error;
    }
    if (refused == request->count)
        return ferry_call_fail(call, FERRY_UNPROCESSABLE, "the gateway refused it: %s", why);
    if (request->is_list)
        return reply_list(result, call, refused);
    return reply_document(call, entry_of(result, request->numbers[0]));
}

/* ---- a dry run ---- */

void sms_result_append_rehearsal(struct bytes *out, const char *number,
                                 const struct http_request *request, bool has_predecessor)
{
    const char *url = request->url->text, *header = NULL;
    bytes_printf(out, "%s{\"to\":", has_predecessor ? "," : "");
    bytes_append_json(out, number, strlen(number));
    bytes_printf(out, ",\"method\":\"%s\",\"url\":", request->method);
    bytes_append_json(out, url, strlen(url));
    bytes_append_text(out, ",\"headers\":[");
    for (bool first = true; (header = http_request_next_header(request, header)); first = false) {
        bytes_append_text(out, first ? "" : ",");
        bytes_append_json(out, header, strlen(header));
    }
    bytes_append_text(out, "],\"body\":");
    if (request->body)
        bytes_append_json(out, request->body, request->body_length);
    else
        bytes_append_text(out, "null");
    bytes_append_char(out, '}');
}
