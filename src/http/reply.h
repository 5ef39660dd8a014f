/*
 * What whole and streamed replies share. Loop thread.
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <stdint.h>

#include "request.h"

#define REPLY_LENGTH_UNKNOWN SIZE_MAX

/* Tell whether a request can still be replied to; if not, that is logged as `what`. */
bool reply_is_open(const ferry_request *request, const char *what);

/* Return the status, or 500 and a line in the log if it is none for a reply. */
int reply_status(int status);

/* Add the headers that the framing needs. `must_close`: the connection has to end with this reply.
 * Returns whether it will. */
bool reply_prepare(ferry_request *request, int status, const char *content_type, size_t length,
                   bool must_close);

#endif
