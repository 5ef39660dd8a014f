/*
 * How a request shows who sends it: a header, or a signature over its query and form. Any thread;
 * nothing is shared.
 *
 * In a dry run the secrets are masked, and a signature made of masks says nothing: it is masked,
 * too.
 */
#include <stdlib.h>
#include <string.h>

#include "sms_message.h"

static const char mask[] = "SECRET";

/* ---- settings ---- */

static const char *read_required(ferry_settings *settings, const char *key)
{
    const char *text = ferry_settings_string(settings, key, NULL);
    if (!text)
        ferry_settings_fail(settings, key, "%s is missing", key);
    return text;
}

/* Return the index of the word that a key says, `words` being NULL-terminated. */
static size_t read_word(ferry_settings *settings, const char *key, const char *const *words,
                        const char *known)
{
    const char *text = ferry_settings_string(settings, key, words[0]);
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
    }
    ferry_settings_fail(settings, key, "%s: %s", key, known);
    return 0;
}

static void read_hmac(struct sms_auth *auth, ferry_settings *settings)
{
    static const char *const hashes[] = {"sha256", "sha1", NULL};
    static const char *const encodings[] = {"base64", "hex", NULL};
    auth->key = read_required(settings, "auth.key");
    auth->hash = read_word(settings, "auth.hash", hashes, "sha256 or sha1") ? HMAC_HASH_SHA1
                                                                            : HMAC_HASH_SHA256;
    auth->is_hex = read_word(settings, "auth.encoding", encodings, "base64 or hex") == 1;
    auth->parameter = ferry_settings_string(settings, "auth.parameter", "Signature");
    auth->string =
        ferry_settings_string(settings, "auth.string", "{{method}}&%2F&{{escaped_params}}");
}

static void read_sigv4(struct sms_auth *auth, ferry_settings *settings)
{
    auth->username = read_required(settings, "auth.key_id");
    auth->key = read_required(settings, "auth.key");
    auth->scope = read_required(settings, "auth.scope");
    size_t colons = 0;
    for (const char *at = auth->scope ? auth->scope : ""; *at; at++)
        colons += *at == ':';
    if (auth->scope && colons != 3)
        ferry_settings_fail(settings, "auth.scope", "auth.scope: aws:amz:REGION:SERVICE");
}

static void check_templates(const struct sms_gateway *gateway, ferry_settings *settings)
{
    const struct sms_auth *auth = &gateway->auth;
    bool is_sigv4 = auth->kind == SMS_AUTH_SIGV4;
    sms_gateway_check_template(gateway, settings, is_sigv4 ? "auth.key_id" : "auth.username",
                               auth->username);
    sms_gateway_check_template(gateway, settings, "auth.password", auth->password);
    sms_gateway_check_template(gateway, settings, "auth.token", auth->token);
    sms_gateway_check_template(gateway, settings, "auth.key", auth->key);
    sms_gateway_check_template(gateway, settings, "auth.string", auth->string);
}

void sms_auth_read(struct sms_gateway *gateway, ferry_settings *settings)
{
    static const char *const kinds[] = {"none", "basic", "bearer", "hmac", "aws_sigv4", NULL};
    struct sms_auth *auth = &gateway->auth;
    auth->kind = (enum sms_auth_kind)read_word(settings, "auth.type", kinds,
                                               "none, basic, bearer, hmac or aws_sigv4");
    switch (auth->kind) {
    case SMS_AUTH_NONE:
        return;
    case SMS_AUTH_BASIC:
        auth->username = read_required(settings, "auth.username");
        auth->password = read_required(settings, "auth.password");
        break;
    case SMS_AUTH_BEARER:
        auth->token = read_required(settings, "auth.token");
        break;
    case SMS_AUTH_HMAC:
        read_hmac(auth, settings);
        break;
    case SMS_AUTH_SIGV4:
        read_sigv4(auth, settings);
        break;
    }
    check_templates(gateway, settings);
}

/* ---- a signature over the parameters ---- */

/* Append all parameters, sorted and escaped; the lists stay in their order. */
static int append_params(const struct sms_fields *query, const struct sms_fields *form,
                         struct bytes *out, ferry_error *error)
{
    struct sms_fields all = {.list = calloc(query->count + form->count + 1, sizeof *all.list)};
    if (!all.list)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    for (size_t i = 0; i < query->count; i++)
        all.list[all.count++] = query->list[i];
    for (size_t i = 0; i < form->count; i++)
        all.list[all.count++] = form->list[i];
    sms_fields_sort(&all);
    sms_fields_append(&all, out);
    free(all.list); /* what is in it was lent */
    return out->failed ? ferry_error_set(error, FERRY_INTERNAL, "no memory") : 0;
}

static int append_signature(const struct sms_auth *auth, const struct bytes *key,
                            const struct bytes *string, struct bytes *out, ferry_error *error)
{
    unsigned char signature[HMAC_SIZE_MAX];
    size_t size = hmac_sign(auth->hash, bytes_text(key), key->length, bytes_text(string),
                            string->length, signature);
    if (auth->is_hex)
        bytes_append_hex(out, signature, size);
    else
        bytes_append_base64(out, signature, size);
    if (size == 0 || out->failed)
        return ferry_error_set(error, FERRY_INTERNAL, "cannot sign");
    return 0;
}

/* Sign: the key and the string are templates, which see the parameters as values. */
static int sign(const struct sms_gateway *gateway, const struct sms_values *values,
                const struct bytes *params, struct bytes *out, ferry_error *error)
{
    struct bytes escaped = {0}, key = {0}, string = {0};
    bytes_append_escaped(&escaped, bytes_text(params), params->length);
    const struct sms_value own[] = {{"method", gateway->method},
                                    {"params", bytes_text(params)},
                                    {"escaped_params", bytes_text(&escaped)},
                                    {0}};
    struct sms_values of_string = *values;
    of_string.own = own;
    int rc = sms_template_render(gateway->auth.key, values, SMS_ESCAPE_NONE, &key, error);
    if (rc == 0)
        rc = sms_template_render(gateway->auth.string, &of_string, SMS_ESCAPE_NONE, &string, error);
    if (rc == 0 && escaped.failed)
        rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    if (rc == 0)
        rc = append_signature(&gateway->auth, &key, &string, out, error);
    bytes_fini(&escaped);
    bytes_fini(&key);
    bytes_fini(&string);
    return rc;
}

int sms_auth_sign(const struct sms_gateway *gateway, const struct sms_values *values,
                  struct sms_fields *query, struct sms_fields *form, ferry_error *error)
{
    if (gateway->auth.kind == SMS_AUTH_SIGV4)
        sms_fields_sort(query); /* libcurl signs it as it stands, the receiver sorts */
    if (gateway->auth.kind != SMS_AUTH_HMAC)
        return 0;
    struct bytes params = {0}, signature = {0};
    int rc = append_params(query, form, &params, error);
    if (rc == 0 && values->masks_secrets)
        bytes_append_text(&signature, mask);
    else if (rc == 0)
        rc = sign(gateway, values, &params, &signature, error);
    struct bytes *place =
        rc == 0 ? sms_fields_add(gateway->form.is_given ? form : query, gateway->auth.parameter)
                : NULL;
    if (place)
        bytes_append(place, signature.data, signature.length);
    else if (rc == 0)
        rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    bytes_fini(&params);
    bytes_fini(&signature);
    return rc;
}

/* ---- headers ---- */

static int basic_value(const struct sms_auth *auth, const struct sms_values *values,
                       struct bytes *out, ferry_error *error)
{
    struct bytes pair = {0};
    int rc = sms_template_render(auth->username, values, SMS_ESCAPE_NONE, &pair, error);
    if (rc == 0 && strchr(bytes_text(&pair), ':'))
        rc = ferry_error_set(error, FERRY_INVALID, "auth.username: has a colon");
    bytes_append_char(&pair, ':');
    if (rc == 0)
        rc = sms_template_render(auth->password, values, SMS_ESCAPE_NONE, &pair, error);
    bytes_append_text(out, "Basic ");
    if (values->masks_secrets)
        bytes_append_text(out, mask);
    else
        bytes_append_base64(out, pair.data, pair.length);
    bytes_fini(&pair);
    return rc;
}

static int bearer_value(const struct sms_auth *auth, const struct sms_values *values,
                        struct bytes *out, ferry_error *error)
{
    bytes_append_text(out, "Bearer ");
    return sms_template_render(auth->token, values, SMS_ESCAPE_NONE, out, error);
}

static int add_sigv4(const struct sms_auth *auth, const struct sms_values *values,
                     struct sms_message *message, ferry_error *error)
{
    int rc =
        sms_template_render(auth->username, values, SMS_ESCAPE_NONE, &message->username, error);
    if (rc == 0)
        rc = sms_template_render(auth->key, values, SMS_ESCAPE_NONE, &message->password, error);
    message->request.sigv4 = auth->scope;
    message->request.username = bytes_text(&message->username);
    message->request.password = bytes_text(&message->password);
    return rc;
}

int sms_auth_add(const struct sms_gateway *gateway, const struct sms_values *values,
                 struct sms_message *message, ferry_error *error)
{
    const struct sms_auth *auth = &gateway->auth;
    struct bytes value = {0};
    int rc = 0;
    if (auth->kind == SMS_AUTH_SIGV4)
        return add_sigv4(auth, values, message, error);
    if (auth->kind == SMS_AUTH_BASIC)
        rc = basic_value(auth, values, &value, error);
    else if (auth->kind == SMS_AUTH_BEARER)
        rc = bearer_value(auth, values, &value, error);
    if (rc == 0 && value.failed)
        rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    if (rc == 0 && value.length > 0)
        rc = http_request_add_header(&message->request, "Authorization", bytes_text(&value), error);
    bytes_fini(&value);
    return rc;
}
