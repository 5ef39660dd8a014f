/*
 * Templates: read each time that they are used; they are a line or two. Any thread; nothing is
 * shared.
 */
#include "sms_template.h"

#include <stdlib.h>
#include <string.h>

#include "http_url.h"
#include "json_pointer.h"

/* What stands between the braces. */
struct placeholder {
    const char *name;
    size_t length;
    bool is_secret;
    bool is_json;
};

static bool take_prefix(struct placeholder *placeholder, const char *prefix)
{
    size_t length = strlen(prefix);
    if (placeholder->length <= length || strncmp(placeholder->name, prefix, length) != 0)
        return false;
    placeholder->name += length;
    placeholder->length -= length;
    return true;
}

/* Read a placeholder at "{{", and move behind it. */
static int placeholder_read(struct placeholder *placeholder, const char **at, ferry_error *error)
{
    const char *name = *at + 2, *end = strstr(name, "}}");
    if (!end)
        return ferry_error_set(error, FERRY_INVALID, "a {{ without its }}");
    *placeholder = (struct placeholder){.name = name, .length = (size_t)(end - name)};
    *at = end + 2;
    placeholder->is_json = take_prefix(placeholder, "json:");
    placeholder->is_secret = take_prefix(placeholder, "secret:");
    size_t allowed =
        strspn(placeholder->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_-.");
    if (placeholder->length == 0 || allowed < placeholder->length)
        return ferry_error_set(error, FERRY_INVALID,
                               "{{%.*s}}: a name of letters, digits, \"_\", \"-\" and \".\"",
                               (int)(end - name < 60 ? end - name : 60), name);
    return 0;
}

/* ---- values ---- */

static int append_secret(const char *name, const struct sms_values *values, struct bytes *out,
                         ferry_error *error)
{
    const char *secret = values->masks_secrets ? "SECRET" : sms_secrets_find(values->secrets, name);
    if (!secret)
        return ferry_error_set(
            error, FERRY_INVALID,
            "there is no secret \"%.60s\": a line of secrets_file, or a variable "
            "of the environment",
            name);
    bytes_append_text(out, secret);
    if (values->told && !values->masks_secrets)
        bytes_append(values->told, secret, strlen(secret) + 1);
    return 0;
}

static int append_value(const char *name, const struct sms_values *values, struct bytes *out,
                        ferry_error *error)
{
    for (const struct sms_value *own = values->own; own && own->name; own++) {
        if (strcmp(own->name, name) == 0) {
            bytes_append_text(out, own->text);
            return 0;
        }
    }
    const json_t *value = json_object_get(values->request, name);
    if (!value || json_is_null(value))
        return ferry_error_set(error, FERRY_INVALID, "%.60s: missing, this gateway needs it", name);
    if (json_is_object(value) || json_is_array(value))
        return ferry_error_set(error, FERRY_INVALID, "%.60s: must be a single value", name);
    bytes_append_json_value(out, value);
    return 0;
}

/* Take a JSON string's quotes away: what is within. */
static void append_json_inside(struct bytes *out, const struct bytes *value)
{
    struct bytes quoted = {0};
    bytes_append_json(&quoted, bytes_text(value), value->length);
    if (quoted.length >= 2)
        bytes_append(out, quoted.data + 1, quoted.length - 2);
    out->failed |= quoted.failed;
    bytes_fini(&quoted);
}

static int placeholder_append(const struct placeholder *placeholder,
                              const struct sms_values *values, enum sms_escape escape,
                              struct bytes *out, ferry_error *error)
{
    struct bytes value = {0}, inside = {0};
    char *name = text_printf("%.*s", (int)placeholder->length, placeholder->name);
    int rc = !name                    ? ferry_error_set(error, FERRY_INTERNAL, "no memory")
             : placeholder->is_secret ? append_secret(name, values, &value, error)
                                      : append_value(name, values, &value, error);
    const struct bytes *text = &value;
    if (placeholder->is_json) {
        append_json_inside(&inside, &value);
        text = &inside;
    }
    if (escape == SMS_ESCAPE_URL)
        bytes_append_escaped(out, bytes_text(text), text->length);
    else
        bytes_append(out, text->data, text->length);
    out->failed |= value.failed || inside.failed;
    bytes_fini(&value);
    bytes_fini(&inside);
    free(name);
    return rc;
}

/* ---- templates ---- */

static int check_placeholder(const struct placeholder *placeholder, const struct sms_values *values,
                             ferry_error *error)
{
    struct bytes ignored = {0};
    if (!placeholder->is_secret)
        return 0; /* it comes with the request */
    int rc = placeholder_append(placeholder, values, SMS_ESCAPE_NONE, &ignored, error);
    bytes_fini(&ignored);
    return rc;
}

int sms_template_check(const char *text, const struct sms_values *values, ferry_error *error)
{
    int rc = 0;
    while (rc == 0 && (text = strstr(text, "{{"))) {
        struct placeholder placeholder;
        rc = placeholder_read(&placeholder, &text, error);
        if (rc == 0)
            rc = check_placeholder(&placeholder, values, error);
    }
    return rc;
}

int sms_template_render(const char *text, const struct sms_values *values, enum sms_escape escape,
                        struct bytes *out, ferry_error *error)
{
    const char *next;
    while ((next = strstr(text, "{{"))) {
        struct placeholder placeholder;
        bytes_append(out, text, (size_t)(next - text));
        text = next;
        int rc = placeholder_read(&placeholder, &text, error);
        if (rc == 0)
            rc = placeholder_append(&placeholder, values, escape, out, error);
        if (rc < 0)
            return rc;
    }
    bytes_append_text(out, text);
    return out->failed ? ferry_error_set(error, FERRY_INTERNAL, "no memory") : 0;
}
