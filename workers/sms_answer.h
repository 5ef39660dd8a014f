/*
 * Reading what a gateway answered. It may have sent the message, so that an answer which is not
 * quite as it should be must not make it look as if it had not.
 */
#ifndef WORKERS_SMS_ANSWER_H
#define WORKERS_SMS_ANSWER_H

#include <jansson.h>
#include <stddef.h>

/* Read a body as JSON; one that is none is a text, without the blanks around it. A byte order mark
 * is skipped, what is no UTF-8 becomes "?", and where a number has no room in 64 bits, all of them
 * become strings. The caller's; NULL without memory. */
json_t *sms_answer_read(const char *body, size_t length);

#endif
