/*
 * The header fields of a message: folding, and RFC 2047 encoded words for what is not ASCII, RFC
 * 2231's form in parameters.
 *
 * No line gets longer than 76 characters, unless one address or word alone is. Values must be clean
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

/* Append "name: value" for a field of any other form: ASCII stands as it is, but for blanks, of
 * which one remains where several were; the lines of a longer word get longer than 76. */
void mail_header_value(struct bytes *message, const char *name, const char *value);

/* Append a parameter to the field before it, whose line has not ended: ';', a fold, name="value",
 * or in RFC 2231's form what is long or not ASCII. */
void mail_header_parameter(struct bytes *message, const char *name, const char *value);

#endif
