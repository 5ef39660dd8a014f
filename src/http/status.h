/*
 * HTTP statuses: their reason phrases, and the problem document (RFC 9457) that explains an error
 * to the client. Any thread.
 */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include <stdbool.h>

#include "bytes.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/* Return the registered phrase of a status, or that of its class; never NULL. Static. */
const char *status_reason(int status);

/* Tell whether a reply of this status may have a body. */
bool status_has_body(int status);

/* Append the document. `detail` is for a person; NULL or "" leaves it out. */
void problem_append(struct bytes *out, int status, ferry_code code, const char *detail);

#endif
