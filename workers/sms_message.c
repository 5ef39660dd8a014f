/*
 * Making the request: each place has its own rule of escaping, and all of them are here. Any
 * thread; nothing is shared.
 */
#include "sms_message.h"

#include <stdlib.h>
#include <string.h>

/* ---- fields ---- */

struct bytes *sms_fields_add(struct sms_fields *fields, const char *name)
{
    struct sms_field *list = realloc(fields->list, (fields->count + 1) * sizeof *list);
    if (!list)
        return NULL;
    fields->list = list;
    struct sms_field *field = &list[fields->count++];
    *field = (struct sms_field){0};
    bytes_append_text(&field->name, name);
    return &field->value;
}

static void sms_fields_fini(struct sms_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        bytes_fini(&fields->list[i].name);
        bytes_fini(&fields->list[i].value);
    }
    free(fields->list);
    *fields = (struct sms_fields){0};
}

static int compare(const void *a, const void *b)
{
    const struct sms_field *left = a, *right = b;
    int order = strcmp(bytes_text(&left->name), bytes_text(&right->name));
    return order ? order : strcmp(bytes_text(&left->value), bytes_text(&right->value));
}

void sms_fields_sort(struct sms_fields *fields)
{
    if (fields->count > 1)
        qsort(fields->list, fields->count, sizeof *fields->list, compare);
}

void sms_fields_append(const struct sms_fields *fields, struct bytes *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct sms_field *field = &fields->list[i];
        if (i > 0)
            bytes_append_char(out, '&');
        bytes_append_escaped(out, field->name.data, field->name.length);
        bytes_append_char(out, '=');
        bytes_append_escaped(out, field->value.data, field->value.length);
        out->failed |= field->name.failed || field->value.failed;
    }
}

static int render_pairs(const struct sms_pairs *pairs, const struct sms_values *values,
                        struct sms_fields *fields, ferry_error *error)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < pairs->count; i++) {
        struct bytes *value = sms_fields_add(fields, pairs->list[i].name);
        rc = value ? sms_template_render(pairs->list[i].text, values, SMS_ESCAPE_NONE, value, error)
                   : ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    return rc;
}

/* ---- JSON ---- */

static int render_json(json_t *template, const struct sms_values *values, json_t **out,
                       ferry_error *error);

static int render_json_string(const json_t *template, const struct sms_values *values, json_t **out,
                              ferry_error *error)
{
    struct bytes text = {0};
    int rc =
        sms_template_render(json_string_value(template), values, SMS_ESCAPE_NONE, &text, error);
    if (rc == 0)
        *out = json_stringn(bytes_text(&text), text.length);
    if (rc == 0 && !*out)
        rc = ferry_error_set(error, FERRY_INVALID, "a value of the JSON is not UTF-8");
    bytes_fini(&text);
    return rc;
}

static int render_json_object(json_t *template, const struct sms_values *values, json_t *object,
                              ferry_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach(template, key, value)
    {
        json_t *rendered = NULL;
        int rc = render_json(value, values, &rendered, error);
        if (rc == 0 && json_object_set_new(object, key, rendered) < 0)
            rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int render_json_array(json_t *template, const struct sms_values *values, json_t *array,
                             ferry_error *error)
{
    for (size_t i = 0; i < json_array_size(template); i++) {
        json_t *rendered = NULL;
        int rc = render_json(json_array_get(template, i), values, &rendered, error);
        if (rc == 0 && json_array_append_new(array, rendered) < 0)
            rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* `*out` is the caller's, also after a failure. The template is shared with other threads, so what
 * is not rendered is copied: a reference to it would be counted. */
static int render_json(json_t *template, const struct sms_values *values, json_t **out,
                       ferry_error *error)
{
    int rc = 0;
    if (json_is_string(template))
        return render_json_string(template, values, out, error);
    *out = json_is_object(template)  ? json_object()
           : json_is_array(template) ? json_array()
                                     : json_deep_copy(template);
    if (!*out)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    if (json_is_object(template))
        rc = render_json_object(template, values, *out, error);
    else if (json_is_array(template))
        rc = render_json_array(template, values, *out, error);
    if (rc < 0) {
        json_decref(*out);
        *out = NULL;
    }
    return rc;
}

static int build_json(struct sms_message *message, const struct sms_gateway *gateway,
                      const struct sms_values *values, ferry_error *error)
{
    json_t *document = NULL;
    int rc = render_json(gateway->json, values, &document, error);
    char *text = rc == 0 ? json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (rc == 0 && !text)
        rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    if (text)
        bytes_append_text(&message->body, text);
    free(text);
    json_decref(document);
    return rc;
}

/* ---- the request ---- */

static int build_url(struct sms_message *message, const struct sms_gateway *gateway,
                     const struct sms_values *values, const struct sms_fields *query,
                     ferry_error *error)
{
    struct bytes text = {0};
    int rc = sms_template_render(gateway->url, values, SMS_ESCAPE_URL, &text, error);
    if (rc == 0 && query->count > 0) {
        bytes_append_char(&text, strchr(bytes_text(&text), '?') ? '&' : '?');
        sms_fields_append(query, &text);
        if (text.failed)
            rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    if (rc == 0)
        rc = http_url_parse(&message->url, bytes_text(&text), error);
    bytes_fini(&text);
    return rc;
}

static int build_headers(struct sms_message *message, const struct sms_gateway *gateway,
                         const struct sms_values *values, ferry_error *error)
{
    struct http_request *request = &message->request;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < gateway->headers.count; i++) {
        const struct sms_pair *header = &gateway->headers.list[i];
        struct bytes value = {0};
        rc = sms_template_render(header->text, values, SMS_ESCAPE_NONE, &value, error);
        if (rc == 0)
            rc = http_request_add_header(request, header->name, bytes_text(&value), error);
        bytes_fini(&value);
    }
    const char *type = gateway->json ? "application/json" : "application/x-www-form-urlencoded";
    if (rc == 0 && request->body && !http_request_has_header(request, "Content-Type"))
        rc = http_request_add_header(request, "Content-Type", type, error);
    return rc;
}

static int build_body(struct sms_message *message, const struct sms_gateway *gateway,
                      const struct sms_values *values, const struct sms_fields *form,
                      ferry_error *error)
{
    int rc = gateway->json ? build_json(message, gateway, values, error) : 0;
    sms_fields_append(form, &message->body);
    if (rc == 0 && message->body.failed)
        rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    if (gateway->json || gateway->form.is_given || http_method_has_body(gateway->method)) {
        message->request.body = bytes_text(&message->body);
        message->request.body_length = message->body.length;
    }
    return rc;
}

int sms_message_build(struct sms_message *message, const struct sms_gateway *gateway,
                      const struct sms_values *values, ferry_error *error)
{
    struct sms_fields query = {0}, form = {0};
    *message = (struct sms_message){0};
    message->request.method = gateway->method;
    message->request.url = &message->url;
    int rc = render_pairs(&gateway->query, values, &query, error);
    if (rc == 0)
        rc = render_pairs(&gateway->form, values, &form, error);
    if (rc == 0)
        rc = sms_auth_sign(gateway, values, &query, &form, error);
    if (rc == 0)
        rc = build_url(message, gateway, values, &query, error);
    if (rc == 0)
        rc = build_body(message, gateway, values, &form, error);
    if (rc == 0)
        rc = build_headers(message, gateway, values, error);
    if (rc == 0)
        rc = sms_auth_add(gateway, values, message, error);
    sms_fields_fini(&query);
    sms_fields_fini(&form);
    return rc;
}

void sms_message_fini(struct sms_message *message)
{
    http_request_fini(&message->request);
    http_url_fini(&message->url);
    bytes_fini(&message->body);
    bytes_fini(&message->username);
    bytes_fini(&message->password);
    bytes_fini(&message->secrets);
}
