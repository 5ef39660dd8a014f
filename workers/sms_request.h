/*
 * What a caller asks of sms:
 *
 *     {"to": "+4915112345678", "text": "Hello", ...}
 *
 * `to` may be a list. All other keys are values for the gateway's templates.
 */
#ifndef WORKERS_SMS_REQUEST_H
#define WORKERS_SMS_REQUEST_H

#include "sms_gateway.h"

enum { SMS_NUMBERS_MAX = 100 };

struct sms_request {
    json_t *json; /* what the strings are in */
    const char *numbers[SMS_NUMBERS_MAX];
    size_t count; /* none is there twice */
    bool is_list;
    const char *text;
};

/* Read and check a request. Returns 0 or FERRY_INVALID; to be finished in any case. */
int sms_request_parse(struct sms_request *request, const struct sms_gateway *gateway,
                      const char *body, size_t length, ferry_error *error);
void sms_request_fini(struct sms_request *request);

#endif
