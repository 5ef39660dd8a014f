/*
 * Reading a gateway's description. The main thread, or that of a reload; afterwards it is only
 * looked at, by any thread.
 */
#include "sms_gateway.h"

#include <stdlib.h>
#include <string.h>

#include "http_request.h"
#include "json_pointer.h"
#include "sms_template.h"

enum {
    DEFAULT_TIMEOUT_MS = 30000,
    DEFAULT_PAUSE_MS = 60000,
    ANSWER_MAX = 64 << 10,
    SECRETS_MAX = 64 << 10,
    TEXT_MAX = 100000,
};

static const char default_numbers[] = "\\+[1-9][0-9]{6,14}"; /* E.164 */

/* ---- templates ---- */

void sms_gateway_check_template(const struct sms_gateway *gateway, ferry_settings *settings,
                                const char *key, const char *text)
{
    struct sms_values values = {.secrets = &gateway->secrets, .masks_secrets = gateway->is_dry_run};
    ferry_error error;
    if (text && sms_template_check(text, &values, &error) < 0)
        ferry_settings_fail(settings, key, "%s: %s", key, error.message);
}

struct pairs_reader {
    struct sms_gateway *gateway;
    ferry_settings *settings;
    struct sms_pairs *pairs;
    bool no_memory;
};

static void read_pair(void *arg, const ferry_setting *setting)
{
    struct pairs_reader *reader = arg;
    struct sms_pairs *pairs = reader->pairs;
    if (setting->kind != FERRY_SETTING_VALUE) {
        ferry_settings_fail(reader->settings, setting->key, "%s: must be a single value",
                            setting->key);
        return;
    }
    struct sms_pair *list = realloc(pairs->list, (pairs->count + 1) * sizeof *list);
    if (!list) {
        reader->no_memory = true;
        return;
    }
    pairs->list = list;
    list[pairs->count++] = (struct sms_pair){.name = setting->name, .text = setting->values[0]};
    sms_gateway_check_template(reader->gateway, reader->settings, setting->key, setting->values[0]);
}

/* Returns false without memory. */
static bool read_pairs(struct sms_gateway *gateway, ferry_settings *settings, const char *key,
                       struct sms_pairs *pairs)
{
    struct pairs_reader reader = {.gateway = gateway, .settings = settings, .pairs = pairs};
    pairs->is_given = ferry_settings_each(settings, key, read_pair, &reader);
    return !reader.no_memory;
}

static void check_headers(const struct sms_gateway *gateway, ferry_settings *settings)
{
    struct http_request trial = {0};
    ferry_error error;
    for (size_t i = 0; i < gateway->headers.count; i++) {
        const struct sms_pair *header = &gateway->headers.list[i];
        if (http_request_add_header(&trial, header->name, header->text, &error) < 0)
            ferry_settings_fail(settings, "headers", "headers: %s", error.message);
    }
    http_request_fini(&trial);
}

/* ---- JSON ---- */

struct json_reader {
    struct sms_gateway *gateway;
    ferry_settings *settings;
    json_t *object;
    bool no_memory;
};

static json_t *read_json_map(struct sms_gateway *gateway, ferry_settings *settings, const char *key,
                             bool *no_memory);

static json_t *read_json_list(struct json_reader *reader, const ferry_setting *setting)
{
    json_t *list = json_array();
    for (const char *const *value = setting->values; *value; value++) {
        sms_gateway_check_template(reader->gateway, reader->settings, setting->key, *value);
        if (json_array_append_new(list, json_string(*value)) < 0)
            reader->no_memory = true;
    }
    return list;
}

static void read_json_entry(void *arg, const ferry_setting *setting)
{
    struct json_reader *reader = arg;
    json_t *value = NULL;
    switch (setting->kind) {
    case FERRY_SETTING_VALUE:
        sms_gateway_check_template(reader->gateway, reader->settings, setting->key,
                                   setting->values[0]);
        value = json_string(setting->values[0]);
        break;
    case FERRY_SETTING_LIST:
        value = read_json_list(reader, setting);
        break;
    case FERRY_SETTING_MAP:
        value = read_json_map(reader->gateway, reader->settings, setting->key, &reader->no_memory);
        break;
    }
    if (json_object_set_new(reader->object, setting->name, value) < 0)
        reader->no_memory = true;
}

/* Read a map of the settings as a JSON object of strings; the config's depth is bounded. NULL if
 * there is none. */
static json_t *read_json_map(struct sms_gateway *gateway, ferry_settings *settings, const char *key,
                             bool *no_memory)
{
    struct json_reader reader = {.gateway = gateway, .settings = settings, .object = json_object()};
    bool is_given = ferry_settings_each(settings, key, read_json_entry, &reader);
    *no_memory |= reader.no_memory || !reader.object;
    if (is_given)
        return reader.object;
    json_decref(reader.object);
    return NULL;
}

/* The same from a text, where a value need not be a string: its templates are in there as well. */
static json_t *read_json_text(const struct sms_gateway *gateway, ferry_settings *settings)
{
    json_error_t problem;
    const char *text = ferry_settings_string(settings, "json_text", NULL);
    json_t *document = text ? json_loads(text, JSON_REJECT_DUPLICATES, &problem) : NULL;
    if (text && !document)
        ferry_settings_fail(settings, "json_text", "json_text: not JSON: line %d: %s", problem.line,
                            problem.text);
    sms_gateway_check_template(gateway, settings, "json_text", text);
    return document;
}

/* Returns false without memory. */
static bool read_body(struct sms_gateway *gateway, ferry_settings *settings)
{
    bool no_memory = !read_pairs(gateway, settings, "form", &gateway->form);
    gateway->json = read_json_map(gateway, settings, "json", &no_memory);
    json_t *text = read_json_text(gateway, settings);
    if ((gateway->json != NULL) + (text != NULL) + gateway->form.is_given > 1)
        ferry_settings_fail(settings, gateway->json ? "json" : "json_text",
                            "a request has one body: form, json or json_text");
    if (gateway->json)
        json_decref(text);
    else
        gateway->json = text;
    return !no_memory;
}

/* ---- the rest ---- */

static void read_secrets(struct sms_gateway *gateway, ferry_settings *settings)
{
    const char *path = ferry_settings_string(settings, "secrets_file", NULL);
    struct bytes text = {0};
    ferry_error error;
    if (!path || gateway->is_dry_run) /* which does without */
        return;
    int rc = bytes_read_secret(&text, path, SECRETS_MAX, &error);
    if (rc < 0)
        ferry_settings_fail(settings, "secrets_file", "%s", error.message);
    else if (sms_secrets_parse(&gateway->secrets, bytes_text(&text), &error) < 0)
        ferry_settings_fail(settings, "secrets_file", "%s: %s", path, error.message);
    bytes_fini(&text);
}

static void check_url(const struct sms_gateway *gateway, ferry_settings *settings)
{
    bool is_signed = gateway->auth.kind == SMS_AUTH_HMAC || gateway->auth.kind == SMS_AUTH_SIGV4;
    const char *url = gateway->url ? gateway->url : "", *host = strstr(url, "://");
    if (!gateway->url)
        ferry_settings_fail(settings, "url", "url is missing: the gateway's address");
    else if (!host || (strncmp(url, "https:", 6) != 0 && strncmp(url, "http:", 5) != 0))
        ferry_settings_fail(settings, "url", "url: http://HOST/PATH or https://HOST/PATH");
    else if (memchr(host + 3, '{', strcspn(host + 3, "/?")))
        ferry_settings_fail(settings, "url", "url: a template belongs behind the host");
    else if (is_signed && strchr(url, '?'))
        ferry_settings_fail(settings, "url",
                            "url: what follows the ? is signed as well, and belongs to \"query\"");
    else
        sms_gateway_check_template(gateway, settings, "url", gateway->url);
}

static void read_method(struct sms_gateway *gateway, ferry_settings *settings)
{
    bool has_body = gateway->form.is_given || gateway->json;
    gateway->method = ferry_settings_string(settings, "method", has_body ? "POST" : "GET");
    if (!http_is_token(gateway->method))
        ferry_settings_fail(settings, "method", "method: GET, POST or another word");
    else if (has_body && !http_method_has_body(gateway->method))
        ferry_settings_fail(settings, "method",
                            "method: %s has no body: form, json and json_text "
                            "need POST, PUT or PATCH",
                            gateway->method);
}

static const char *read_pointer(ferry_settings *settings, const char *key)
{
    const char *pointer = ferry_settings_string(settings, key, NULL);
    if (pointer && !json_pointer_is_valid(pointer))
        ferry_settings_fail(settings, key, "%s: a JSON pointer: /code, /data/0/id", key);
    return pointer;
}

static void read_verdict(struct sms_gateway *gateway, ferry_settings *settings)
{
    static const char *const good[] = {"200-299", NULL}, *const closed[] = {"401", "403", NULL};
    sms_rule_read(&gateway->success, settings, "success", good);
    sms_rule_read(&gateway->permanent, settings, "permanent", NULL);
    sms_rule_read(&gateway->transient, settings, "transient", NULL);
    sms_rule_read(&gateway->pause, settings, "pause", NULL);
    if (!gateway->pause.status && !gateway->pause.pointer)
        gateway->pause.status = closed;
    gateway->pause_ms = ferry_settings_duration_ms(settings, "pause.for", DEFAULT_PAUSE_MS);
    gateway->message_id = read_pointer(settings, "message_id");
    gateway->error_message = read_pointer(settings, "error_message");
}

static void read_limits(struct sms_gateway *gateway, ferry_settings *settings)
{
    gateway->max_length = ferry_settings_int(settings, "max_length", 0, 1, TEXT_MAX);
    const char *numbers = ferry_settings_string(settings, "numbers", default_numbers);
    char message[100];
    int rc = regcomp(&gateway->numbers, numbers, REG_EXTENDED);
    gateway->has_numbers = rc == 0;
    if (rc != 0) {
        regerror(rc, &gateway->numbers, message, sizeof message);
        ferry_settings_fail(settings, "numbers", "numbers: not a regular expression: %s", message);
    }
}

struct sms_gateway *sms_gateway_read(ferry_settings *settings, ferry_error *error)
{
    struct sms_gateway *gateway = calloc(1, sizeof *gateway);
    if (!gateway) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    gateway->is_dry_run = ferry_settings_bool(settings, "dry_run", false);
    gateway->url = ferry_settings_string(settings, "url", NULL);
    gateway->http.body_limit = ANSWER_MAX;
    gateway->http.cuts_body = true;
    int rc = http_options_read(&gateway->http, DEFAULT_TIMEOUT_MS, settings, error);
    read_secrets(gateway, settings);
    bool has_memory = read_pairs(gateway, settings, "query", &gateway->query) &&
                      read_pairs(gateway, settings, "headers", &gateway->headers) &&
                      read_body(gateway, settings);
    if (!has_memory)
        rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    check_headers(gateway, settings);
    read_method(gateway, settings);
    sms_auth_read(gateway, settings);
    check_url(gateway, settings);
    read_verdict(gateway, settings);
    read_limits(gateway, settings);
    if (rc == 0)
        return gateway;
    sms_gateway_free(gateway);
    return NULL;
}

void sms_gateway_free(struct sms_gateway *gateway)
{
    if (gateway->has_numbers)
        regfree(&gateway->numbers);
    json_decref(gateway->json);
    sms_secrets_fini(&gateway->secrets);
    free(gateway->query.list);
    free(gateway->form.list);
    free(gateway->headers.list);
    free(gateway);
}
