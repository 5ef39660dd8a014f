/*
 * What a caller of the email worker asks for:
 *     {"to": "ann@example.org", "subject": "Hello", "text": "...", "html": "..."}
 * or, with words from the folder of templates (mail_template.h):
 *     {"to": "ann@example.org", "template": "welcome", "data": {"name": "Ann"}}
 * `to`, `cc` and `bcc` take one address or a list; `reply_to` takes one; `attachments` and
 * `headers` are in mail_attachment.h and mail_field.h. Either text or html must be there. A key
 * that is not known is an error: a typo must not lose what it meant.
 */
#ifndef WORKERS_MAIL_REQUEST_H
#define WORKERS_MAIL_REQUEST_H

#include <stddef.h>

#include <ferry/error.h>

#include "mail_address.h"
#include "mail_attachment.h"
#include "mail_field.h"
#include "mail_template.h"

enum { MAIL_RECIPIENTS_MAX = 100 };

/* `recipients` holds to, then cc, then bcc. */
struct mail_request {
    struct mail_address recipients[MAIL_RECIPIENTS_MAX];
    size_t to_count;
    size_t cc_count;
    size_t bcc_count;
    struct mail_address reply_to; /* address NULL: none */
    const char *subject;
    const char *text; /* NULL: none; one of the two is there */
    const char *html;
    struct mail_attachment attachments[MAIL_ATTACHMENTS_MAX];
    size_t attachment_count;
    struct mail_field fields[MAIL_FIELDS_MAX];
    size_t field_count;

    json_t *json;            /* what the strings above point into, */
    struct mail_words words; /* or this */
};

/* Parse a body; `templates` is their folder, or NULL. Returns 0, or FERRY_INVALID,
 * FERRY_UNSUPPORTED, FERRY_TOO_LARGE, FERRY_TRANSIENT (a template that cannot be read),
 * FERRY_INTERNAL with `error`. The request is to be freed in either case. */
int mail_request_parse(struct mail_request *request, const char *body, size_t length,
                       const char *templates, ferry_error *error);
void mail_request_fini(struct mail_request *request);

size_t mail_request_recipient_count(const struct mail_request *request);

#endif
