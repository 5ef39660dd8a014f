/* Reading a request, strictly. Any thread; nothing is shared. */
#include "mail_request.h"

#include <jansson.h>
#include <string.h>

#include "mail_header.h"

enum { SUBJECT_MAX_BYTES = 2000 };

static int check_keys(json_t *root, ferry_error *error)
{
    static const char *const known[] = {"to", "cc", "bcc", "reply_to", "subject", "text", "html"};
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
                                   "subject, text, html",
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

static int read_content(struct mail_request *request, json_t *root, ferry_error *error)
{
    int rc = read_text(root, "subject", &request->subject, error);
    if (rc == 0)
        rc = read_text(root, "text", &request->text, error);
    if (rc == 0)
        rc = read_text(root, "html", &request->html, error);
    if (rc < 0)
        return rc;
    if (!request->subject)
        return ferry_error_set(error, FERRY_INVALID, "subject: missing");
    if (!mail_header_is_clean(request->subject))
        return ferry_error_set(error, FERRY_INVALID,
                               "subject: line breaks and control characters are not allowed");
    if (strlen(request->subject) > SUBJECT_MAX_BYTES)
        return ferry_error_set(error, FERRY_INVALID, "subject: more than %d bytes",
                               (int)SUBJECT_MAX_BYTES);
    if (!request->text && !request->html)
        return ferry_error_set(error, FERRY_INVALID, "text: missing (or html)");
    return 0;
}

int mail_request_parse(struct mail_request *request, const char *body, size_t length,
                       ferry_error *error)
{
    json_error_t json_error;
    *request = (struct mail_request){0};
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
        rc = read_content(request, root, error);
    return rc;
}

void mail_request_fini(struct mail_request *request)
{
    for (size_t i = 0; i < mail_request_recipient_count(request); i++)
        mail_address_fini(&request->recipients[i]);
    mail_address_fini(&request->reply_to);
    json_decref(request->json);
    *request = (struct mail_request){0};
}

size_t mail_request_recipient_count(const struct mail_request *request)
{
    return request->to_count + request->cc_count + request->bcc_count;
}
