/*
 * Reading and writing attachments. The content is never decoded: it comes as base64 and leaves as
 * base64, in lines. Any thread; nothing is shared.
 */
#include "mail_attachment.h"

#include <string.h>

#include "ascii.h"
#include "mail_header.h"

enum { FILENAME_MAX_BYTES = 255, TYPE_MAX_CHARS = 74, ID_MAX_CHARS = 64, LINE_MAX_CHARS = 76 };

/* ---- checks ---- */

static bool is_of(const char *text, size_t length, const char *allowed)
{
    for (size_t i = 0; i < length; i++) {
        if (!ascii_is_alnum(text[i]) && !strchr(allowed, text[i]))
            return false;
    }
    return length > 0;
}

/* "type/subtype". A message or a multipart must not be base64. */
static bool is_content_type(const char *type)
{
    const char *slash = strchr(type, '/');
    return slash && strlen(type) <= TYPE_MAX_CHARS && is_of(type, (size_t)(slash - type), "-+._") &&
           is_of(slash + 1, strlen(slash + 1), "-+._") &&
           ascii_compare_n(type, "multipart/", 10) != 0 &&
           ascii_compare_n(type, "message/", 8) != 0;
}

static bool is_content_id(const char *id)
{
    size_t length = strlen(id);
    return length <= ID_MAX_CHARS && is_of(id, length, "-+._@");
}

static bool is_filename(const char *name)
{
    return *name && strlen(name) <= FILENAME_MAX_BYTES && !strpbrk(name, "/\\") &&
           mail_header_is_clean(name);
}

/* Whole groups of four, padded; what its bits say beyond the last byte does not matter. */
static bool is_base64(const char *text, size_t length)
{
    size_t padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    return length % 4 == 0 && (length == 0 || is_of(text, length - padding, "+/"));
}

/* ---- reading ---- */

static int check_keys(const json_t *value, size_t index, ferry_error *error)
{
    static const char *const known[] = {"filename", "content_type", "content", "content_id"};
    const char *key;
    json_t *member;
    if (!json_is_object(value))
        return ferry_error_set(error, FERRY_INVALID, "attachments[%zu]: must be an object", index);
    json_object_foreach((json_t *)value, key, member)
    {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && strcmp(known[i], key) != 0)
            i++;
        if (i == sizeof known / sizeof known[0])
            return ferry_error_set(error, FERRY_INVALID,
                                   "attachments[%zu]: unknown key \"%.60s\"; one has filename, "
                                   "content_type, content, content_id",
                                   index, key);
        if (!json_is_string(member))
            return ferry_error_set(error, FERRY_INVALID, "attachments[%zu].%s: must be a string",
                                   index, key);
    }
    return 0;
}

static int check_values(const struct mail_attachment *attachment, size_t index, ferry_error *error)
{
    if (!attachment->filename || !is_filename(attachment->filename))
        return ferry_error_set(error, FERRY_INVALID,
                               "attachments[%zu].filename: a name without slashes and control "
                               "characters, of at most %d bytes",
                               index, FILENAME_MAX_BYTES);
    if (!is_content_type(attachment->content_type))
        return ferry_error_set(error, FERRY_INVALID,
                               "attachments[%zu].content_type: a type such as application/pdf, "
                               "without parameters, and neither multipart nor message",
                               index);
    if (!attachment->content || !is_base64(attachment->content, attachment->content_length))
        return ferry_error_set(error, FERRY_INVALID,
                               "attachments[%zu].content: base64, padded and without line breaks",
                               index);
    if (attachment->content_id && !is_content_id(attachment->content_id))
        return ferry_error_set(error, FERRY_INVALID,
                               "attachments[%zu].content_id: at most %d letters, digits and -+._@",
                               index, ID_MAX_CHARS);
    return 0;
}

static int read_one(struct mail_attachment *attachment, const json_t *value, size_t index,
                    ferry_error *error)
{
    int rc = check_keys(value, index, error);
    if (rc < 0)
        return rc;
    const json_t *content = json_object_get(value, "content");
    const char *type = json_string_value(json_object_get(value, "content_type"));
    *attachment = (struct mail_attachment){
        .filename = json_string_value(json_object_get(value, "filename")),
        .content_type = type ? type : "application/octet-stream",
        .content = json_string_value(content),
        .content_length = json_string_length(content),
        .content_id = json_string_value(json_object_get(value, "content_id")),
    };
    return check_values(attachment, index, error);
}

static bool has_id(const struct mail_attachment *attachments, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (attachments[i].content_id && strcmp(attachments[i].content_id, id) == 0)
            return true;
    }
    return false;
}

int mail_attachments_parse(struct mail_attachment *attachments, size_t *count, const json_t *list,
                           ferry_error *error)
{
    size_t total = 0;
    *count = 0;
    if (!json_is_array(list))
        return ferry_error_set(error, FERRY_INVALID, "attachments: must be a list");
    if (json_array_size(list) > MAIL_ATTACHMENTS_MAX)
        return ferry_error_set(error, FERRY_TOO_LARGE, "more than %d attachments",
                               (int)MAIL_ATTACHMENTS_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        int rc = read_one(&attachments[i], json_array_get(list, i), i, error);
        if (rc < 0)
            return rc;
        const char *id = attachments[i].content_id;
        if (id && has_id(attachments, i, id))
            return ferry_error_set(error, FERRY_INVALID,
                                   "attachments[%zu].content_id: \"%s\" is there twice", i, id);
        total += attachments[i].content_length / 4 * 3;
        if (total > MAIL_ATTACHMENTS_MAX_BYTES)
            return ferry_error_set(error, FERRY_TOO_LARGE, "attachments of more than %d MiB",
                                   MAIL_ATTACHMENTS_MAX_BYTES >> 20);
        (*count)++;
    }
    return 0;
}

/* ---- writing ---- */

void mail_attachment_write(const struct mail_attachment *attachment, struct bytes *message)
{
    bytes_printf(
        message, "Content-Type: %s%s\r\n",
        strlen(attachment->content_type) + sizeof "Content-Type: " > LINE_MAX_CHARS ? "\r\n " : "",
        attachment->content_type);
    if (attachment->content_id)
        bytes_printf(message, "Content-ID: <%s>\r\n", attachment->content_id);
    bytes_printf(message, "Content-Disposition: %s",
                 attachment->content_id ? "inline" : "attachment");
    mail_header_parameter(message, "filename", attachment->filename);
    bytes_append_text(message, "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    for (size_t at = 0; at < attachment->content_length; at += LINE_MAX_CHARS) {
        size_t left = attachment->content_length - at;
        if (at > 0)
            bytes_append_text(message, "\r\n");
        bytes_append(message, attachment->content + at,
                     left < LINE_MAX_CHARS ? left : LINE_MAX_CHARS);
    }
}
