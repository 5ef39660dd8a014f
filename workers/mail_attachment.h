/*
 * The attachments of a request:
 *     {"filename": "a.pdf", "content_type": "application/pdf", "content": "JVBERi0x..."}
 * `content` is base64. One with a "content_id" is an image within the html, which shows it by
 * <img src="cid:...">. Without a content_type it is application/octet-stream.
 */
#ifndef WORKERS_MAIL_ATTACHMENT_H
#define WORKERS_MAIL_ATTACHMENT_H

#include <stddef.h>

#include <jansson.h>

#include <ferry/error.h>

#include "bytes.h"

enum { MAIL_ATTACHMENTS_MAX = 20, MAIL_ATTACHMENTS_MAX_BYTES = 20 << 20 };

/* Its strings are the JSON's, and checked. */
struct mail_attachment {
    const char *filename;
    const char *content_type;
    const char *content; /* base64 without line ends */
    size_t content_length;
    const char *content_id; /* NULL: not inline */
};

/* Read a list of them into room for MAIL_ATTACHMENTS_MAX. Returns 0, or FERRY_INVALID,
 * FERRY_TOO_LARGE with `error`. */
int mail_attachments_parse(struct mail_attachment *attachments, size_t *count, const json_t *list,
                           ferry_error *error);

/* Append it as a MIME part: its fields, an empty line, its content without a last line end. */
void mail_attachment_write(const struct mail_attachment *attachment, struct bytes *message);

#endif
