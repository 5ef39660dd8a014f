/*
 * A mail message as RFC 5322 and MIME want it, ready for SMTP: CRLF lines of at most 76 characters
 * (an address alone may be longer), ASCII throughout, so that no relay has a reason to change it.
 *
 * With everything in it:  mixed( alternative( text, related( html, its images ) ), attachments )
 */
#ifndef WORKERS_MAIL_MESSAGE_H
#define WORKERS_MAIL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <ferry/error.h>

#include "bytes.h"
#include "mail_address.h"
#include "mail_attachment.h"
#include "mail_field.h"

/* What the message says; nothing in it is owned. Who gets a blind copy is the envelope's matter. */
struct mail_message {
    const struct mail_address *from;
    const struct mail_address *to;
    size_t to_count;
    const struct mail_address *cc;
    size_t cc_count;
    const struct mail_address *reply_to; /* or NULL */
    const char *subject;                 /* clean: mail_header_is_clean */
    const char *text;                    /* UTF-8; NULL when there is only html */
    const char *html;                    /* or NULL */
    const struct mail_attachment *attachments;
    size_t attachment_count; /* those with a content_id need html */
    const struct mail_field *fields;
    size_t field_count;
    const char *message_id; /* with its angle brackets */
    int64_t date_ms;        /* wall clock */
};

/* Append the message to `out`; want of memory shows in out->failed. */
void mail_message_write(const struct mail_message *message, struct bytes *out);

/* Append text in the quoted-printable encoding; every kind of line end becomes CRLF. */
void mail_quoted_printable(struct bytes *out, const char *text);

#endif
