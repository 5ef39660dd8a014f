/* Reading extra header fields, strictly. Any thread; nothing is shared. */
#include "mail_field.h"

#include <string.h>

#include "ascii.h"
#include "mail_header.h"

/* Of a line; RFC 5322 allows 998 characters in one. */
enum { NAME_MAX_CHARS = 60, VALUE_MAX_BYTES = 900 };

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++) {
        if (!ascii_is_alnum(name[i]) && name[i] != '-')
            return false;
    }
    return length > 0 && length <= NAME_MAX_CHARS;
}

/* A name that ends with '-' stands for all that begin so. */
static bool is_reserved(const char *name)
{
    static const char *const reserved[] = {
        "ARC-",         "Authentication-Results",
        "Bcc",          "Cc",
        "Content-",     "Date",
        "Delivered-To", "DKIM-Signature",
        "From",         "Message-ID",
        "MIME-",        "Received",
        "Received-",    "Reply-To",
        "Resent-",      "Return-Path",
        "Sender",       "Subject",
        "To",
    };
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        size_t length = strlen(reserved[i]);
        bool is_prefix = reserved[i][length - 1] == '-';
        if (is_prefix ? ascii_compare_n(name, reserved[i], length) == 0
                      : ascii_compare(name, reserved[i]) == 0)
            return true;
    }
    return false;
}

static int check(const char *name, const json_t *value, ferry_error *error)
{
    if (!is_name(name))
        return ferry_error_set(error, FERRY_INVALID,
                               "headers: a name has at most %d letters, digits and \"-\"",
                               NAME_MAX_CHARS);
    if (is_reserved(name))
        return ferry_error_set(error, FERRY_INVALID,
                               "headers: %s cannot be set here; it is ferry's or the relay's to "
                               "write (see reply_to, to, cc, bcc, subject)",
                               name);
    if (!json_is_string(value) || !mail_header_is_clean(json_string_value(value)))
        return ferry_error_set(error, FERRY_INVALID,
                               "headers: %s: must be a string without line breaks and control "
                               "characters",
                               name);
    if (json_string_length(value) > VALUE_MAX_BYTES)
        return ferry_error_set(error, FERRY_INVALID, "headers: %s: more than %d bytes", name,
                               VALUE_MAX_BYTES);
    return 0;
}

int mail_fields_parse(struct mail_field *fields, size_t *count, const json_t *object,
                      ferry_error *error)
{
    const char *name;
    json_t *value;
    *count = 0;
    if (!json_is_object(object))
        return ferry_error_set(error, FERRY_INVALID, "headers: must be an object of strings");
    if (json_object_size(object) > MAIL_FIELDS_MAX)
        return ferry_error_set(error, FERRY_INVALID, "more than %d headers", (int)MAIL_FIELDS_MAX);
    json_object_foreach((json_t *)object, name, value)
    {
        int rc = check(name, value, error);
        if (rc < 0)
            return rc;
        fields[(*count)++] = (struct mail_field){.name = name, .value = json_string_value(value)};
    }
    return 0;
}
