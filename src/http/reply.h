/*
 * What whole and streamed replies share. Loop thread.
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "request.h"

/* Tell whether a request can still be replied to; if not, that is logged as `what`. */
bool reply_is_open(const ferry_request *request, const char *what);

/* Return the status, or 500 and a line in the log if it is none for a reply. */
int reply_status(int status);

/* Tell whether the connection ends with this reply. */
bool reply_is_last(const ferry_request *request);

#endif
