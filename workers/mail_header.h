/*
 * The header fields of a message: folding, and RFC 2047 encoded words for what is not ASCII.
 *
 * No line gets longer than 76 characters, unless one address alone is. Values must be clean
 * (mail_header_is_clean): nothing that could end the line it stands in.
 */
#ifndef WORKERS_MAIL_HEADER_H
#define WORKERS_MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"
#include "mail_address.h"

/* Tell whether `text` is UTF-8 without any control character, CR and LF among them. */
bool mail_header_is_clean(const char *text);

/* Append "name: text" for free text, such as a subject. */
void mail_header_text(struct bytes *message, const char *name, const char *text);

/* Append "name: Ann Ott <a@example.org>, b@example.org". */
void mail_header_addresses(struct bytes *message, const char *name,
                           const struct mail_address *addresses, size_t count);

#endif
