/* Reading a request, strictly. Any thread; nothing is shared. */
#include "mail_request.h"

#include <jansson.h>
#include <string.h>

#include "mail_header.h"

enum { SUBJECT_MAX_BYTES = 2000 };

static int check_keys(json_t *root, ferry_error *error)
{
    static const char *const known[] = {"to",       "cc",   "bcc",    "reply_to",
                                        "subject",  "text", "html",   "attachments",
                                        "template", "data", "headers"};
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && strcmp(known[i], key) != 0)
            i++;
        if (i == sizeof known / sizeof known[0])
            return ferry_error_set(error, FERRY_INVALID,
                                   "unknown key \"%.60s\"; an e-mail has to, cc, bcc, reply_to, "
                                   "subject, text, html, template, data, attachments, headers",
                                   key);
    }
    return 0;
}

/* Read a string; `text` stays NULL if there is none. */
static int read_text(json_t *root, const char *key, const char **text, ferry_error *error)
{
    json_t *value = json_object_get(root, key);
    if (value && !json_is_string(value))
        return ferry_error_set(error, FERRY_INVALID, "%s: must be a string", key);
    *text = value ? json_string_value(value) : NULL;
    return 0;
}

static int read_recipient(struct mail_request *request, const char *key, json_t *value,
                          size_t *count, ferry_error *error)
{
    size_t index = mail_request_recipient_count(request);
    if (!json_is_string(value))
        return ferry_error_set(error, FERRY_INVALID, "%s: must be an address or a list of them",
                               key);
    if (index == MAIL_RECIPIENTS_MAX)
        return ferry_error_set(error, FERRY_INVALID, "more than %d recipients",
                               (int)MAIL_RECIPIENTS_MAX);
    int rc = mail_address_parse(&request->recipients[index], key, json_string_value(value), error);
    if (rc == 0)
        (*count)++;
    return rc;
}

/* Read one address or a list of them, and count them. */
static int read_recipients(struct mail_request *request, json_t *root, const char *key,
                           size_t *count, ferry_error *error)
{
    json_t *value = json_object_get(root, key);
    if (!value || !json_is_array(value))
        return value ? read_recipient(request, key, value, count, error) : 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        int rc = read_recipient(request, key, json_array_get(value, i), count, error);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_addresses(struct mail_request *request, json_t *root, ferry_error *error)
{
    const char *reply_to = NULL;
    int rc = read_recipients(request, root, "to", &request->to_count, error);
    if (rc == 0 && request->to_count == 0)
        rc = ferry_error_set(error, FERRY_INVALID, "to: missing: whom is it for?");
    if (rc == 0)
        rc = read_recipients(request, root, "cc", &request->cc_count, error);
    if (rc == 0)
        rc = read_recipients(request, root, "bcc", &request->bcc_count, error);
    if (rc == 0)
        rc = read_text(root, "reply_to", &reply_to, error);
    if (rc == 0 && reply_to)
        rc = mail_address_parse(&request->reply_to, "reply_to", reply_to, error);
    return rc;
}

/* Take the words from the request itself. */
static int read_words(struct mail_request *request, json_t *root, ferry_error *error)
{
    int rc = read_text(root, "subject", &request->subject, error);
    if (rc == 0)
        rc = read_text(root, "text", &request->text, error);
    if (rc == 0)
        rc = read_text(root, "html", &request->html, error);
    if (rc < 0)
        return rc;
    if (json_object_get(root, "data"))
        return ferry_error_set(error, FERRY_INVALID, "data: is for a template; there is none");
    if (!request->subject)
        return ferry_error_set(error, FERRY_INVALID, "subject: missing");
    if (!request->text && !request->html)
        return ferry_error_set(error, FERRY_INVALID, "text: missing (or html)");
    return 0;
}

/* Take the words from a template. */
static int fill_template(struct mail_request *request, json_t *root, const char *templates,
                         ferry_error *error)
{
    const char *name = NULL;
    json_t *data = json_object_get(root, "data");
    int rc = read_text(root, "template", &name, error);
    if (rc < 0)
        return rc;
    if (!templates)
        return ferry_error_set(error, FERRY_INVALID,
                               "template: this mailer has no templates (its setting \"templates\" "
                               "names their folder)");
    if (json_object_get(root, "subject") || json_object_get(root, "text") ||
        json_object_get(root, "html"))
        return ferry_error_set(error, FERRY_INVALID,
                               "template: subject, text and html come from it; leave them out");
    if (data && !json_is_object(data))
        return ferry_error_set(error, FERRY_INVALID, "data: must be an object");
    struct mail_words *words = &request->words;
    rc = mail_template_fill(words, templates, name, data, error);
    request->subject = bytes_text(&words->subject);
    request->text = words->has_text ? bytes_text(&words->text) : NULL;
    request->html = words->has_html ? bytes_text(&words->html) : NULL;
    return rc;
}

static int check_subject(const char *subject, ferry_error *error)
{
    if (!mail_header_is_clean(subject))
        return ferry_error_set(error, FERRY_INVALID,
                               "subject: line breaks and control characters are not allowed");
    if (strlen(subject) > SUBJECT_MAX_BYTES)
        return ferry_error_set(error, FERRY_INVALID, "subject: more than %d bytes",
                               (int)SUBJECT_MAX_BYTES);
    return 0;
}

static int read_extras(struct mail_request *request, json_t *root, ferry_error *error)
{
    const json_t *attachments = json_object_get(root, "attachments");
    const json_t *fields = json_object_get(root, "headers");
    int rc = 0;
    if (attachments)
        rc = mail_attachments_parse(request->attachments, &request->attachment_count, attachments,
                                    error);
    for (size_t i = 0; rc == 0 && i < request->attachment_count; i++) {
        if (request->attachments[i].content_id && !request->html)
            rc = ferry_error_set(error, FERRY_INVALID,
                                 "attachments[%zu].content_id: there is no html that shows it", i);
    }
    if (rc == 0 && fields)
        rc = mail_fields_parse(request->fields, &request->field_count, fields, error);
    return rc;
}

int mail_request_parse(struct mail_request *request, const char *body, size_t length,
                       const char *templates, ferry_error *error)
{
    json_error_t json_error;
    *request = (struct mail_request){0};
    if (length == 0)
        return ferry_error_set(error, FERRY_INVALID,
                               "there is no body: send a JSON object, such as {\"to\": \"...\", "
                               "\"subject\": \"...\", \"text\": \"...\"}");
    json_t *root = json_loadb(body, length, JSON_REJECT_DUPLICATES, &json_error);
    request->json = root;
    if (!root)
        return ferry_error_set(error, FERRY_INVALID, "the body is not JSON: line %d: %s",
                               json_error.line, json_error.text);
    if (!json_is_object(root))
        return ferry_error_set(error, FERRY_INVALID, "the body must be a JSON object");
    int rc = check_keys(root, error);
    if (rc == 0)
        rc = read_addresses(request, root, error);
    if (rc == 0)
        rc = json_object_get(root, "template") ? fill_template(request, root, templates, error)
                                               : read_words(request, root, error);
    if (rc == 0)
        rc = check_subject(request->subject, error);
    if (rc == 0)
        rc = read_extras(request, root, error);
    return rc;
}

void mail_request_fini(struct mail_request *request)
{
    for (size_t i = 0; i < mail_request_recipient_count(request); i++)
        mail_address_fini(&request->recipients[i]);
    mail_address_fini(&request->reply_to);
    mail_words_fini(&request->words);
    json_decref(request->json);
    *request = (struct mail_request){0};
}

size_t mail_request_recipient_count(const struct mail_request *request)
{
    return request->to_count + request->cc_count + request->bcc_count;
}
